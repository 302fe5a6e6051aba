// Who signs the event webhook.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace email_sendgrid {

/// ECDSA on P-256 over SHA-256. [any-thread]
class Verifier {
 public:
  /// `key`: base64 of DER. Throws kInvalidArgument.
  explicit Verifier(std::string_view key);
  ~Verifier();
  /// `signature`: base64 of DER.
  bool verify(std::string_view bytes, std::string_view signature) const;

 private:
  struct Key;
  std::unique_ptr<Key> key_;
};

std::string base64(std::string_view bytes);

}  // namespace email_sendgrid
