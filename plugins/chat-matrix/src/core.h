// What the operations, the events from the homeserver and the maintenance share.
#pragma once
#include <string>

#include "changes.h"
#include "content.h"
#include "matrix_client.h"
#include "names.h"
#include "settings.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/plugin_host.hpp"

namespace chat_matrix {

using trunkline::Call;

/// [any-thread]
class Core {
 public:
  Core(trunkline::Host host, std::string_view config_json);

  Time now() const { return stored(clock.now()); }
  /// Hands a change to the host, and keeps the state. With the thread's lock held. Not bound to the caller's deadline: when it
  /// ends, everybody knows how.
  Task<void> commit(std::string resource, std::shared_ptr<ThreadState> state, Pending pending, std::string traceparent = {});
  /// The row of a message; throws kNotFound with the target `messageId`.
  Task<Indexed> read_index(std::string resource, std::string thread, std::string id);
  /// The message that an event is or has changed; empty: none.
  Task<std::string> message_of_event(std::string resource, std::string thread, std::string event);
  /// Fills in what the homeserver keeps of a message. One whose event is gone stays without content.
  Task<ChatMessage> with_content(std::string room, Indexed indexed, CallOptions options);
  void fill(const json& event, ChatMessage& message) const;
  /// Brings a user of ours into a room; `inviter` opens the door when it is shut.
  Task<void> join(std::string room, Participant participant, std::string user, std::string inviter, CallOptions options);

  /// Which resource a room belongs to; empty: none that we know.
  Task<std::string> resource_of(std::string room);
  Task<void> remember(std::string room, std::string resource);
  Task<void> forget(std::string room);

  const Settings settings;
  const Names names;
  const trunkline::host::ClockClient clock;
  const trunkline::host::LogClient log;
  const trunkline::host::StoreClient own_store;
  const trunkline::host::ResourceStoreClient store;
  const trunkline::chat::ChatEventsClient events;
  MatrixClient matrix;
  Threads threads;

 private:
  trunkline::LruCache<std::string> resources_;  // by room
};

}  // namespace chat_matrix
