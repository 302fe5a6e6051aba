// The listening end of the live stream. Internal to LiveChat.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/clock/clock.h"
#include "runtime/services/chat_stream.h"

namespace trunkline {

/// What the listener and the line that feeds it share. [any-thread]
struct ChatListener::State : std::enable_shared_from_this<ChatListener::State> {
 public:
  /// Deliveries that wait for a consumer; beyond that it reads the log.
  static constexpr std::size_t kMaxQueued = 512;

  State(ResourcePtr resource, std::string user_id, Executor& executor, Clock& clock);

  /// Where to begin; the state must be on the line already, so that nothing falls between the log and the line.
  void begin(std::optional<std::int64_t> after, std::int64_t last_sequence);
  /// From the line, in order.
  void push(const ChatDeliveryPtr& delivery);
  void close();
  static Task<std::vector<ChatDeliveryPtr>> pull(std::shared_ptr<State> self, std::uint32_t max, std::optional<Duration> timeout);

  const ResourcePtr resource;
  const std::string user_id;
  /// Takes it off the line; called once, without locks.
  UniqueFunction<void()> on_close;

  std::int64_t cursor() const;
  bool closed() const;

 private:
  enum class Wake { kNews, kClosed, kTimeout };
  using Waiter = UniqueFunction<void(Result<Wake>)>;
  class Pending;

  std::vector<ChatDeliveryPtr> take(std::uint32_t max, bool& read_log);
  std::vector<ChatDeliveryPtr> read(std::uint32_t max, bool& more);
  Task<Wake> wait(std::optional<Time> deadline);
  void time_out(std::uint64_t wait_id);
  void resume(Waiter waiter, Wake reason);

  Executor& executor_;
  Clock& clock_;

  mutable std::mutex mutex_;  // guards what follows
  std::deque<ChatDeliveryPtr> queue_;
  std::int64_t cursor_ = 0;
  bool live_ = true;          // false: the queue overflowed; what came since is in the log only
  bool catching_up_ = false;  // the log has not been read to its end; the queue collects what comes meanwhile
  bool closed_ = false;
  bool pending_ = false;
  Waiter waiter_;
  std::uint64_t wait_id_ = 0;
};

}  // namespace trunkline
