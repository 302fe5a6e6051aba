// Participants of calls: list, get, add, cancel, remove, mute, move.
#include "runtime/calls/call_json.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/operations.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

constexpr std::int64_t kInvitationSeconds = 30;

OperationAnswer list_participants(const OperationRequest& call) {
  json out;
  out["value"] = json::array();
  for (const ParticipantView& view : call.calls.participants(*call.resource, call.arguments[0]))
    out["value"].push_back(participant_json(view));
  return {200, out};
}

OperationAnswer show_participant(const OperationRequest& call) {
  const Party who = party_of_raw_id(call.arguments[1], "participantRawId");
  return {200, participant_json(call.calls.participant(*call.resource, call.arguments[0], who))};
}

OperationAnswer add_participant(const OperationRequest& call) {
  const JsonRef request(call.body);
  Invite invite;
  invite.target = read_party(request.at("participantToAdd"));
  invite.source_number = find_phone(request, "sourceCallerIdNumber");
  invite.display_name = request.text_or("sourceDisplayName", "");
  const std::int64_t seconds = request.integer_or("invitationTimeoutInSeconds", kInvitationSeconds, 0, 180);
  invite.timeout = std::chrono::seconds{seconds == 0 ? kInvitationSeconds : seconds};
  invite.custom = read_custom_context(request);
  invite.tag = read_tag(request);
  json answer = context_json(invite.tag);
  ParticipantView participant;
  participant.who = invite.target;
  answer["participant"] = participant_json(participant);
  answer["invitationId"] = call.calls.add(call.resource, call.arguments[0], std::move(invite));
  return {202, answer};
}

OperationAnswer cancel_add(const OperationRequest& call) {
  const JsonRef request(call.body);
  const std::string_view id = request.at("invitationId").text();
  OperationTag tag = read_tag(request);
  json answer = context_json(tag);
  answer["invitationId"] = id;
  call.calls.cancel_add(*call.resource, call.arguments[0], id, std::move(tag));
  return {202, answer};
}

OperationAnswer remove_participant(const OperationRequest& call) {
  const JsonRef request(call.body);
  OperationTag tag = read_tag(request);
  const json answer = context_json(tag);
  call.calls.remove(*call.resource, call.arguments[0], read_party(request.at("participantToRemove")), std::move(tag));
  return {202, answer};
}

OperationAnswer mute_participants(const OperationRequest& call) {
  const JsonRef request(call.body);
  const OperationTag tag = read_tag(request);
  call.calls.mute(*call.resource, call.arguments[0], read_parties(request, "targetParticipants"));
  return {200, context_json(tag)};
}

OperationAnswer move_here(const OperationRequest& call) {
  const JsonRef request(call.body);
  OperationTag tag = read_tag(request);
  json answer = context_json(tag);
  const std::string_view from = request.at("fromCall").text();
  answer["fromCall"] = from;
  answer["participants"] = json::array();
  for (const ParticipantView& view :
       call.calls.move_here(*call.resource, call.arguments[0], from, read_parties(request, "targetParticipants"), std::move(tag)))
    answer["participants"].push_back(participant_json(view));
  return {202, answer};
}

using Body = OperationBody;
constexpr Operation kParticipantOperations[] = {
    {"GET", "/calling/callConnections/{callConnectionId}/participants", Body::kIgnored, list_participants},
    {"GET", "/calling/callConnections/{callConnectionId}/participants/{participantRawId}", Body::kIgnored, show_participant},
    {"POST", "/calling/callConnections/{callConnectionId}/participants:add", Body::kWanted, add_participant},
    {"POST", "/calling/callConnections/{callConnectionId}/participants:cancelAddParticipant", Body::kWanted, cancel_add},
    {"POST", "/calling/callConnections/{callConnectionId}/participants:remove", Body::kWanted, remove_participant},
    {"POST", "/calling/callConnections/{callConnectionId}/participants:mute", Body::kWanted, mute_participants},
    {"POST", "/calling/callConnections/{callConnectionId}/participants:moveHere", Body::kWanted, move_here},
};

}  // namespace

std::span<const Operation> participant_operations() { return kParticipantOperations; }

}  // namespace trunkline::calls
