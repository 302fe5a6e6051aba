// The tokens that callbacks and media sockets carry, and the key that checks them.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/crypto/jwt.h"

namespace trunkline::calls {

/// RS256, as Azure does it. The key is made when it is first needed, since that takes a while, and kept in memory only.
/// [any-thread]
class CallbackSigner {
 public:
  static constexpr std::string_view kIssuer = "https://acscallautomation.communication.azure.com";

  /// A token for the application of a resource. `audience`: the immutable resource id.
  std::string token(const std::string& audience, Time now, Duration lifetime, const std::string& id);
  /// `{"keys":[…]}`
  nlohmann::json keys();

 private:
  struct Key;
  const Key& key();

  std::once_flag once_;
  std::unique_ptr<const Key> key_;

 public:
  CallbackSigner();
  ~CallbackSigner();
};

}  // namespace trunkline::calls
