// Keeps the process of one plugin instance running.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/isolation/options.h"
#include "runtime/isolation/session.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/manifest.h"
#include "trunkline/app_plugin.h"

namespace trunkline::isolation {

/// What is a tl_plugin to its host. A process that is lost is started again after a wait that doubles; one that is lost too often
/// is not started any more. Meanwhile calls fail at once, so that others take over.
///
/// running -> (lost) -> waiting -> (clock) -> starting -> running; waiting or starting -> (too often) -> quarantined.
/// [lifecycle] members are marked; the others are [any-thread].
class IsolatedInstance : public std::enable_shared_from_this<IsolatedInstance> {
 public:
  enum class State { kStarting, kRunning, kWaiting, kQuarantined, kStopping, kStopped };

  IsolatedInstance(const plugin::Manifest& manifest, std::string provider, const Options& options, plugin::HostContext& context,
                   const tl_host* host, std::string config_json);
  ~IsolatedInstance();

  /// `hook`: a process that ran was lost, and why; on the thread that read from it, never under a lock. Before start().
  void set_on_lost(std::function<void(const std::string& why)> hook) { on_lost_ = std::move(hook); }
  /// Starts the process and waits for the plugin in it. Throws what its create said, or why there is none. [lifecycle]
  void start();
  tl_iface interface(std::string_view id);
  /// [lifecycle]
  void stop(void (*done)(void* user), void* user);
  /// After `done`. [lifecycle]
  void destroy();
  /// The process goes now, whatever it does. [lifecycle]
  void abandon();

  State state() const;
  /// Why it does not run, as callers are told.
  std::string trouble() const;
  int process_id() const;
  /// Threads of its process that are the plugin's own.
  int plugin_threads() const;

 private:
  struct Target;
  friend struct Target;

  void begin(const Target& target, const wire::Operation& operation, const tl_call* call, const void* const* arguments,
             wire::AnyDone done, void* user) noexcept;
  void launch();
  std::string greeting() const;
  void created(const remote::Frame& frame);
  void lost(const std::shared_ptr<Session>& session, const Loss& loss);
  void schedule_restart(std::unique_lock<std::mutex>& lock, const Loss& loss);
  void restart();
  void stopped();
  void misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept;
  void set_busy(bool busy) noexcept;
  Error unavailable(std::string_view operation) const;
  std::string trouble_now(std::optional<Duration>& wait) const;
  void set_state(State state);

  const plugin::Manifest& manifest_;
  const std::string provider_;
  const std::string where_;  // `provider carrier-a (plugin sms-x)`
  const Options options_;
  plugin::HostContext& context_;
  const tl_host* const host_;
  const abi::Errors errors_;  // of this module: the host is part of it
  const std::string config_json_;
  const tl_iface work_;                              // tl_app_work
  std::function<void(const std::string&)> on_lost_;  // set before start() only
  std::atomic<std::uint64_t> incidents_{0};
  Counter restarts_;
  Gauge running_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  State state_ = State::kStarting;
  std::shared_ptr<Session> session_;  // null: there is no process
  // The one before it. Its thread may just be ending, and is waited for before anything goes that it uses: in start(), destroy()
  // and abandon(), and before the next one begins.
  std::shared_ptr<Session> gone_;
  bool ever_ran_ = false;
  std::optional<Error> refusal_;
  Loss last_loss_;
  std::deque<Time> losses_;  // recent ones
  std::optional<Time> restart_at_;
  Clock::TimerId timer_ = 0;
  WorkGuard starting_;  // while a process that was started again gets ready: the clock waits
  std::map<std::string, std::unique_ptr<Target>, std::less<>> targets_;
  void (*stop_done_)(void* user) = nullptr;
  void* stop_user_ = nullptr;
};

}  // namespace trunkline::isolation
