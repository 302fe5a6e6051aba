// How fast requests may follow each other.
#pragma once
#include <algorithm>
#include <cstddef>

#include "trunkline/error.hpp"

namespace trunkline::delivery {

/// So many a minute, spread evenly; what was not used up to a second ago may go at once. The clock alone moves it.
class Pace {
 public:
  /// 0: as many as one likes.
  void set(int per_minute) {
    step_ = per_minute > 0 ? Duration(std::chrono::minutes{1}) / per_minute : Duration{0};
    slack_ = per_minute > 0 ? step_ * (std::max(per_minute / 60, 1) - 1) : Duration{0};
  }
  bool limits() const { return step_ > Duration{0}; }
  /// How many of `wanted` may go now.
  std::size_t may(Time now, std::size_t wanted) const {
    if (!limits()) return wanted;
    const Duration room = now + slack_ - std::max(due_, now);
    return room < Duration{0} ? 0 : std::min(wanted, static_cast<std::size_t>(room / step_) + 1);
  }
  void went(Time now, std::size_t count) {
    if (limits()) due_ = std::max(due_, now) + step_ * static_cast<Duration::rep>(count);
  }
  /// When the next one may go.
  Time next() const { return due_ - slack_; }

 private:
  Duration step_{};
  Duration slack_{};
  Time due_{};
};

}  // namespace trunkline::delivery
