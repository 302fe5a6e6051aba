// Waits on the host's clock that end on the plugin's own thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <utility>

#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace sms_smpp {

/// The beginning of ids: that of a later process is greater, and two differ also where a virtual clock begins anew.
inline std::uint64_t make_salt(trunkline::Time now) {
  constexpr std::uint64_t kRandom = 0xFFFFF;  // about a millisecond
  return (static_cast<std::uint64_t>(now.time_since_epoch().count()) & ~kRandom) | (std::random_device()() & kRandom);
}

/// However many wait, only the earliest has a sleep of the host's clock. Used and called on the io thread alone; the sleeps keep
/// what they need, so that one which ends late harms nothing.
class Timers {
 public:
  using Key = std::pair<trunkline::Time, std::uint64_t>;

  Timers(boost::asio::io_context& io, const trunkline::host::ClockClient& clock)
      : io_(io), clock_(clock), self_(std::make_shared<Timers*>(this)) {}
  ~Timers() { stop(); }

  trunkline::Time now() const { return clock_.now(); }
  /// `run` must not throw.
  Key at(trunkline::Time due, std::function<void()> run) {
    const Key key{due, ++last_};
    waiting_.emplace(key, std::move(run));
    arm();
    return key;
  }
  Key after(trunkline::Duration delay, std::function<void()> run) { return at(now() + delay, std::move(run)); }
  /// Of one that has run or was cancelled: nothing.
  void cancel(const Key& key) { waiting_.erase(key); }
  /// Forgets everything; nothing runs any more.
  void stop() {
    *self_ = nullptr;
    waiting_.clear();
    stop_.request_stop();
  }

 private:
  void arm() {
    if (waiting_.empty() || *self_ == nullptr) return;
    const trunkline::Time due = waiting_.begin()->first.first;
    if (armed_ && *armed_ <= due) return;  // it will look again when it ends
    armed_ = due;
    trunkline::spawn(sleep(clock_, due - now(), stop_.get_token()),
                     [&io = io_, self = self_, due](trunkline::Result<void> result) {
                       // A host that stops ends every wait: there is nothing left to wait for.
                       if (!result.ok()) return;
                       boost::asio::post(io, [self, due] {
                         if (*self) (*self)->woken(due);
                       });
                     });
  }
  static trunkline::Task<void> sleep(trunkline::host::ClockClient clock, trunkline::Duration delay, std::stop_token stop) {
    trunkline::CallOptions options;
    options.stop = std::move(stop);
    co_await clock.sleep(std::max(delay, trunkline::Duration{0}), std::move(options));
  }
  void woken(trunkline::Time due) {
    if (armed_ == due) armed_.reset();
    const trunkline::Time time = now();
    while (*self_ && !waiting_.empty() && waiting_.begin()->first.first <= time) {
      auto run = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      run();
    }
    arm();
  }

  boost::asio::io_context& io_;
  const trunkline::host::ClockClient clock_;
  const std::shared_ptr<Timers*> self_;
  std::stop_source stop_;
  std::map<Key, std::function<void()>> waiting_;
  std::optional<trunkline::Time> armed_;
  std::uint64_t last_ = 0;
};

}  // namespace sms_smpp
