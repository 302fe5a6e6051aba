#include "gateway.h"

TRUNKLINE_EXPORT_PLUGIN(pstn_webrtc::Gateway)
