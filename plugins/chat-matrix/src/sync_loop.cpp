#include "sync_loop.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace chat_matrix {

using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::LogLevel;

namespace {

constexpr const char* kPosition = "sync";
constexpr std::size_t kTimeline = 50;  // events of one room in one answer; more are a gap
constexpr Duration kFirstDelay = std::chrono::seconds(1);
constexpr Duration kLongestDelay = std::chrono::minutes(1);

}  // namespace

SyncLoop::SyncLoop(trunkline::Host host, Core& core, Inbound& inbound)
    : executor_(host.executor()), core_(core), inbound_(inbound), timeline_limit_(kTimeline) {}

void SyncLoop::start() {
  {
    const std::lock_guard lock(mutex_);
    if (started_ || stopped()) return;
    started_ = running_ = true;
  }
  trunkline::spawn(run(), [this](const trunkline::Result<void>& result) {
    // run() deals with failures; one it does not know must not end the telling without a word.
    if (!result.ok())
      core_.log.write(LogLevel::kError, "nothing is told of the homeserver any more",
                      Properties{{"reason", result.error().message}});
    ended();
  });
}

Task<void> SyncLoop::stop() {
  stop_.request_stop();
  auto start = [this](auto done) {
    {
      const std::lock_guard lock(mutex_);
      if (running_) {
        idle_ = [done]() mutable { done(trunkline::Result<void>{}); };
        return;
      }
    }
    done(trunkline::Result<void>{});
  };
  co_await trunkline::from_callback<void>(std::move(start));
}

void SyncLoop::ended() {
  std::function<void()> idle;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    idle = std::move(idle_);
  }
  if (idle) idle();
}

CallOptions SyncLoop::options() const {
  CallOptions options;
  options.stop = stop_.get_token();
  return options;
}

Task<void> SyncLoop::sleep(Duration delay) {
  try {
    co_await core_.clock.sleep(delay, options());
  } catch (const Error&) {
    // Cancelled: the loop looks whether it is to end.
  }
}

Task<void> SyncLoop::run() {
  co_await executor_.yield();  // whoever started us has other things to do
  while (!stopped()) {
    Duration wait{0};
    try {
      co_await run_once();
      recovered();
      if (core_.settings.sync_wait == Duration{0}) wait = core_.settings.poll;
    } catch (const Error& error) {
      if (!stopped()) wait = after(error);
    }
    if (wait > Duration{0} && !stopped()) co_await sleep(wait);
  }
}

Task<void> SyncLoop::run_once() {
  if (!ready_) {
    co_await core_.matrix.ensure_user(core_.names.bot(), options());
    try {
      const Bytes position = co_await core_.own_store.get(kPosition);
      since_ = text_of(position);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
    }
    ready_ = true;
  }
  json answer = co_await core_.matrix.sync(since_, timeline_limit_, options());
  const std::string next = text_of(answer, "next_batch");
  if (next.empty()) throw Error(ErrorCode::kUnavailable, "the homeserver's answer says not where it ends").with_retry();
  co_await inbound_.take(std::move(answer), since_);
  if (next == since_) co_return;
  co_await core_.own_store.put(kPosition, bytes_of(next));
  since_ = next;
  timeline_limit_ = kTimeline;
}

Duration SyncLoop::after(const Error& failure) {
  // An answer that does not fit: less of each room, and the rest as a gap.
  if (failure.code == ErrorCode::kResourceExhausted && failure.provider_code.empty() && timeline_limit_ > 1) {
    timeline_limit_ = std::max<std::size_t>(timeline_limit_ / 4, 1);
    return Duration{1};
  }
  // A homeserver that has lost the position (a database put back) is asked from the beginning; what is known is told only once.
  if (failure.code == ErrorCode::kInvalidArgument && !failure.provider_code.empty()) since_.clear();
  if (delay_ == Duration{0})
    core_.log.write(failure.provider_code == "M_UNKNOWN_TOKEN" ? LogLevel::kError : LogLevel::kWarning,
                    "what happens on the homeserver cannot be told", Properties{{"reason", failure.message}});
  delay_ = std::clamp(delay_ * 2, kFirstDelay, kLongestDelay);
  return std::max(delay_, failure.retry_after.value_or(Duration{0}));
}

void SyncLoop::recovered() {
  if (delay_ == Duration{0}) return;
  delay_ = Duration{0};
  core_.log.write(LogLevel::kInfo, "what happens on the homeserver is told again");
}

}  // namespace chat_matrix
