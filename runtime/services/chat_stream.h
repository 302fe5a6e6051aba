// The live stream of chat: what happens in the threads of a resource, told to those who take part, from any point on.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource.h"
#include "trunkline/chat.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

/// One change of one thread, shared by everybody it is told to. Immutable.
struct ChatDelivery {
  /// Position in the resource's event log; rises. Give it to ChatHub::listen to go on behind it.
  std::int64_t cursor = 0;
  std::string thread_id;
  Time time;
  /// Its kind is never kUnknown.
  chat::ChatChange change;
};
using ChatDeliveryPtr = std::shared_ptr<const ChatDelivery>;

/// Raw id of whoever did it; empty: nobody (a thread that was deleted by age).
std::string_view actor_of(const chat::ChatChange& change);

/// What one user may see of one resource. Nothing is missed and nothing comes twice, from the cursor on. A listener that falls
/// behind costs no memory: beyond a few hundred waiting deliveries it reads the event log instead. Its destructor closes it.
/// [any-thread]
class ChatListener {
 public:
  virtual ~ChatListener() = default;

  /// 1 to `max` deliveries in order, as soon as there are some. None: it was closed, the user deleted or the resource dropped.
  /// Completes on the executor, or at once. Throws kFailedPrecondition while another next is pending.
  virtual Task<std::vector<ChatDeliveryPtr>> next(std::uint32_t max) = 0;
  /// The same, but gives up after `timeout` on the clock and completes with none; closed() tells the two apart.
  virtual Task<std::vector<ChatDeliveryPtr>> next_within(std::uint32_t max, Duration timeout) = 0;
  /// Everything up to here was told, or did not concern the user.
  virtual std::int64_t cursor() const = 0;
  /// Ends a pending next. Idempotent.
  virtual void close() = 0;
  virtual bool closed() const = 0;
};

/// Owned by ChatService (ChatService::hub()). [any-thread]
class ChatHub {
 public:
  virtual ~ChatHub() = default;
  /// Changes of the threads that `user_id` takes part in, after `after_cursor`; nullopt: from now on, 0: from the beginning of
  /// the log. The caller has verified that the user may listen; the end of a token's life is the caller's too.
  virtual std::shared_ptr<ChatListener> listen(ResourcePtr resource, std::string user_id,
                                               std::optional<std::int64_t> after_cursor) = 0;
  /// A user has had no connection for so long that it counts as gone: an event, if the resource is still there. Does not wait.
  virtual void disconnected(const ResourcePtr& resource, const std::string& user_id) = 0;
};

}  // namespace trunkline
