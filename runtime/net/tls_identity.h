// Who we are in TLS.
#pragma once
#include <string>

#include "runtime/base/secret.h"

namespace trunkline::net {

/// What one end of a connection shows: its certificate, intermediates after it, and the key.
struct TlsIdentity {
  std::string chain_pem;
  Secret key_pem;
};

}  // namespace trunkline::net
