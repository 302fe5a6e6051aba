// Internal to Triggers: what one asks, and what it is answered.
#pragma once
#include <algorithm>

#include "runtime/flows/triggers.h"

namespace trunkline::flows {

/// After a firing for which there was no room.
inline constexpr Duration kTryAgain = std::chrono::seconds{10};

/// After so many failures before this one.
inline Duration growing_wait(int failures) {
  return std::min<Duration>(kTryAgain * (std::int64_t{1} << std::min(failures, 10)), std::chrono::hours{1});
}

/// After an answer with this status.
inline bool asking_again_helps(int status) { return status == 408 || status == 429 || status >= 500; }

struct Triggers::Ask {
  const workflow::Action* action = nullptr;
  std::string_view operation;  // see ActionCall::trigger_operation
  SharedValue inputs;
  std::string location;
  Value cursor;
};

struct Triggers::Answer {
  int status = 0;
  ActionAnswer answer;
  std::optional<Duration> asked;  // Retry-After
  std::string location;           // as it was written
};

}  // namespace trunkline::flows
