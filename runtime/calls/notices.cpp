#include "runtime/calls/notices.h"

#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/time_text.h"
#include "runtime/calls/open_calls.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "Microsoft.Communication.";

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string when(Time at) { return format_rfc3339(std::chrono::floor<std::chrono::microseconds>(at)); }

json headers_json(const std::map<std::string, std::string>& headers) {
  json out = json::object();
  for (const auto& [name, value] : headers) out[name] = value;
  return out;
}

json person_json(const Party& party) {
  json out;
  out["communicationIdentifier"] = party_json(party);
  out["role"] = "Attendee";
  return out;
}

/// What all calling events have in common.
json calling_json(const Call& call) {
  json out;
  out["startedBy"] = person_json(call.started_by);
  out["serverCallId"] = call.server_call_id;
  out["correlationId"] = call.correlation_id;
  out["isTwoParty"] = !call.stays_open() && call.participants.size() <= 2;
  out["isRoomsCall"] = !call.room_id.empty();
  if (!call.room_id.empty()) out["room"]["id"] = call.room_id;
  if (!call.group_id.empty()) out["group"]["id"] = call.group_id;
  return out;
}

}  // namespace

json roster_json(const Call& call) {
  json out = json::array();
  for (const Participant& participant : call.participants) {
    if (!participant.connected) continue;
    json one;
    one["identifier"] = party_json(participant.who);
    one["isMuted"] = participant.muted;
    one["isOnHold"] = participant.on_hold;
    out.push_back(std::move(one));
  }
  return out;
}

void CallNotices::callback(const Connection& connection, std::string_view type, const OperationTag& tag, const CallResult& result,
                           json data) {
  const Time now = context_.clock.now();
  const std::string source = "calling/callConnections/" + connection.id;
  data["callConnectionId"] = connection.id;
  data["serverCallId"] = connection.server_call_id;
  data["correlationId"] = connection.correlation_id;
  if (!tag.context.empty()) data["operationContext"] = tag.context;
  data["resultInformation"] = result_json(result);
  listeners_.tell(connection.resource->key, type, now, data);
  const std::string& url = tag.callback_uri.empty() ? connection.callback_uri : tag.callback_uri;
  if (url.empty()) return;
  json event;
  event["id"] = context_.ids.uuid4().str();
  event["source"] = source;
  event["type"] = std::string(kPrefix) + std::string(type);
  event["data"] = std::move(data);
  event["time"] = when(now);
  event["specversion"] = "1.0";
  event["datacontenttype"] = "application/json";
  event["subject"] = source;
  Callback callback;
  callback.queue = connection.id;
  callback.url = url;
  callback.audience = connection.resource->id;
  callback.type = type;
  callback.event = text_of(event);
  sender_.send(std::move(callback));
}

void CallNotices::callback(const Connection& connection, std::string_view type, const OperationTag& tag,
                           const CallResult& result) {
  callback(connection, type, tag, result, json::object());
}

void CallNotices::state(const Connection& connection, std::string_view type, const CallResult& result) {
  OperationTag tag;
  tag.context = connection.context;
  callback(connection, type, tag, result, json::object());
}

void CallNotices::about(const Connection& connection, std::string_view type, const OperationTag& tag, const CallResult& result,
                        const Party& participant, json extra) {
  extra["participant"] = party_json(participant);
  callback(connection, type, tag, result, std::move(extra));
}

void CallNotices::added(const Connection& connection, const OperationTag& tag, const Participant& participant) {
  about(connection, "AddParticipantSucceeded", tag, success("the participant has joined"), participant.who, json::object());
}

void CallNotices::not_added(const Connection& connection, const OperationTag& tag, const Participant& participant,
                            const CallResult& result) {
  about(connection, "AddParticipantFailed", tag, result, participant.who, json::object());
}

void CallNotices::roster(Connection& connection, const Call& call) {
  json data;
  data["sequenceNumber"] = ++connection.roster_sequence;
  data["participants"] = roster_json(call);
  callback(connection, "ParticipantsUpdated", {}, success("the participants have changed"), std::move(data));
}

void CallNotices::roster(CallBook& book, const Call& call) {
  for (Connection* connection : book.connections_of(call))
    if (connection->state == CallState::kConnected || connection->state == CallState::kTransferring) roster(*connection, call);
}

void CallNotices::loose(const ResourcePtr& resource, const std::string& url, const std::string& source, std::string_view type,
                        json data) {
  const Time now = context_.clock.now();
  listeners_.tell(resource->key, type, now, data);
  if (url.empty()) return;
  json event;
  event["id"] = context_.ids.uuid4().str();
  event["source"] = source;
  event["type"] = std::string(kPrefix) + std::string(type);
  event["data"] = std::move(data);
  event["time"] = when(now);
  event["specversion"] = "1.0";
  event["datacontenttype"] = "application/json";
  event["subject"] = source;
  sender_.send({source, url, resource->id, std::string(type), text_of(event)});
}

void CallNotices::publish(const ResourcePtr& resource, std::string type, std::string subject, const json& data) {
  NewEvent event;
  event.time = context_.clock.now();
  event.id = make_event_id(context_.ids, event.time);
  event.type = std::string(kPrefix) + std::move(type);
  event.subject = std::move(subject);
  event.topic = resource->arm_id;
  event.data = text_of(data);
  // Order of writes is order of commits.
  resource->database->write(
      [&events = context_.events, key = event_key(*resource), event](store::Session& session) {
        events.append(session, key, event);
      },
      [&log = context_.log, name = event.type](Result<void> written) {
        if (!written.ok())
          log.error("calls", "an event of a call was lost", {{"type", name}, {"reason", written.error().message}});
      });
}

void CallNotices::incoming_call(const Call& call, const Invitation& invitation, const Participant& callee) {
  json data;
  data["to"] = party_json(callee.who);
  data["from"] = party_json(invitation.from);
  data["serverCallId"] = call.server_call_id;
  data["callerDisplayName"] = invitation.from_name;
  data["customContext"]["sipHeaders"] = headers_json(invitation.custom.sip_headers);
  data["customContext"]["voipHeaders"] = headers_json(invitation.custom.voip_headers);
  data["incomingCallContext"] = invitation.incoming_call_context;
  data["correlationId"] = call.correlation_id;
  listeners_.tell(invitation.target_resource->key, "IncomingCall", context_.clock.now(), data);
  publish(invitation.target_resource, "IncomingCall", "/caller/" + invitation.from.raw_id + "/recipient/" + callee.who.raw_id,
          data);
}

void CallNotices::call_started(const Call& call) {
  publish(call.resource, "CallStarted", "call/" + call.server_call_id + "/startedBy/" + call.started_by.raw_id,
          calling_json(call));
}

void CallNotices::call_ended(const Call& call, const CallResult& result, const Party& by) {
  json data = calling_json(call);
  data["endedBy"]["communicationIdentifier"] = party_json(by);
  data["endedBy"]["type"] = "Participant";
  data["endedBy"]["name"] = "";
  data["reason"]["code"] = result.code;
  data["reason"]["subCode"] = result.sub_code;
  data["reason"]["phrase"] = result.message;
  const std::chrono::duration<double> lasted = call.started_at ? context_.clock.now() - *call.started_at : Duration{0};
  // The schema and the SDKs call it differently.
  data["durationOfCall"] = data["callDurationInSeconds"] = lasted.count();
  publish(call.resource, "CallEnded", "call/" + call.server_call_id, data);
}

void CallNotices::participant(const Call& call, const Participant& participant, bool added) {
  json data = calling_json(call);
  data["user"] = person_json(participant.who);
  data["displayName"] = participant.display_name;
  data["participantId"] = std::to_string(participant.id);
  data["userAgent"] = participant.leg_id.empty() ? "callAutomation" : participant.who.is_user() ? "browser" : "phone";
  publish(call.resource, added ? "CallParticipantAdded" : "CallParticipantRemoved",
          "call/" + call.server_call_id + "/participant/" + participant.who.raw_id, data);
}

void CallNotices::opened(const Connection& connection) { record_open(context_.log, connection); }
void CallNotices::closed(const Connection& connection) { record_closed(context_.log, connection); }

}  // namespace trunkline::calls
