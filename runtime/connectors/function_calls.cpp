#include "runtime/connectors/function_calls.h"

#include <algorithm>
#include <utility>

#include "runtime/base/strings.h"

namespace trunkline::connectors {
namespace {

flows::ActionAnswer nobody(const std::string& function) {
  flows::ActionAnswer answer = flows::ActionAnswer::failed("ServiceUnavailable", "FunctionNotAvailable",
                                                           "Nobody takes calls of the function '" + function + "'.");
  answer.retryable = true;
  return answer;
}

flows::ActionAnswer cancelled() {
  flows::ActionAnswer answer =
      flows::ActionAnswer::failed("Cancelled", "Cancelled", "The call was cancelled before the function had answered.");
  answer.status = workflow::Status::kCancelled;
  return answer;
}

}  // namespace

bool FunctionCalls::has_consumer(const std::string& function) const {
  return std::any_of(consumers_.begin(), consumers_.end(), [&](const auto& one) { return one.second.function == function; });
}

UniqueFunction<void()> FunctionCalls::waiter_of(const std::string& function) {
  for (auto& [id, consumer] : consumers_)
    if (consumer.function == function && consumer.resume && consumer.held < consumer.credits)
      return std::exchange(consumer.resume, nullptr);
  return nullptr;
}

void FunctionCalls::call(FunctionCall call, net::CancelToken cancel, Done done) {
  const std::string function = to_lower(call.function);
  UniqueFunction<void()> waiter;
  std::int64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_ && has_consumer(function)) {
      id = call.id = ++last_call_;
      calls_.emplace(id, Pending{std::move(call), std::move(done), 0, cancel, 0});
      queues_[function].push_back(id);
      waiter = waiter_of(function);
    }
  }
  if (id == 0) return done(nobody(call.function));
  // Not on this stack: whoever cancels holds the token's lock, and what is told of it may come back to the token.
  const std::uint64_t subscription = cancel.subscribe([self = weak_from_this(), id, &executor = executor_] {
    executor.post([self, id] {
      if (const auto alive = self.lock()) alive->complete(id, cancelled());
    });
  });
  if (subscription != 0) {
    const std::lock_guard lock(mutex_);
    if (const auto found = calls_.find(id); found != calls_.end()) found->second.subscription = subscription;
  }
  if (waiter) executor_.post(std::move(waiter));
}

std::uint64_t FunctionCalls::attach(std::string_view function, std::uint32_t credits) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = ++last_consumer_;
  if (!stopped_) consumers_.emplace(id, Consumer{to_lower(function), credits, 0, nullptr});
  return id;
}

void FunctionCalls::detach(std::uint64_t consumer) {
  UniqueFunction<void()> own, other;
  std::vector<Pending> lost;
  {
    const std::lock_guard lock(mutex_);
    const auto found = consumers_.find(consumer);
    if (found == consumers_.end()) return;
    own = std::move(found->second.resume);
    const std::string function = found->second.function;
    consumers_.erase(found);
    std::deque<std::int64_t>& queue = queues_[function];
    for (auto& [id, pending] : calls_)
      if (pending.consumer == consumer) {
        pending.consumer = 0;
        queue.push_front(id);
      }
    if (has_consumer(function)) {
      if (!queue.empty()) other = waiter_of(function);
    } else {
      for (const std::int64_t id : queue)
        if (const auto at = calls_.find(id); at != calls_.end()) {
          lost.push_back(std::move(at->second));
          calls_.erase(at);
        }
      queues_.erase(function);
    }
  }
  if (own) executor_.post(std::move(own));
  if (other) executor_.post(std::move(other));
  for (Pending& pending : lost) {
    pending.cancel.unsubscribe(pending.subscription);
    pending.done(nobody(pending.call.function));
  }
}

std::vector<FunctionCall> FunctionCalls::take_now(std::uint64_t consumer, std::uint32_t max, bool& over) {
  std::vector<FunctionCall> taken;
  const auto found = consumers_.find(consumer);
  over = found == consumers_.end();
  if (over) return taken;
  std::deque<std::int64_t>& queue = queues_[found->second.function];
  while (!queue.empty() && taken.size() < max && found->second.held < found->second.credits) {
    const auto call = calls_.find(queue.front());
    queue.pop_front();
    if (call == calls_.end()) continue;  // cancelled meanwhile
    call->second.consumer = consumer;
    ++found->second.held;
    taken.push_back(call->second.call);
  }
  return taken;
}

Task<std::vector<FunctionCall>> FunctionCalls::take(std::uint64_t consumer, std::uint32_t max) {
  for (;;) {
    std::vector<FunctionCall> taken;
    bool over = false;
    {
      const std::lock_guard lock(mutex_);
      taken = take_now(consumer, max, over);
    }
    if (over || !taken.empty()) co_return taken;
    auto wait = [this, consumer](auto done) {
      bool now = false;
      {
        const std::lock_guard lock(mutex_);
        const auto found = consumers_.find(consumer);
        now =
            found == consumers_.end() || (!queues_[found->second.function].empty() && found->second.held < found->second.credits);
        if (!now) found->second.resume = [done = std::move(done)]() mutable { done(Result<void>()); };
      }
      if (now) done(Result<void>());
    };
    co_await from_callback<void>(std::move(wait));
  }
}

void FunctionCalls::release(std::uint64_t consumer) {
  const auto found = consumers_.find(consumer);
  if (found != consumers_.end() && found->second.held > 0) --found->second.held;
}

bool FunctionCalls::complete(std::int64_t id, flows::ActionAnswer answer) {
  Pending pending;
  UniqueFunction<void()> waiter;
  {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(id);
    if (found == calls_.end()) return false;
    pending = std::move(found->second);
    calls_.erase(found);
    release(pending.consumer);
    const std::string function = to_lower(pending.call.function);
    if (!queues_[function].empty()) waiter = waiter_of(function);
  }
  pending.cancel.unsubscribe(pending.subscription);
  if (waiter) executor_.post(std::move(waiter));
  pending.done(std::move(answer));
  return true;
}

void FunctionCalls::stop() {
  std::map<std::int64_t, Pending> calls;
  std::map<std::uint64_t, Consumer> consumers;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    calls = std::exchange(calls_, {});
    consumers = std::exchange(consumers_, {});
    queues_.clear();
  }
  for (auto& [id, consumer] : consumers)
    if (consumer.resume) executor_.post(std::move(consumer.resume));
  for (auto& [id, pending] : calls) {
    pending.cancel.unsubscribe(pending.subscription);
    pending.done(nobody(pending.call.function));
  }
}

}  // namespace trunkline::connectors
