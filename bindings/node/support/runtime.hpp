// The runtime itself, over the C embedding API.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/object.hpp"
#include "trunkline/call_table.hpp"
#include "trunkline/runtime.h"
#include "trunkline/service_client.hpp"

namespace trunkline::node {

/// A runtime that JavaScript opened. Closing waits until every pending call has completed.
class RuntimeObject final : public Object {
 public:
  /// Blocks: opens databases and loads plugins. Throws Error.
  static std::unique_ptr<RuntimeObject> open(std::string_view config_yaml, std::string_view config_file,
                                             const std::vector<tl_builtin_plugin>& plugins = {});
  ~RuntimeObject() override;

  /// Runs the conformance kit; its report as JSON. Blocks. Throws Error.
  static std::string run_kit(const tl_builtin_plugin& plugin, std::string_view config_json,
                             const std::map<std::string, std::string>& secrets, std::string_view quirks_json,
                             const std::vector<std::string>& only);

  /// Null when there is no such thing.
  std::unique_ptr<Object> service(std::string_view resource, std::string_view id);
  std::unique_ptr<Object> provider(std::string_view provider, std::string_view id);
  /// The time on the runtime's clock.
  Time now() const;

 private:
  explicit RuntimeObject(tl_runtime* runtime);

  tl_runtime* const runtime_;
  CallTable calls_;
  service::RuntimeServiceClient service_;
};

}  // namespace trunkline::node
