#include "runtime/providers/draining.h"

#include <algorithm>

#include "runtime/diagnostics/log.h"

namespace trunkline {
namespace {

/// For the plugin's own stop; of the wall, like that of a runtime that is closed.
constexpr std::chrono::milliseconds kStopPatience{10'000};

}  // namespace

void Draining::add(std::shared_ptr<Provider> provider, ProviderInstance& instance, Duration drain, std::function<void()> ended) {
  const Time now = host_.clock.now();
  const Time stop_at = now + drain;
  auto entry = std::make_shared<Entry>(
      Entry{std::move(provider), instance, stop_at, stop_at + instance.config().timeout, std::move(ended), {}, false});
  // Jobs never run after they have been stopped, which is before this object goes.
  const auto look = [this, jobs = jobs_, weak = std::weak_ptr(entry)] {
    jobs->post([this, weak] {
      if (const EntryPtr one = weak.lock()) look_at(one);
    });
  };
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back(entry);
    entry->timers.push_back(host_.clock.schedule_at(entry->give_up_at, look));
    if (drain > Duration{0}) entry->timers.push_back(host_.clock.schedule_at(entry->stop_at, look));
    instance.on_idle(look);
  }
  look();
}

std::size_t Draining::count(std::string_view provider) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const EntryPtr& entry) {
    return !entry->over && entry->provider->name() == provider;
  }));
}

// A job.
void Draining::look_at(const EntryPtr& entry) {
  const Time now = host_.clock.now();
  {
    const std::lock_guard lock(mutex_);
    if (entry->over) return;
    const bool drained = now >= entry->stop_at && entry->instance.is_idle();
    if (!drained && now < entry->give_up_at) return;
  }
  let_go(*entry);
  entry->instance.begin_stop();
  const ProviderInstance::End end = entry->instance.finish_stop(kStopPatience, ProviderInstance::Clients::kWaitFor);
  told(*entry, end);
  {
    const std::lock_guard lock(mutex_);
    entry->over = true;
    if (end != ProviderInstance::End::kHeld) entries_.remove(entry);
  }
  if (const auto ended = std::exchange(entry->ended, {})) ended();
}

void Draining::let_go(Entry& entry) {
  for (const Clock::TimerId timer : std::exchange(entry.timers, {})) host_.clock.cancel(timer);
  entry.instance.on_idle({});
}

void Draining::told(const Entry& entry, ProviderInstance::End end) const {
  const bool abandoned = end == ProviderInstance::End::kAbandoned;
  std::string_view text = "an instance that serves no more has drained and stopped";
  if (end == ProviderInstance::End::kHeld)
    text = "an instance that serves no more has stopped; somebody holds an interface of it";
  if (abandoned) text = "an instance that serves no more did not stop";
  host_.log.write(
      abandoned ? LogLevel::kError : LogLevel::kInfo, "providers", text,
      {{"provider", entry.provider->name()}, {"plugin", entry.provider->plugin_id()}, {"instance", entry.instance.number()}});
}

void Draining::begin_stop() {
  const std::lock_guard lock(mutex_);
  for (const EntryPtr& entry : entries_) {
    let_go(*entry);
    entry->instance.begin_stop();
  }
}

void Draining::finish_stop(std::chrono::steady_clock::time_point until) {
  const std::lock_guard lock(mutex_);
  for (const EntryPtr& entry : entries_) {
    entry->instance.begin_stop();  // one that came late
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const auto end =
        entry->instance.finish_stop(std::max(left, std::chrono::milliseconds(0)), ProviderInstance::Clients::kForget);
    if (end == ProviderInstance::End::kAbandoned) told(*entry, end);
  }
  entries_.clear();
}

}  // namespace trunkline
