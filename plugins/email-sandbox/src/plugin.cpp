#include "carrier.h"

TRUNKLINE_EXPORT_PLUGIN(email_sandbox::Carrier)
