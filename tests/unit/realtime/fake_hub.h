// A ChatHub over a vector: the log of one resource, everybody sees everything.
#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/services/chat_stream.h"

namespace trunkline::testing {

class FakeHub final : public ChatHub {
 public:
  explicit FakeHub(Executor& executor) : executor_(executor) {}

  std::shared_ptr<ChatListener> listen(ResourcePtr resource, std::string user_id, std::optional<std::int64_t> after) override;
  /// Logs the change and tells the listeners; gives its cursor.
  std::int64_t tell(chat::ChatChange change);
  /// Ends every listener, as when the resource is dropped.
  void drop();
  std::size_t listeners() const;

 private:
  friend struct trunkline::ChatListener::State;
  Executor& executor_;
  mutable std::mutex mutex_;
  std::vector<ChatDeliveryPtr> log_;
  std::vector<std::weak_ptr<ChatListener::State>> states_;
};

}  // namespace trunkline::testing
