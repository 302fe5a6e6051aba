#include "chat_matrix.h"

TRUNKLINE_EXPORT_PLUGIN(chat_matrix::ChatMatrix)
