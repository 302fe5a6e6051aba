// A channel lives as long as the token that opened it.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/clock/clock.h"
#include "runtime/services/token_watch.h"

namespace trunkline::realtime {

/// Close code of a WebSocket whose token has expired or was revoked.
inline constexpr std::uint16_t kTokenEnded = 4401;

/// Calls a function once when the token expires, is revoked, or its user is deleted; never after this object is gone, except for
/// a call already under way. [any-thread]
class TokenLife {
 public:
  TokenLife(Clock& clock, TokenWatch& watch, std::int64_t resource_key, std::string user_id, std::optional<Time> expires_at,
            UniqueFunction<void()> ended);
  TokenLife(const TokenLife&) = delete;
  ~TokenLife();

  /// The function to call; at once, when it was over before. Only for one that was made without.
  void on_end(UniqueFunction<void()> ended);

 private:
  struct State {
    std::mutex mutex;
    UniqueFunction<void()> ended;
    bool over = false;
    void end();
  };

  Clock& clock_;
  TokenWatch& watch_;
  const std::int64_t resource_key_;
  const std::string user_id_;
  const std::shared_ptr<State> state_;
  TokenWatch::Id watched_ = 0;
  Clock::TimerId timer_ = 0;
};

}  // namespace trunkline::realtime
