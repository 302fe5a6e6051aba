// The host that a plugin under test lives in: virtual clock, data in memory, a carrier's HTTP API that is played from a script,
// and ears for everything the plugin says.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/conformance/quirks.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/isolation/isolated_plugin.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/http_transport.h"
#include "runtime/plugin/plugin_instance.h"
#include "runtime/store/sqlite_database.h"
#include "trunkline/chat_provider.hpp"
#include "trunkline/identity_provider.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline::conformance {

/// Woken by whatever happens, so that waits need not poll long. [any-thread]
class Pulse {
 public:
  void beat() {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }
  void wait_briefly() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(1));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

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

/// The typed events of one instance. Outlives it. [any-thread]
class EventSink final : public sms::SmsEvents, public identity::IdentityEvents, public chat::ChatEvents {
 public:
  EventSink(Pulse& pulse, store::Database& database, std::int64_t resource_key, std::string provider)
      : pulse_(pulse), database_(database), resource_key_(resource_key), provider_(std::move(provider)) {}
  Task<void> delivery_report(Call call, sms::DeliveryReport report) override;
  Task<void> received(Call call, sms::InboundSms message) override;
  Task<void> keys_rotated(Call call, std::vector<identity::SigningKey> keys) override;
  Task<void> changed(Call call, std::string resource, chat::ChatChange change, std::optional<host::StoreBatch> batch) override;

  std::vector<sms::DeliveryReport> reports() const;
  std::size_t events() const { return events_.load(); }
  /// The next this many events are refused with kUnavailable.
  void refuse(int count) { refusals_ = count; }
  /// From now on every event is one too many.
  void close() { closed_ = true; }
  std::size_t events_after_close() const { return late_.load(); }

 private:
  void note();

  Pulse& pulse_;
  store::Database& database_;
  const std::int64_t resource_key_;
  const std::string provider_;
  std::atomic<std::size_t> events_{0}, late_{0};
  std::atomic<int> refusals_{0};
  std::atomic<bool> closed_{false};
  mutable std::mutex mutex_;
  std::vector<sms::DeliveryReport> reports_;  // guarded by mutex_
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
