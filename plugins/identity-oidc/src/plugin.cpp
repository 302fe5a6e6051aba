#include "bridge.h"

TRUNKLINE_EXPORT_PLUGIN(identity_oidc::Bridge)
