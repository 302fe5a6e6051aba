// The host that a plugin under test lives in: virtual clock, data in memory, a carrier's HTTP API that is played from a script,
// and ears for everything the plugin says.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/conformance/event_sink.h"
#include "runtime/conformance/quirks.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/isolation/isolated_plugin.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/http_transport.h"
#include "runtime/plugin/plugin_instance.h"
#include "runtime/store/sqlite_database.h"

namespace trunkline::conformance {

/// The network, as the quirks tell it. [any-thread]
class ScriptedHttp final : public plugin::HttpTransport {
 public:
  ScriptedHttp(Clock& clock, std::vector<HttpRule> rules) : clock_(clock), rules_(std::move(rules)) {}
  Task<host::HttpResponse> send(Call call, host::HttpRequest request) override;
  /// Everything is answered so, until it is taken back with nullopt.
  void answer_all(std::optional<HttpRule> rule);
  std::uint64_t requests() const { return requests_.load(); }
  /// `POST https://…` that no rule answers.
  std::vector<std::string> unanswered() const;

 private:
  HttpRule rule_for(const host::HttpRequest& request);

  Clock& clock_;
  const std::vector<HttpRule> rules_;
  std::atomic<std::uint64_t> requests_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::optional<HttpRule> all_;
  std::vector<std::string> unanswered_;
};

/// An instance under test with its sink.
struct Subject {
  std::shared_ptr<EventSink> sink;
  std::shared_ptr<isolation::IsolatedPlugin> isolated;  // null: it runs in this process
  std::unique_ptr<plugin::PluginInstance> instance;
  plugin::PluginInstance* operator->() const { return instance.get(); }
};

/// Made anew for each check. [lifecycle]
class KitHost {
 public:
  explicit KitHost(const Quirks& quirks);
  ~KitHost();

  Subject open(const plugin::LoadedPlugin& plugin, plugin::InstanceSettings settings);
  Subject open_isolated(const plugin::Manifest& manifest, const isolation::Options& options, plugin::InstanceSettings settings);
  /// Waits for `done`: moves the clock when nothing else happens. False: neither the clock's limit nor the patience brought it.
  bool wait(const std::function<bool()>& done);
  /// Lets everything happen that is going to within `time` on the clock.
  void let_pass(Duration time);
  /// trunkline_plugin_misbehaviour_total by kind.
  std::map<std::string, std::uint64_t> misbehaviour() const;

  const Quirks& quirks;
  Log log{LogOptions{LogLevel::kOff, false, ""}};
  Metrics metrics;
  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  store::SqliteDatabase database{{.name = "kit", .path = ""}, log, metrics, executor, clock};
  ScriptedHttp http;
  Pulse pulse;

 private:
  plugin::HostContext context_;
};

}  // namespace trunkline::conformance
