// The management plane of Microsoft.Communication: communication services, email services and what is below them.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace trunkline {
class ArmOperations;
class Clock;
class EmailDomainService;
class ResourceService;
struct Resource;
namespace server {
struct Route;
}
namespace api {

struct ArmServices {
  ResourceService& resources;
  EmailDomainService& email;
  ArmOperations& operations;
  Clock& clock;
  /// Connection string of a resource with the given key; what `listKeys` says.
  std::function<std::string(const Resource&, const std::string& key)> connection_string;
  /// Host name that clients reach the resource by.
  std::function<std::string(const Resource&)> host_name;
};

/// `services` is copied; what it refers to must outlive the routes.
void add_arm_communication_routes(std::vector<server::Route>& routes, const ArmServices& services);
// The areas that it is made of.
void add_arm_resource_routes(std::vector<server::Route>& routes, const ArmServices& services);
void add_arm_email_service_routes(std::vector<server::Route>& routes, const ArmServices& services);
void add_arm_email_domain_routes(std::vector<server::Route>& routes, const ArmServices& services);
void add_arm_email_child_routes(std::vector<server::Route>& routes, const ArmServices& services);

/// Published versions of the provider.
const std::vector<std::string>& arm_communication_versions();

}  // namespace api
}  // namespace trunkline
