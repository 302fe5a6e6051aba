// Statuses of runs and actions.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace trunkline::workflow {

/// Numbers are part of the history format.
enum class Status : std::uint8_t {
  kNotStarted = 0,
  kWaiting = 1,
  kRunning = 2,
  kSucceeded = 3,
  kFailed = 4,
  kSkipped = 5,
  kTimedOut = 6,
  kCancelled = 7,
};

constexpr bool is_final(Status status) { return status >= Status::kSucceeded; }
std::string_view to_text(Status status);
/// Without regard to case.
std::optional<Status> parse_status(std::string_view text);

/// The statuses after which a follower starts.
class StatusSet {
 public:
  void add(Status status) { bits_ |= bit(status); }
  bool has(Status status) const { return (bits_ & bit(status)) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  static constexpr std::uint16_t bit(Status status) { return static_cast<std::uint16_t>(1u << static_cast<unsigned>(status)); }
  std::uint16_t bits_ = 0;
};

}  // namespace trunkline::workflow
