#include "issuer.h"

TRUNKLINE_EXPORT_PLUGIN(identity_local::Issuer)
