#include "runtime/realtime/token_life.h"

#include <utility>

namespace trunkline::realtime {

void TokenLife::State::end() {
  UniqueFunction<void()> fn;
  {
    const std::lock_guard lock(mutex);
    over = true;
    fn = std::move(ended);
    ended.reset();
  }
  if (fn) fn();
}

void TokenLife::on_end(UniqueFunction<void()> ended) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->over) {
      state_->ended = std::move(ended);
      return;
    }
  }
  ended();
}

TokenLife::TokenLife(Clock& clock, TokenWatch& watch, std::int64_t resource_key, std::string user_id,
                     std::optional<Time> expires_at, UniqueFunction<void()> ended)
    : clock_(clock), watch_(watch), resource_key_(resource_key), user_id_(std::move(user_id)), state_(std::make_shared<State>()) {
  state_->ended = std::move(ended);
  watched_ = watch_.watch(resource_key_, user_id_, [state = state_] { state->end(); });
  if (expires_at) timer_ = clock_.schedule_at(*expires_at, [state = state_] { state->end(); });
}

TokenLife::~TokenLife() {
  watch_.forget(resource_key_, user_id_, watched_);
  if (timer_ != 0) clock_.cancel(timer_);
  const std::lock_guard lock(state_->mutex);
  state_->ended.reset();
}

}  // namespace trunkline::realtime
