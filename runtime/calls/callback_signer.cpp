#include "runtime/calls/callback_signer.h"

#include <nlohmann/json.hpp>

namespace trunkline::calls {

struct CallbackSigner::Key {
  jose::PrivateKey secret = jose::PrivateKey::generate(jose::Algorithm::kRs256);
  crypto::JwtKey open{secret.thumbprint(), secret};
};

CallbackSigner::CallbackSigner() = default;
CallbackSigner::~CallbackSigner() = default;

const CallbackSigner::Key& CallbackSigner::key() {
  std::call_once(once_, [this] { key_ = std::make_unique<const Key>(); });
  return *key_;
}

std::string CallbackSigner::token(const std::string& audience, Time now, Duration lifetime, const std::string& id) {
  const auto seconds = [](Time at) { return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count(); };
  nlohmann::json claims;
  claims["iss"] = kIssuer;
  claims["aud"] = audience;
  claims["jti"] = id;
  claims["iat"] = claims["nbf"] = seconds(now);
  claims["exp"] = seconds(now + lifetime);
  const Key& own = key();
  return crypto::sign_jwt(own.secret, own.open.id, claims);
}

nlohmann::json CallbackSigner::keys() {
  nlohmann::json out;
  out["keys"] = nlohmann::json::array({crypto::to_jwk(key().open)});
  return out;
}

}  // namespace trunkline::calls
