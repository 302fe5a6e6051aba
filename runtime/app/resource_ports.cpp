#include "runtime/app/resource_ports.h"

#include "runtime/api/directory.h"
#include "runtime/core/runtime.h"

namespace trunkline::app {

ResourcePorts::ResourcePorts(const Config& config) : host_(config.listen.host) {
  for (const ResourceConfig& wanted : config.resources) {
    OfResource resource;
    resource.name = wanted.name;
    resource.hosts = wanted.hosts;
    const auto listen = [&](const std::optional<std::uint16_t>& port, bool tls) {
      if (!port) return;
      resource.listeners.push_back(listeners_.size());
      listeners_.push_back({*port, tls});
    };
    listen(wanted.port, false);
    if (config.listen.tls == ListenConfig::Tls::kAuto) listen(wanted.tls_port, true);
    if (!resource.hosts.empty() || !resource.listeners.empty()) resources_.push_back(std::move(resource));
  }
}

void ResourcePorts::publish(const std::vector<std::uint16_t>& bound, api::Directory& directory, Runtime& runtime) const {
  for (const OfResource& resource : resources_) {
    std::vector<std::string> hosts = resource.hosts;
    for (const std::size_t listener : resource.listeners) hosts.push_back(":" + std::to_string(bound[listener]));
    directory.set_hosts(resource.name, std::move(hosts));
    if (resource.listeners.empty()) continue;
    // HTTP stands first where there are both, as for the runtime itself.
    const std::size_t first = resource.listeners.front();
    runtime.set_endpoint(resource.name, std::string(listeners_[first].tls ? "https://" : "http://") + host_ + ":" +
                                            std::to_string(bound[first]) + "/");
  }
}

}  // namespace trunkline::app
