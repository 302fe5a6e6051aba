#include "provider.h"

TRUNKLINE_EXPORT_PLUGIN(email_azure::Provider)
