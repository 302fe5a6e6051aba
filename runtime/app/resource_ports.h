// The hosts and ports that the configuration gives to single resources.
#pragma once
#include <string>
#include <vector>

#include "runtime/config/config.h"
#include "runtime/net/http_server.h"

namespace trunkline {
class Runtime;
namespace api {
class Directory;
}
}  // namespace trunkline

namespace trunkline::app {

/// [lifecycle]
class ResourcePorts {
 public:
  explicit ResourcePorts(const Config& config);
  /// What the server must listen on beside its own ports.
  const std::vector<net::HttpServerOptions::Extra>& listeners() const { return listeners_; }
  /// Says where each resource is reached. `bound`: the ports that listeners() became.
  void publish(const std::vector<std::uint16_t>& bound, api::Directory& directory, Runtime& runtime) const;

 private:
  struct OfResource {
    std::string name;
    std::vector<std::string> hosts;
    std::vector<std::size_t> listeners;  // positions in listeners_
  };
  std::string host_;
  std::vector<OfResource> resources_;
  std::vector<net::HttpServerOptions::Extra> listeners_;
};

}  // namespace trunkline::app
