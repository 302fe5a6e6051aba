// Instances that serve no more: they end their calls, are listened to for a while, and are stopped.
#pragma once
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "runtime/clock/clock.h"
#include "runtime/plugin/host_context.h"
#include "runtime/providers/jobs.h"
#include "runtime/providers/provider.h"

namespace trunkline {

/// [any-thread] but for what is marked.
class Draining {
 public:
  Draining(plugin::HostContext& host, JobsPtr jobs) : host_(host), jobs_(std::move(jobs)) {}
  Draining(const Draining&) = delete;

  /// `instance` of `provider` serves no more. It is stopped once its calls have ended, and not before `drain` has passed on the
  /// runtime's clock: what it still hears of its carrier is taken meanwhile. Calls that do not end are cut off when the limit of
  /// one call has passed, too.
  /// `ended`, when there is one, after it has stopped, or when it is dropped because the runtime stops first.
  void add(std::shared_ptr<Provider> provider, ProviderInstance& instance, Duration drain, std::function<void()> ended = {});
  std::size_t count(std::string_view provider) const;

  /// After the jobs have ended: asks all that are left to stop, then waits. [lifecycle]
  void begin_stop();
  void finish_stop(std::chrono::steady_clock::time_point until);

 private:
  struct Entry {
    std::shared_ptr<Provider> provider;
    ProviderInstance& instance;
    Time stop_at, give_up_at;
    std::function<void()> ended;
    std::vector<Clock::TimerId> timers;
    bool over = false;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  void look_at(const EntryPtr& entry);
  void told(const Entry& entry, ProviderInstance::End end) const;
  void let_go(Entry& entry);

  plugin::HostContext& host_;
  const JobsPtr jobs_;
  mutable std::mutex mutex_;
  std::list<EntryPtr> entries_;  // guarded by mutex_
};

}  // namespace trunkline
