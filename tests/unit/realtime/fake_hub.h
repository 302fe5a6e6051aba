// A ChatHub over a vector: the log of one resource, everybody sees everything.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock/signal.h"
#include "runtime/services/chat_stream.h"

namespace trunkline::testing {

/// Outlives its listeners.
class FakeHub final : public ChatHub {
 public:
  FakeHub(Executor& executor, Clock& clock) : executor_(executor), clock_(clock) {}

  std::shared_ptr<ChatListener> listen(ResourcePtr resource, std::string user_id, std::optional<std::int64_t> after) override;
  void disconnected(const ResourcePtr&, const std::string& user_id) override;
  /// Who was told to be gone.
  std::vector<std::string> gone() const;
  /// Logs the change and tells the listeners; gives its cursor.
  std::int64_t tell(chat::ChatChange change);
  /// Ends every listener, as when the resource is dropped.
  void drop();
  std::size_t listeners() const;

 private:
  class Listener;
  /// Those that are alive. Never called under the mutex: the last reference to one may go with the result, and its destructor
  /// locks.
  std::vector<std::shared_ptr<Listener>> alive() const;

  Executor& executor_;
  Clock& clock_;
  mutable std::mutex mutex_;  // guards what follows, and the listeners' cursors
  std::vector<ChatDeliveryPtr> log_;
  std::vector<std::weak_ptr<Listener>> listeners_;
  std::vector<std::string> gone_;
};

}  // namespace trunkline::testing
