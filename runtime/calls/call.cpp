#include "runtime/calls/call.h"

#include <algorithm>

namespace trunkline::calls {

Participant* Call::find(std::int64_t id) {
  const auto found = std::find_if(participants.begin(), participants.end(), [&](const Participant& p) { return p.id == id; });
  return found == participants.end() ? nullptr : &*found;
}

Participant* Call::find_connected(const Party& party) {
  const auto found =
      std::find_if(participants.begin(), participants.end(), [&](const Participant& p) { return p.connected && p.is(party); });
  return found == participants.end() ? nullptr : &*found;
}

std::size_t Call::connected() const {
  return static_cast<std::size_t>(
      std::count_if(participants.begin(), participants.end(), [](const Participant& p) { return p.connected && !p.listens; }));
}

bool Call::anybody() const {
  return std::any_of(participants.begin(), participants.end(), [](const Participant& p) { return p.connected; });
}

Call& CallBook::add_call(std::unique_ptr<Call> call) {
  std::string id = call->server_call_id;
  return *calls_.emplace(std::move(id), std::move(call)).first->second;
}

Connection& CallBook::add_connection(std::unique_ptr<Connection> connection) {
  std::string id = connection->id;
  return *connections_.emplace(std::move(id), std::move(connection)).first->second;
}

Invitation& CallBook::add_invitation(Invitation invitation) {
  std::string id = invitation.id;
  return invitations_.emplace(std::move(id), std::move(invitation)).first->second;
}

Call* CallBook::call(std::string_view server_call_id) {
  const auto found = calls_.find(server_call_id);
  return found == calls_.end() ? nullptr : found->second.get();
}

Connection* CallBook::connection(std::string_view id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

Invitation* CallBook::invitation(std::string_view id) {
  const auto found = invitations_.find(id);
  return found == invitations_.end() ? nullptr : &found->second;
}

Invitation* CallBook::by_context(std::string_view incoming_call_context) {
  if (incoming_call_context.empty()) return nullptr;
  for (auto& [id, invitation] : invitations_)
    if (invitation.incoming_call_context == incoming_call_context) return &invitation;
  return nullptr;
}

Invitation* CallBook::of_participant(std::int64_t participant_id) {
  for (auto& [id, invitation] : invitations_)
    if (invitation.participant_id == participant_id) return &invitation;
  return nullptr;
}

std::pair<Call*, Participant*> CallBook::leg(std::string_view leg_id) {
  for (auto& [id, call] : calls_)
    for (Participant& participant : call->participants)
      if (participant.leg_id == leg_id) return {call.get(), &participant};
  return {nullptr, nullptr};
}

Call* CallBook::in_room(const Resource& resource, std::string_view room_id) {
  for (auto& [id, call] : calls_)
    if (call->room_id == room_id && call->resource->key == resource.key) return call.get();
  return nullptr;
}

Call* CallBook::in_group(const Resource& resource, std::string_view group_id) {
  for (auto& [id, call] : calls_)
    if (call->group_id == group_id && call->resource->key == resource.key) return call.get();
  return nullptr;
}

std::vector<Connection*> CallBook::connections_of(const Call& call) {
  std::vector<Connection*> found;
  for (const Participant& participant : call.participants)
    if (Connection* own = participant.connection_id.empty() ? nullptr : connection(participant.connection_id))
      found.push_back(own);
  return found;
}

std::vector<Invitation*> CallBook::invitations_of(const Call& call) {
  std::vector<Invitation*> found;
  for (auto& [id, invitation] : invitations_)
    if (invitation.server_call_id == call.server_call_id) found.push_back(&invitation);
  return found;
}

std::vector<Invitation*> CallBook::invitations_by(const Connection& connection) {
  std::vector<Invitation*> found;
  for (auto& [id, invitation] : invitations_)
    if (invitation.connection_id == connection.id) found.push_back(&invitation);
  return found;
}

std::vector<Call*> CallBook::calls_of(const Resource& resource) {
  std::vector<Call*> found;
  for (auto& [id, call] : calls_)
    if (call->resource->key == resource.key) found.push_back(call.get());
  return found;
}

std::vector<Call*> CallBook::all_calls() {
  std::vector<Call*> found;
  for (auto& [id, call] : calls_) found.push_back(call.get());
  return found;
}

}  // namespace trunkline::calls
