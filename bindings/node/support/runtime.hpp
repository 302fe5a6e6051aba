// The runtime itself, over the C embedding API.
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "support/object.hpp"
#include "trunkline/app_plugin.h"
#include "trunkline/call_table.hpp"
#include "trunkline/runtime.h"
#include "trunkline/service_client.hpp"

namespace trunkline::node {

/// A runtime that JavaScript opened. Closing waits until every pending call has completed.
class RuntimeObject final : public Object {
 public:
  /// Blocks: opens databases and loads plugins. Throws Error.
  static std::unique_ptr<RuntimeObject> open(std::string_view config_yaml, std::string_view config_file,
                                             std::span<const tl_app_plugin> plugins);
  ~RuntimeObject() override;

  /// Null when there is no such thing.
  std::unique_ptr<Object> service(std::string_view resource, std::string_view id);
  std::unique_ptr<Object> provider(std::string_view provider, std::string_view id);
  /// The time on the runtime's clock.
  Time now() const;
  RuntimeObject* as_runtime() override { return this; }

  /// The runtime for work on another thread, which may see it closed.
  struct Open {
    std::mutex mutex;               // held while it is used or closed
    tl_runtime* runtime = nullptr;  // null: closed
    /// Blocks. Throws Error.
    void add_provider(const tl_app_plugin& plugin, std::string_view provider_json, bool first);
    /// Durations in nanoseconds; negative: as usual. Blocks. Throws Error.
    void replace_provider(const tl_app_plugin& plugin, std::string_view provider_json, std::int64_t probation,
                          std::int64_t drain);
  };
  const std::shared_ptr<Open>& shared() const { return open_; }

 private:
  explicit RuntimeObject(tl_runtime* runtime);

  const std::shared_ptr<Open> open_ = std::make_shared<Open>();
  tl_runtime* const runtime_;
  CallTable calls_;
  service::RuntimeServiceClient service_;
};

/// The value of an error of libtrunkline, which is freed.
Error take_error(tl_error* error);

}  // namespace trunkline::node
