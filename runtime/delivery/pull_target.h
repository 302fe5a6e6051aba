// Consumers that come and take: handlers in this process, iterators, long polls.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/delivery/target.h"
#include "trunkline/task.hpp"

namespace trunkline::delivery {

/// An event that a consumer has taken and must acknowledge.
struct Delivery {
  std::uint64_t id = 0;  // for acknowledge and reject
  events::EventPtr event;
  int attempt = 1;  // from 1
};

/// Events wait here, few of them, until somebody takes them. A consumer gets no more than it asks for; what it took and neither
/// acknowledged nor rejected in time counts as failed and comes again by the retry schedule. Consumers that stay (`Consumer`) are
/// attached; others just take. [any-thread]
class PullTarget final : public Target, public std::enable_shared_from_this<PullTarget> {
 public:
  /// Events of one subscription that are here at a time; the others stay in the log.
  static constexpr std::size_t kMaxWaiting = 256;

  PullTarget(Executor& executor, Clock& clock) : executor_(executor), clock_(clock) {}

  /// Before its first event. What is not open has nothing to take and never will have: takes of it end at once.
  void open(std::uint64_t subscription);
  void deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) override;

  /// 1 to `max` events of a subscription, as soon as there are some; none: it timed out, or was closed, or the consumer was
  /// detached. `lock`: how long the consumer may take over each. `waiting`: the clock of the timeout, for those who wait in real
  /// time; null: ours. `consumer`: one that is attached; 0: nobody in particular.
  Task<std::vector<Delivery>> take(std::uint64_t subscription, std::uint32_t max, Duration lock,
                                   std::optional<Duration> timeout = std::nullopt, Clock* waiting = nullptr,
                                   std::uint64_t consumer = 0);
  /// False: unknown, or too late.
  bool acknowledge(std::uint64_t subscription, std::uint64_t delivery);
  bool reject(std::uint64_t subscription, std::uint64_t delivery, const std::string& reason);
  /// A consumer that never holds more than `credits` events: its takes wait until it has answered for some.
  std::uint64_t attach(std::uint64_t subscription, std::uint32_t credits);
  /// Ends its takes. What it holds goes to whoever takes next, before all others and under new ids.
  void detach(std::uint64_t subscription, std::uint64_t consumer);
  /// Ends the takes that wait, and all later ones; what was taken goes back without an attempt.
  void close(std::uint64_t subscription);
  void stop();

 private:
  struct Offer {
    DeliveryRequest request;
    UniqueFunction<void(DeliveryAnswer)> done;
    Clock::TimerId timer = 0;    // while it is taken
    std::uint64_t consumer = 0;  // who has taken it
  };
  struct Holder {
    std::uint32_t credits = 0;
    std::uint32_t held = 0;
  };
  struct Waiter {
    std::uint64_t id = 0;
    std::uint64_t consumer = 0;
    UniqueFunction<void()> resume;
  };
  struct Queue {
    std::deque<std::uint64_t> offered;  // not taken
    std::map<std::uint64_t, Offer> offers;
    std::map<std::uint64_t, Holder> consumers;
    std::deque<Waiter> waiters;

    /// How many more this consumer may have.
    std::uint32_t room(std::uint64_t consumer) const;
    /// The first waiter that may have an event.
    UniqueFunction<void()> pop_waiter();
  };
  bool answer(std::uint64_t subscription, std::uint64_t delivery, DeliveryAnswer answer);
  std::vector<Delivery> take_now(std::uint64_t subscription, std::uint32_t max, Duration lock, std::uint64_t consumer);
  void wake_waiter(std::uint64_t subscription, std::uint64_t waiter);
  bool is_over(std::uint64_t subscription, std::uint64_t consumer) const;

  Executor& executor_;
  Clock& clock_;
  mutable std::mutex mutex_;
  bool stopped_ = false;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, Queue> queues_;
};

}  // namespace trunkline::delivery
