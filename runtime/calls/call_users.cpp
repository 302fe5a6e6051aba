// Users who talk from a page, behind a provider whose far ends are users.
#include "runtime/base/ids.h"
#include "runtime/calls/call_service.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/services/number_service.h"
#include "runtime/services/room_service.h"

namespace trunkline::calls {
namespace {

constexpr std::string_view kRoom = "room:";
constexpr std::string_view kGroup = "group:";
constexpr std::string_view kCall = "call:";
constexpr std::size_t kMaxPlace = 512;

/// What follows the prefix; empty: it is another thing.
std::string id_of(std::string_view to, std::string_view prefix) {
  if (!to.starts_with(prefix)) return {};
  const std::string_view id = to.substr(prefix.size());
  if (id.empty() || id.size() > kMaxPlace)
    throw Error(ErrorCode::kInvalidArgument,
                "found an id of " + std::to_string(id.size()) + " bytes after '" + std::string(prefix) + "', wanted 1 to 512",
                "to");
  return std::string(id);
}

}  // namespace

void CallService::on_user_incoming(std::string_view provider, const std::string& resource, std::string leg_id, std::string from,
                                   std::string to, const Properties& headers) {
  const ResourcePtr owner = core_.resources.find(resource);
  if (!owner) throw Error(ErrorCode::kNotFound, "there is no resource '" + resource.substr(0, 80) + "'", "resource");
  const Party caller = party_of_raw_id(from, "from");
  const std::string room = id_of(to, kRoom), group = id_of(to, kGroup), listened = id_of(to, kCall);
  const bool listens = !listened.empty() || headers.contains("listens");
  Route route;
  bool muted = false;
  if (!room.empty()) {
    muted = core_.rooms.check_join(*owner, room, caller.raw_id).role == service::RoomRole::kConsumer;
  } else if (group.empty() && listened.empty() && to.starts_with("+")) {
    route.target = phone_party(to);
    route.resource = owner;
    try {
      core_.numbers.require(*owner, to, NumberUse::kCall, NumberDirection::kInbound, "to");
    } catch (const Error& error) {
      // A number of another resource is none of the user's business.
      const ResourcePtr other = core_.numbers.owner_of(to);
      if (!other || other->key != owner->key)
        throw Error(ErrorCode::kNotFound, "the resource has no number " + to.substr(0, 40), "to");
      core_.context.log.info("calls", "a number got a call that it does not take", {{"number", to}, {"reason", error.message}});
      route.takes_calls = false;
    }
  } else if (group.empty() && listened.empty()) {
    route = route_to(owner, party_of_raw_id(to, "to"), std::nullopt, "to");
  }

  const std::lock_guard lock(core_.mutex);
  if (core_.book.leg(leg_id).first) throw Error(ErrorCode::kAlreadyExists, "there is a leg with this id already", "legId");
  // Whoever knows the id of a call was told it: it cannot be guessed.
  Call* const own = listened.empty() ? nullptr : core_.book.call(listened);
  if (!listened.empty() && (!own || own->resource->key != owner->key || !own->started_at))
    throw Error(ErrorCode::kNotFound, "there is no call with this id, or it is not established", "to");
  if (!core_.legs.adopt(leg_id, provider, owner->name))
    throw Error(ErrorCode::kUnavailable, "there is no provider '" + std::string(provider) + "'", "provider");
  if (!room.empty() || !group.empty() || own) {
    Call* call = own ? own : room.empty() ? core_.book.in_group(*owner, group) : core_.book.in_room(*owner, room);
    if (!call) {
      call = &new_call(owner, caller);
      (room.empty() ? call->group_id : call->room_id) = room.empty() ? group : room;
    }
    Participant& self = new_participant(*call, caller, owner);
    self.muted = muted || listens;
    self.listens = listens;
    self.leg_id = leg_id;
    return core_.legs.answer(leg_id);  // it is in once its sound flows
  }
  Call& call = new_call(owner, caller);
  new_participant(call, caller, owner).leg_id = leg_id;
  Invitation invitation;
  invitation.from = caller;
  for (const auto& [name, value] : headers) invitation.custom.voip_headers[name] = value;
  invite(call, std::move(invitation), route, kRingTime);
}

void CallService::ring_user(Call& call, const Invitation& invitation, Participant& callee, Duration timeout) {
  if (!callee.who.is_user() || !core_.legs.rings_users()) return;
  pstn::DialRequest request;
  request.leg_id = callee.leg_id = core_.context.ids.uuid4().str();
  request.from = invitation.from.is_phone() ? std::string(invitation.from.number()) : invitation.from.raw_id;
  if (!invitation.from_name.empty()) request.display_name = invitation.from_name;
  request.to = callee.who.raw_id;
  request.ring_timeout = timeout;
  core_.legs.dial_user(call.resource->name, std::move(request));
}

void CallService::stop_ringing(Participant& callee, std::int32_t cause) {
  // What the provider says of the leg from now on is about nobody.
  if (!callee.leg_id.empty()) core_.legs.hang_up(std::exchange(callee.leg_id, ""), cause);
}

void CallService::leg_failed(const std::string& leg_id, const Error& error) {
  {
    const std::lock_guard lock(core_.mutex);
    const auto [call, who] = core_.book.leg(leg_id);
    if (call && who->who.is_user() && core_.book.of_participant(who->id)) {
      // The user has no page open: the application may still answer.
      who->leg_id.clear();
      return core_.legs.forget(leg_id);
    }
  }
  pstn::HangupCause cause;
  cause.q850 = error.code == ErrorCode::kNotFound ? 3 : 41;  // no route to the number; out of order
  cause.text = error.message;
  on_leg_changed(leg_id, pstn::LegChange::of_ended(std::move(cause)));
}

}  // namespace trunkline::calls
