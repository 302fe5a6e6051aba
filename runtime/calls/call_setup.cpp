// How calls are set up: create, answer, redirect, reject, join.
#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/calls/call_service.h"
#include "runtime/clock/clock.h"
#include "runtime/services/chat_rules.h"
#include "runtime/services/number_service.h"
#include "runtime/services/room_service.h"
#include "runtime/services/sip_routing.h"

namespace trunkline::calls {
namespace {

constexpr std::size_t kMaxRepeated = 10'000;
constexpr std::size_t kMaxContext = 5000;

Error no_context() {
  return refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound, "there is no incoming call with this context, or no more",
                 "incomingCallContext");
}

}  // namespace

void CallService::check_connection(const ConnectionSpec& spec) const {
  if (!spec.in_process || !spec.callback_uri.empty()) check_callback_uri(spec.callback_uri, "callbackUri");
  if (spec.context.size() > kMaxContext)
    throw bad_argument("found " + std::to_string(spec.context.size()) + " bytes, wanted at most 5000", "operationContext");
}

CallService::Route CallService::route_to(const ResourcePtr& resource, const Party& target,
                                         const std::optional<Party>& source_number, const std::string& member) {
  Route route;
  route.target = target;
  if (target.is_user()) {
    std::vector<chat::Participant> one(1);
    one[0].id = target.raw_id;
    if (const auto strangers = chat_rules::remove_strangers(*resource, one, false); !strangers.empty())
      throw bad_argument(strangers[0].message, member);
    route.resource = resource;
    return route;
  }
  if (!target.is_phone())
    throw bad_argument(target.raw_id + " cannot be called from here: wanted a user or a phone number", member);
  check_e164(target.number(), member.c_str());
  if (!source_number)
    throw bad_argument("a phone number is called with a number of yours: sourceCallerIdNumber is missing",
                       "sourceCallerIdNumber");
  try {
    core_.numbers.require(*resource, source_number->number(), NumberUse::kCall, NumberDirection::kOutbound,
                          "sourceCallerIdNumber");
  } catch (const Error& error) {
    // Whose credentials are right is not the question here.
    if (error.code != ErrorCode::kUnauthenticated) throw;
    throw refusal(ErrorCode::kPermissionDenied, 403, 7507, error.message, "sourceCallerIdNumber");
  }
  if (const ResourcePtr owner = core_.numbers.owner_of(target.number())) {
    route.resource = owner;
    try {
      core_.numbers.require(*owner, target.number(), NumberUse::kCall, NumberDirection::kInbound, member);
    } catch (const Error&) {
      route.takes_calls = false;  // the caller learns of it as of any phone that does not answer
    }
  } else if (!core_.legs.available()) {
    throw refusal(ErrorCode::kFailedPrecondition, 409, sub_code::kUnreachable,
                  "no provider that calls phone numbers (trunkline.pstn/1) is configured", member);
  }
  return route;
}

Invitation& CallService::invite(Call& call, Invitation invitation, const Route& route, Duration timeout) {
  Participant& callee = new_participant(call, route.target, route.resource);
  if (invitation.from.is_phone()) callee.called_from = invitation.from;
  invitation.id = core_.context.ids.uuid4().str();
  invitation.server_call_id = call.server_call_id;
  invitation.participant_id = callee.id;
  Invitation& added = core_.book.add_invitation(std::move(invitation));
  ring(call, added, route, timeout);
  return added;
}

void CallService::ring(Call& call, Invitation& invitation, const Route& route, Duration timeout) {
  Participant& callee = *call.find(invitation.participant_id);
  stop_ringing(callee, 16);  // of whom it was before a redirect
  const auto later = [this, id = invitation.id](Duration delay, CallResult result, std::int32_t cause) {
    return core_.context.clock.schedule_after(delay, [this, id, result, cause] {
      const std::lock_guard lock(core_.mutex);
      if (core_.book.invitation(id)) refused(id, result, cause);
    });
  };
  if (!route.takes_calls) {
    invitation.timer = later(Duration{0}, result_of_cause(20, 480, "the number takes no calls"), 20);
    return;
  }
  if (route.resource) {
    invitation.target_resource = route.resource;
    // Nobody can guess it, and it is good for one answer.
    invitation.incoming_call_context = core_.context.ids.uuid4().str() + core_.context.ids.uuid4().str();
    std::erase(invitation.incoming_call_context, '-');
    core_.notices.incoming_call(call, invitation, callee);
    ring_user(call, invitation, callee, timeout);
    invitation.timer = later(timeout, result_of_cause(19, 480, ""), 19);
    return;
  }
  invitation.incoming_call_context.clear();
  pstn::DialRequest request;
  request.leg_id = callee.leg_id = core_.context.ids.uuid4().str();
  request.from = invitation.from.is_phone() ? std::string(invitation.from.number()) : "";
  if (!invitation.from_name.empty()) request.display_name = invitation.from_name;
  request.to = std::string(route.target.number());
  request.ring_timeout = timeout;
  if (!invitation.custom.sip_headers.empty()) {
    Properties headers;
    for (const auto& [name, value] : invitation.custom.sip_headers) headers.emplace(name, value);
    request.headers = std::move(headers);
  }
  const PhoneLegs::Trunks trunks = core_.legs.trunks();
  if (trunks.available) {
    const SipRoutingService::TablePtr table = core_.routing.table(*call.resource);
    const service::SipRouteTest found = table->route(request.to, core_.context.clock.now());
    if (!found.trunks.empty()) {
      request.trunks.emplace();
      for (const service::SipTrunk& trunk : found.trunks) {
        pstn::DialTrunk& wanted = request.trunks->emplace_back();
        wanted.host = trunk.fqdn;
        wanted.port = trunk.sip_signaling_port;
      }
    } else if (trunks.first && !table->routing().routes.empty()) {
      // There are routes, and none of them leads there.
      invitation.timer = later(Duration{0}, result_of_cause(3, 404, "no route matches the number"), 3);
      return;
    }
  }
  core_.legs.dial(call.resource->name, std::move(request));
  // The provider says when nobody answers; this is for one that does not.
  invitation.timer = later(timeout + std::chrono::seconds{5}, result_of_cause(19, 480, ""), 19);
}

ConnectionView CallService::create(const ResourcePtr& resource, NewCall wanted) {
  check_connection(wanted.connection);
  if (wanted.targets.empty() || wanted.targets.size() > kMaxTargets)
    throw bad_argument("found " + std::to_string(wanted.targets.size()) + " targets, wanted 1 to " + std::to_string(kMaxTargets),
                       "targets");
  if (wanted.source) route_to(resource, *wanted.source, std::nullopt, "source");
  std::vector<Route> routes;
  bool phones_only = true;
  for (std::size_t i = 0; i < wanted.targets.size(); ++i) {
    routes.push_back(route_to(resource, wanted.targets[i], wanted.source_number, "targets[" + std::to_string(i) + "]"));
    phones_only = phones_only && wanted.targets[i].is_phone();
  }

  const std::lock_guard lock(core_.mutex);
  const std::string request_id =
      wanted.repeatability_id.empty() ? "" : std::to_string(resource->key) + " " + wanted.repeatability_id;
  if (const auto known = repeated_.find(request_id); known != repeated_.end()) {
    Connection* before = core_.book.connection(known->second);
    if (!before) throw call_not_found(known->second);
    ConnectionView again = view(*before);
    again.repeated = true;
    return again;
  }
  // Phones see the number that calls; users see who it is.
  const Party own = wanted.source ? *wanted.source : user_party("8:acs:" + resource->id + "_" + core_.context.ids.uuid4().str());
  const bool as_phone = wanted.source_number && (phones_only || !wanted.source);
  const Party caller = as_phone ? *wanted.source_number : own;
  Call& call = new_call(resource, caller);
  Connection& connection = new_connection(resource, call, Connection::Kind::kCreated, std::move(wanted.connection));
  connection.targets = wanted.targets;
  connection.source = wanted.source ? wanted.source : std::optional<Party>(caller);
  connection.source_number = wanted.source_number;
  connection.display_name = wanted.display_name;
  {
    Participant& self = new_participant(call, caller, resource);
    self.connected = true;
    self.connection_id = connection.id;
    self.display_name = wanted.display_name;
    if (as_phone)
      self.also = own;
    else
      self.also = wanted.source_number;
    connection.participant_id = self.id;
  }
  for (const Route& route : routes) {
    Invitation invitation;
    invitation.purpose = Invitation::Purpose::kCreate;
    invitation.connection_id = connection.id;
    invitation.tag.context = connection.context;
    invitation.from = route.target.is_phone() && wanted.source_number ? *wanted.source_number : caller;
    invitation.from_name = wanted.display_name;
    invitation.custom = wanted.custom;
    invite(call, std::move(invitation), route, kRingTime);
  }
  if (!request_id.empty()) {
    repeated_.emplace(request_id, connection.id);
    repeated_order_.push_back(request_id);
    if (repeated_order_.size() > kMaxRepeated) {
      repeated_.erase(repeated_order_.front());
      repeated_order_.pop_front();
    }
  }
  return view(connection);
}

/// An invitation that an application of this resource may still answer.
Invitation& CallService::pending(const Resource& resource, std::string_view incoming_call_context) {
  Invitation* invitation = core_.book.by_context(incoming_call_context);
  if (!invitation || !invitation->target_resource || invitation->target_resource->key != resource.key) throw no_context();
  if (invitation->answered)
    throw refusal(ErrorCode::kAlreadyExists, 409, 8519, "the call has been answered", "incomingCallContext");
  return *invitation;
}

ConnectionView CallService::answer(const ResourcePtr& resource, NewAnswer wanted) {
  check_connection(wanted.connection);
  const std::lock_guard lock(core_.mutex);
  Invitation& invitation = pending(*resource, wanted.incoming_call_context);
  Call& call = *core_.book.call(invitation.server_call_id);
  Connection& connection = new_connection(resource, call, Connection::Kind::kAnswered, std::move(wanted.connection));
  Participant& callee = *call.find(invitation.participant_id);
  connection.participant_id = callee.id;
  connection.source = invitation.from;
  connection.targets = {callee.who};
  connection.answered_by = wanted.answered_by;
  if (callee.who.is_phone()) connection.answered_for = callee.who;
  callee.connection_id = connection.id;
  stop_ringing(callee, 26);  // answered elsewhere
  const ConnectionView answered = view(connection);
  accepted(call, invitation.id);
  return answered;
}

/// Somebody takes the call. When it comes from a phone, its own leg is answered first.
void CallService::accepted(Call& call, const std::string& invitation_id) {
  Invitation& pending = *core_.book.invitation(invitation_id);
  for (Participant& caller : call.participants) {
    if (caller.connected || caller.leg_id.empty() || core_.book.of_participant(caller.id)) continue;
    pending.answered = true;
    core_.legs.answer(caller.leg_id);
    return;
  }
  const Invitation invitation = pending;
  drop_invitation(pending);
  joined(call, *call.find(invitation.participant_id));
  const std::string callee_connection = call.find(invitation.participant_id)->connection_id;
  if (invitation.purpose == Invitation::Purpose::kReferred) {
    if (Connection* own = callee_connection.empty() ? nullptr : core_.book.connection(callee_connection)) connected(*own);
    return replaced(call, invitation);
  }
  Connection* by = core_.book.connection(invitation.connection_id);
  if (by && invitation.purpose == Invitation::Purpose::kCreate && by->state == CallState::kConnecting) connected(*by);
  if (Connection* own = callee_connection.empty() ? nullptr : core_.book.connection(callee_connection)) connected(*own);
  if (by && invitation.purpose == Invitation::Purpose::kTransfer) return hand_over(call, *by, invitation);
  if (by && invitation.purpose == Invitation::Purpose::kAdd)
    core_.notices.added(*by, invitation.tag, *call.find(invitation.participant_id));
  core_.notices.roster(core_.book, call);
}

/// Nobody takes the call; `cause` is what a phone is told that calls.
void CallService::refused(const std::string& invitation_id, const CallResult& result, std::int32_t cause) {
  Invitation& pending = *core_.book.invitation(invitation_id);
  const Invitation invitation = pending;
  drop_invitation(pending);
  Call& call = *core_.book.call(invitation.server_call_id);
  const Participant callee = *call.find(invitation.participant_id);
  leave(call, callee.id, result, true);
  if (invitation.purpose == Invitation::Purpose::kReferred) return not_replaced(call, invitation, result, callee.who);
  Connection* by = core_.book.connection(invitation.connection_id);
  if (!by) {
    // A phone that calls in: nobody else is there.
    for (Participant& caller : call.participants)
      if (!caller.leg_id.empty()) core_.legs.hang_up(std::exchange(caller.leg_id, ""), cause);
    return end_call(call, result, callee.who);
  }
  switch (invitation.purpose) {
    case Invitation::Purpose::kCreate:
      if (by->state != CallState::kConnecting || !core_.book.invitations_by(*by).empty()) return;
      core_.notices.state(*by, "CreateCallFailed", result);
      return end_call(call, result, callee.who);
    case Invitation::Purpose::kAdd:
      return core_.notices.not_added(*by, invitation.tag, callee, result);
    case Invitation::Purpose::kTransfer:
      enter(*by, CallInput::kTransferRefused);
      return core_.notices.callback(*by, "CallTransferFailed", invitation.tag, result);
    case Invitation::Purpose::kReferred:
      return;  // see above
  }
}

void CallService::redirect(const Resource& resource, std::string_view incoming_call_context, const Party& target) {
  std::optional<Party> number;
  ResourcePtr owner;
  {
    const std::lock_guard lock(core_.mutex);
    Invitation& invitation = pending(resource, incoming_call_context);
    owner = invitation.target_resource;
    // A phone is called with the number that the call came to.
    const Participant& callee = *core_.book.call(invitation.server_call_id)->find(invitation.participant_id);
    if (callee.who.is_phone()) number = callee.who;
  }
  const Route route = route_to(owner, target, number, "target");
  const std::lock_guard lock(core_.mutex);
  Invitation& invitation = pending(resource, incoming_call_context);
  Call& call = *core_.book.call(invitation.server_call_id);
  if (invitation.timer != 0) core_.context.clock.cancel(invitation.timer);
  Participant& callee = *call.find(invitation.participant_id);
  callee.who = target;
  callee.resource = route.resource;
  ring(call, invitation, route, kRingTime);
}

void CallService::reject(const Resource& resource, std::string_view incoming_call_context, const std::string& reason) {
  const std::lock_guard lock(core_.mutex);
  const Invitation& invitation = pending(resource, incoming_call_context);
  refused(std::string(invitation.id), result_of_reject(reason), cause_of_reject(reason));
}

Call* CallService::at_locator(const Resource& resource, const NewJoin& join) {
  if (join.locator == NewJoin::Locator::kRoom) return core_.book.in_room(resource, join.id);
  if (join.locator == NewJoin::Locator::kGroup) return core_.book.in_group(resource, join.id);
  Call* call = core_.book.call(join.id);
  if (call && call->resource->key != resource.key) call = nullptr;
  if (!call)
    throw refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound, "there is no call with this id", "callLocator.serverCallId");
  return call;
}

ConnectionView CallService::join(const ResourcePtr& resource, NewJoin wanted) {
  check_connection(wanted.connection);
  if (wanted.locator == NewJoin::Locator::kRoom) core_.rooms.check_open(*resource, wanted.id);
  const std::lock_guard lock(core_.mutex);
  Call* call = at_locator(*resource, wanted);
  const Party own = user_party("8:acs:" + resource->id + "_" + core_.context.ids.uuid4().str());
  if (!call) {
    call = &new_call(resource, own);
    (wanted.locator == NewJoin::Locator::kRoom ? call->room_id : call->group_id) = wanted.id;
  }
  Connection& connection = new_connection(resource, *call, Connection::Kind::kJoined, std::move(wanted.connection));
  connection.source = own;
  Participant& self = new_participant(*call, own, resource);
  self.connection_id = connection.id;
  connection.participant_id = self.id;
  for (const Participant& other : call->participants)
    if (other.connected) connection.targets.push_back(other.who);
  const ConnectionView joining = view(connection);
  joined(*call, self);
  connected(connection);
  core_.notices.roster(core_.book, *call);
  return joining;
}

}  // namespace trunkline::calls
