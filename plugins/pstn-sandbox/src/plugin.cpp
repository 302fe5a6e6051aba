#include "exchange.h"

TRUNKLINE_EXPORT_PLUGIN(pstn_sandbox::Exchange)
