// A request to stop, from whoever may ask to whoever works.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "runtime/base/function.h"

namespace trunkline::net {

/// Copies share one state. A default-constructed token can never be cancelled; make() gives one that can. [any-thread]
class CancelToken {
 public:
  CancelToken() = default;
  static CancelToken make() {
    CancelToken token;
    token.state_ = std::make_shared<State>();
    return token;
  }

  bool can_be_cancelled() const { return state_ != nullptr; }
  bool cancelled() const {
    if (!state_) return false;
    const std::lock_guard lock(state_->mutex);
    return state_->cancelled;
  }
  void cancel() {
    if (!state_) return;
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->cancelled, true)) return;
    for (auto& [id, fn] : state_->subscribers) fn();
    state_->subscribers.clear();
  }
  /// Calls fn at most once, perhaps before it returns (then the result is 0). fn must be quick and must not come back here.
  std::uint64_t subscribe(UniqueFunction<void()> fn) {
    if (!state_) return 0;
    const std::lock_guard lock(state_->mutex);
    if (state_->cancelled) {
      fn();
      return 0;
    }
    state_->subscribers.emplace(++state_->last_id, std::move(fn));
    return state_->last_id;
  }
  /// After it returns the function is not running and will not run.
  void unsubscribe(std::uint64_t id) {
    if (!state_ || id == 0) return;
    const std::lock_guard lock(state_->mutex);
    state_->subscribers.erase(id);
  }

 private:
  struct State {
    std::mutex mutex;
    bool cancelled = false;
    std::uint64_t last_id = 0;
    std::map<std::uint64_t, UniqueFunction<void()>> subscribers;
  };
  std::shared_ptr<State> state_;
};

}  // namespace trunkline::net
