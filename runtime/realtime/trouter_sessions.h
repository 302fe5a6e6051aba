// What the server remembers of a notification client between its connections.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/base/secret.h"
#include "runtime/clock/clock.h"
#include "runtime/net/websocket.h"
#include "runtime/realtime/token_life.h"
#include "runtime/services/resource.h"

namespace trunkline::realtime {

/// One client, from its allocation on. Knows which notifications it has answered, so that a client which comes back is told the
/// others again. [any-thread]
class TrouterSession {
 public:
  TrouterSession(std::string id, Secret signature, ResourcePtr resource, std::string user_id)
      : id(std::move(id)), signature(std::move(signature)), resource(std::move(resource)), user_id(std::move(user_id)) {}

  const std::string id;
  const Secret signature;
  const ResourcePtr resource;
  const std::string user_id;
  /// Path part of the URL that notifications seem to come through.
  std::string path() const { return "/f/" + id + "/"; }

  /// The life of the token that the client showed last. Its end ends the session, but for a newer token.
  void set_life(std::unique_ptr<TokenLife> life);
  /// Closes the connection and refuses others until there is a new token.
  void end();
  bool ended() const;

  /// Makes `socket` the session's connection and closes the one it had.
  void attach(const std::shared_ptr<net::WebSocket>& socket);
  void detach(const std::shared_ptr<net::WebSocket>& socket, Time now);
  /// Since when there is no connection; nullopt: there is one.
  std::optional<Time> idle_since() const;
  /// Where a new connection goes on, whose notifications are counted from there; nullopt: with what happens from now on.
  std::optional<std::int64_t> resume();
  /// Everything up to `cursor` was sent or did not concern the client; no number.
  void skip(std::int64_t cursor);
  /// A number for the notification about the change at `cursor`.
  std::int64_t next(std::int64_t cursor);
  void answered(std::int64_t number);

  /// A registration in force; notifications to a client that has taken its registration back are not sent.
  void set_registration(std::string registration_id, bool active);
  bool muted() const;
  std::string registration_id() const;

 private:
  struct Sent {
    std::int64_t number = 0;
    std::int64_t before = 0;  // cursor of what came before it
  };

  mutable std::mutex mutex_;
  std::unique_ptr<TokenLife> life_;
  bool ended_ = false;
  std::weak_ptr<net::WebSocket> socket_;
  std::optional<Time> idle_since_ = Time{};
  std::optional<std::int64_t> cursor_;
  std::int64_t last_number_ = 0;
  std::deque<Sent> unanswered_;
  std::string registration_id_;
  bool muted_ = false;
};

using TrouterSessionPtr = std::shared_ptr<TrouterSession>;

/// In memory: after a restart clients allocate anew. [any-thread]
class TrouterSessions {
 public:
  TrouterSessionPtr create(ResourcePtr resource, std::string user_id, Time now);
  /// nullptr: unknown, or the signature is wrong.
  TrouterSessionPtr find(std::string_view id, std::string_view signature) const;
  /// By registration, for its end.
  TrouterSessionPtr find_registration(std::string_view user_id, std::string_view registration_id) const;
  TrouterSessionPtr find_path(std::string_view user_id, std::string_view url) const;
  std::size_t size() const;

 private:
  void make_room(Time now);  // with mutex_ held

  mutable std::mutex mutex_;
  std::unordered_map<std::string, TrouterSessionPtr> sessions_;
};

}  // namespace trunkline::realtime
