// What was asked of the host and has not been answered.
#pragma once
#include <functional>
#include <utility>

namespace email_smtp_server {

/// The plugin must not go before these have ended: they use it. [server's thread]
class InFlight {
 public:
  void begin() { ++count_; }
  void end() {
    if (--count_ == 0 && idle_) std::exchange(idle_, nullptr)();
  }
  /// `idle` runs once nothing is in flight, perhaps now.
  void when_idle(std::function<void()> idle) {
    if (count_ == 0) return idle();
    idle_ = std::move(idle);
  }

 private:
  int count_ = 0;
  std::function<void()> idle_;
};

}  // namespace email_smtp_server
