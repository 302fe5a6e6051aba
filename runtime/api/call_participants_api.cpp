// Participants of calls: list, get, add, cancel, remove, mute, move.
#include <nlohmann/json.hpp>

#include "runtime/api/calls_api.h"
#include "runtime/api/calls_rest.h"
#include "runtime/calls/call_service.h"

namespace trunkline::api {
namespace {

using calls::CallService;
using nlohmann::json;
using server::RouteContext;

constexpr std::int64_t kDefaultTimeout = 30;

Task<net::Response> list(CallService& service, RouteContext& context) {
  json out;
  out["value"] = json::array();
  for (const calls::ParticipantView& view : service.participants(*resource_of(context), context.param("callConnectionId")))
    out["value"].push_back(participant_json(view));
  co_return json_response(200, out);
}

Task<net::Response> get(CallService& service, RouteContext& context) {
  const calls::Party who = calls::party_of_raw_id(context.param("participantRawId"), "participantRawId");
  co_return json_response(200,
                          participant_json(service.participant(*resource_of(context), context.param("callConnectionId"), who)));
}

Task<net::Response> add(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::Invite invite;
  invite.target = calls::read_party(request.at("participantToAdd"));
  invite.source_number = find_phone(request, "sourceCallerIdNumber");
  invite.display_name = request.text_or("sourceDisplayName", "");
  const std::int64_t seconds = request.integer_or("invitationTimeoutInSeconds", kDefaultTimeout, 0, 180);
  invite.timeout = std::chrono::seconds{seconds == 0 ? kDefaultTimeout : seconds};
  invite.custom = read_custom_context(request);
  invite.tag = read_tag(request);
  json answer = context_json(invite.tag);
  calls::ParticipantView participant;
  participant.who = invite.target;
  answer["participant"] = participant_json(participant);
  answer["invitationId"] = service.add(resource_of(context), context.param("callConnectionId"), std::move(invite));
  co_return json_response(202, answer);
}

Task<net::Response> cancel(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  const std::string_view id = request.at("invitationId").text();
  calls::OperationTag tag = read_tag(request);
  json answer = context_json(tag);
  answer["invitationId"] = id;
  service.cancel_add(*resource_of(context), context.param("callConnectionId"), id, std::move(tag));
  co_return json_response(202, answer);
}

Task<net::Response> remove(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::OperationTag tag = read_tag(request);
  const json answer = context_json(tag);
  service.remove(*resource_of(context), context.param("callConnectionId"), calls::read_party(request.at("participantToRemove")),
                 std::move(tag));
  co_return json_response(202, answer);
}

Task<net::Response> mute(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  const calls::OperationTag tag = read_tag(request);
  service.mute(*resource_of(context), context.param("callConnectionId"), read_parties(request, "targetParticipants"));
  co_return json_response(200, context_json(tag));
}

Task<net::Response> move_here(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::OperationTag tag = read_tag(request);
  json answer = context_json(tag);
  const std::string_view from = request.at("fromCall").text();
  answer["fromCall"] = from;
  answer["participants"] = json::array();
  for (const calls::ParticipantView& view : service.move_here(*resource_of(context), context.param("callConnectionId"), from,
                                                              read_parties(request, "targetParticipants"), std::move(tag)))
    answer["participants"].push_back(participant_json(view));
  co_return json_response(202, answer);
}

}  // namespace

void add_call_participant_routes(std::vector<server::Route>& routes, CallService& calls) {
  add_call_route(routes, "GET", "/calling/callConnections/{callConnectionId}/participants",
                 [&calls](RouteContext& c) { return list(calls, c); });
  add_call_route(routes, "GET", "/calling/callConnections/{callConnectionId}/participants/{participantRawId}",
                 [&calls](RouteContext& c) { return get(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections/{callConnectionId}/participants:add",
                 [&calls](RouteContext& c) { return add(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections/{callConnectionId}/participants:cancelAddParticipant",
                 [&calls](RouteContext& c) { return cancel(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections/{callConnectionId}/participants:remove",
                 [&calls](RouteContext& c) { return remove(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections/{callConnectionId}/participants:mute",
                 [&calls](RouteContext& c) { return mute(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections/{callConnectionId}/participants:moveHere",
                 [&calls](RouteContext& c) { return move_here(calls, c); });
}

}  // namespace trunkline::api
