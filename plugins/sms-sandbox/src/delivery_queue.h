// Runs deliveries when their time has come.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"
#include "world.h"

namespace sms_sandbox {

/// Deliveries by due time on the host's clock. However many wait, only the earliest due time has a sleep of its own, and
/// everything that is due in the same millisecond runs together. [any-thread]
class DeliveryQueue {
 public:
  /// `deliver` must not throw. It runs on the host's threads, at most kMaxActive at a time; the others wait in order. They are
  /// begun one after the other: what a delivery does before it waits for anything, it does before the next one is begun. So the
  /// host hears of what is due at once in the same order each time, whatever its threads do.
  using Deliver = std::function<trunkline::Task<void>(std::unique_ptr<Delivery>)>;
  static constexpr std::size_t kMaxActive = 256;

  DeliveryQueue(const trunkline::host::ClockClient& clock, Deliver deliver) : clock_(clock), deliver_(std::move(deliver)) {}

  void add(std::vector<std::pair<trunkline::Time, Delivery>> deliveries);
  void add(trunkline::Time due, std::unique_ptr<Delivery> delivery);
  /// Drops what waits and completes once what runs has ended. Nothing is taken afterwards.
  trunkline::Task<void> stop();

 private:
  void insert(trunkline::Time due, std::unique_ptr<Delivery> delivery);
  void arm();
  trunkline::Task<void> wait(trunkline::Time due);
  void woken(trunkline::Time due);
  void begin_ready();
  void ended();

  const trunkline::host::ClockClient& clock_;
  const Deliver deliver_;
  std::stop_source stop_;

  std::mutex mutex_;
  std::multimap<trunkline::Time, std::unique_ptr<Delivery>> waiting_;  // a delivery is large: it stays where it is
  std::deque<std::unique_ptr<Delivery>> ready_;
  std::optional<trunkline::Time> armed_;  // the earliest due time that a sleep waits for
  std::size_t active_ = 0;                // deliveries
  bool beginning_ = false;                // a thread is in begin_ready(), and begins for all
  std::size_t running_ = 0;               // sleeps and deliveries
  bool stopped_ = false;
  std::function<void()> idle_;  // set by stop()
};

}  // namespace sms_sandbox
