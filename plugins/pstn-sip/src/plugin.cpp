#include "carrier.h"

TRUNKLINE_EXPORT_PLUGIN(pstn_sip::Carrier)
