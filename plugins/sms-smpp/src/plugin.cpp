#include "carrier.h"

TRUNKLINE_EXPORT_PLUGIN(sms_smpp::Carrier)
