// How the server learns about resources without knowing the service behind them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/secret.h"

namespace trunkline::server {

/// A resource as far as requests are concerned. Immutable; a changed resource is a new object.
struct ResourceKeys {
  std::string name;
  std::string id;        // GUID
  Secret primary_key;    // base64; empty: cannot be used
  Secret secondary_key;  // base64; empty: cannot be used
  /// False: access keys are turned off (`disableLocalAuth`).
  bool local_auth = true;
  /// Further `host`, `host:port` or `:port` values that mean this resource, beside `<name>.localhost` and
  /// `<name>.communication.*`.
  std::vector<std::string> hosts;
  /// The service's own object, handed through to handlers.
  std::shared_ptr<const void> owner;
};

/// Implemented above the server. [any-thread]
class ResourceDirectory {
 public:
  virtual ~ResourceDirectory() = default;
  /// Differs after every change of a resource or a key.
  virtual std::uint64_t version() const = 0;
  /// All resources, the default one first. An unchanged resource is the same object as before.
  virtual std::vector<std::shared_ptr<const ResourceKeys>> list() const = 0;
};

}  // namespace trunkline::server
