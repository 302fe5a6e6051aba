// Where secrets come from.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "runtime/base/secret.h"
#include "runtime/config/config.h"

namespace trunkline {

/// Fetches secrets when they are used, so that a rotated file or a new token of a command is seen without a restart. Nothing is
/// cached. [any-thread]
class SecretSource {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string&)>;

  /// `environment` empty: the process's.
  explicit SecretSource(Environment environment = {});

  /// The secret; files and commands without their last line end. Blocks for a command, so keep it off the executor. An empty
  /// reference gives an empty Secret. Throws kFailedPrecondition, naming the reference's path and never what was read: a missing
  /// variable or file, a command that fails, that says nothing, or (kDeadlineExceeded) that takes longer than its timeout.
  Secret resolve(const SecretRef& ref) const;
  /// Why resolve would fail, as far as can be told without reading the secret; empty when nothing stands against it.
  std::string check(const SecretRef& ref) const;

 private:
  Environment environment_;
};

}  // namespace trunkline
