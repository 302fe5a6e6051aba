// Carriers' reports that name a message by their own id only, and come before the answer with that id is on disk.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/context.h"
#include "trunkline/task.hpp"

namespace trunkline {

/// Keeps them, durably, until somebody knows whose they are; what nobody asks for is dropped after a quarter of an hour, and of
/// too many the oldest. Nobody knows which resource they belong to, so they rest in the system's database. [any-thread]
class EarlyReports {
 public:
  static constexpr Duration kKept = std::chrono::minutes{15};
  static constexpr std::size_t kMost = 10'000;

  struct Report {
    std::int64_t row = 0;
    Time received_at{};
    std::string body;
  };
  struct Id {
    std::string provider;
    std::string provider_message_id;
    friend auto operator<=>(const Id&, const Id&) = default;
  };

  /// `kind`: `sms` or `email`; keeps the services' reports apart.
  EarlyReports(ServiceContext& context, std::string kind);

  /// What an earlier process left. [lifecycle]
  std::vector<Id> load();
  /// Durable when it completes. Look again afterwards whether the message is known by now: the answer may have been written in
  /// between, and whoever wrote it has not seen this one.
  Task<void> keep(Id id, std::string body);
  /// Those of one id, the oldest first; they are the caller's from now on, who calls forget() when they have been applied.
  std::vector<Report> take(const Id& id);
  Task<void> forget(std::vector<Report> reports);
  /// False: there are none; nothing need be asked for.
  bool any() const { return count_.load(std::memory_order_acquire) > 0; }
  /// Ends the timer. [lifecycle]
  void stop();

 private:
  void add(Id id, Report report);
  void arm(Time at);
  /// Those that came before `until`, and what is too much.
  void drop(Time until);

  ServiceContext& context_;
  const std::string kind_;
  mutable std::mutex mutex_;  // guards what follows; never held across I/O or a call
  std::map<std::int64_t, std::pair<Id, Report>> by_row_;
  std::multimap<Id, std::int64_t> by_id_;
  std::int64_t last_row_ = 0;
  std::uint64_t timer_ = 0;
  bool stopped_ = false;
  std::atomic<std::size_t> count_{0};
  Counter early_, dropped_;
};

}  // namespace trunkline
