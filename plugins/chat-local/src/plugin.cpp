#include "chat_local.h"

TRUNKLINE_EXPORT_PLUGIN(chat_local::ChatLocal)
