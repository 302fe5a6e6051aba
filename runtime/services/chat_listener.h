// The listening end of the live stream. Internal to LiveChat.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/clock/signal.h"
#include "runtime/services/chat_stream.h"

namespace trunkline {

/// [any-thread] Closes its state when it goes.
class LiveChatListener final : public ChatListener {
 public:
  class State;
  explicit LiveChatListener(std::shared_ptr<State> state) : state_(std::move(state)) {}
  LiveChatListener(const LiveChatListener&) = delete;
  ~LiveChatListener() override;

  Task<std::vector<ChatDeliveryPtr>> next(std::uint32_t max) override;
  Task<std::vector<ChatDeliveryPtr>> next_within(std::uint32_t max, Duration timeout) override;
  std::int64_t cursor() const override;
  void close() override;
  bool closed() const override;

 private:
  const std::shared_ptr<State> state_;
};

/// What the listener and the line that feeds it share. [any-thread]
class LiveChatListener::State {
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
  bool closed() const { return news_.closed(); }

 private:
  std::vector<ChatDeliveryPtr> take(std::uint32_t max, bool& read_log);
  std::vector<ChatDeliveryPtr> read(std::uint32_t max, bool& more);

  Executor& executor_;
  Clock& clock_;
  Signal news_;  // something came since the last look

  mutable std::mutex mutex_;  // guards what follows, and on_close
  std::deque<ChatDeliveryPtr> queue_;
  std::int64_t cursor_ = 0;
  bool live_ = true;          // false: the queue overflowed; what came since is in the log only
  bool catching_up_ = false;  // the log has not been read to its end; the queue collects what comes meanwhile
};

}  // namespace trunkline
