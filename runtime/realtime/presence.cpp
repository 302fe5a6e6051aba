#include "runtime/realtime/presence.h"

#include "runtime/services/chat_stream.h"

namespace trunkline::realtime {

Presence::~Presence() {
  for (const auto& [key, one] : users_)
    if (one.timer != 0) clock_.cancel(one.timer);
}

std::shared_ptr<void> Presence::enter(ResourcePtr resource, std::string user_id) {
  {
    const std::lock_guard lock(mutex_);
    One& one = users_[{resource->key, user_id}];
    ++one.connections;
    if (one.timer != 0) clock_.cancel(std::exchange(one.timer, 0));
  }
  struct Connection {
    Connection(std::weak_ptr<Presence> p, ResourcePtr r, std::string u)
        : presence(std::move(p)), resource(std::move(r)), user_id(std::move(u)) {}
    Connection(const Connection&) = delete;
    ~Connection() {
      if (const auto still = presence.lock()) still->leave(resource, user_id);
    }
    const std::weak_ptr<Presence> presence;
    const ResourcePtr resource;
    const std::string user_id;
  };
  return std::make_shared<Connection>(weak_from_this(), std::move(resource), std::move(user_id));
}

void Presence::leave(const ResourcePtr& resource, const std::string& user_id) {
  const std::lock_guard lock(mutex_);
  const auto found = users_.find({resource->key, user_id});
  if (found == users_.end() || --found->second.connections > 0) return;
  found->second.timer = clock_.schedule_after(kAway, [weak = weak_from_this(), resource, user_id] {
    if (const auto self = weak.lock()) self->is_away(resource, user_id);
  });
}

void Presence::is_away(const ResourcePtr& resource, const std::string& user_id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = users_.find({resource->key, user_id});
    if (found == users_.end() || found->second.connections > 0) return;  // back just now
    users_.erase(found);
  }
  hub_.disconnected(resource, user_id);
}

}  // namespace trunkline::realtime
