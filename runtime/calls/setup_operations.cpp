// Calls: create, answer, redirect, reject, join; look at a connection, hang up, transfer.
#include <vector>

#include "runtime/calls/call_json.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/operations.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxKey = 128;

OperationAnswer create(const OperationRequest& call) {
  const JsonRef request(call.body);
  NewCall wanted;
  wanted.targets = read_parties(request, "targets");
  if (const auto source = request.find("source")) wanted.source = read_user(*source);
  wanted.source_number = find_phone(request, "sourceCallerIdNumber");
  wanted.display_name = request.text_or("sourceDisplayName", "");
  wanted.custom = read_custom_context(request);
  wanted.connection = read_connection(request);
  if (call.repeatability_id.size() > kMaxKey)
    throw Error(ErrorCode::kInvalidArgument, "a repeatability request id has at most 128 characters", "Repeatability-Request-ID");
  wanted.repeatability_id = call.repeatability_id;
  return {201, connection_json(call.calls.create(call.resource, std::move(wanted)))};
}

OperationAnswer answer(const OperationRequest& call) {
  const JsonRef request(call.body);
  NewAnswer wanted;
  wanted.incoming_call_context = request.at("incomingCallContext").text();
  if (const auto by = request.find("answeredBy")) wanted.answered_by = read_user(*by);
  wanted.connection = read_connection(request);
  return {200, connection_json(call.calls.answer(call.resource, std::move(wanted)))};
}

OperationAnswer redirect(const OperationRequest& call) {
  const JsonRef request(call.body);
  call.calls.redirect(*call.resource, request.at("incomingCallContext").text(), read_party(request.at("target")));
  return {204, nullptr};
}

OperationAnswer reject(const OperationRequest& call) {
  const JsonRef request(call.body);
  const std::string reason(request.text_or("callRejectReason", "none"));
  if (reason != "none" && reason != "busy" && reason != "forbidden")
    throw request.at("callRejectReason").error("'" + reason + "' is none of none, busy, forbidden");
  call.calls.reject(*call.resource, request.at("incomingCallContext").text(), reason);
  return {204, nullptr};
}

OperationAnswer join(const OperationRequest& call) {
  const JsonRef request(call.body);
  const JsonRef locator = request.at("callLocator");
  const std::string_view kind = locator.at("kind").text();
  NewJoin wanted;
  if (kind == "roomCallLocator") {
    wanted.locator = NewJoin::Locator::kRoom;
    wanted.id = locator.at("roomId").text();
  } else if (kind == "groupCallLocator") {
    wanted.locator = NewJoin::Locator::kGroup;
    wanted.id = locator.at("groupCallId").text();
  } else if (kind == "serverCallLocator") {
    wanted.id = locator.at("serverCallId").text();
  } else {
    throw locator.at("kind").error("'" + std::string(kind) + "' is none of serverCallLocator, groupCallLocator, roomCallLocator");
  }
  wanted.connection = read_connection(request);
  return {200, connection_json(call.calls.join(call.resource, std::move(wanted)))};
}

OperationAnswer transfer(const OperationRequest& call) {
  const JsonRef request(call.body);
  Transfer wanted;
  wanted.target = read_party(request.at("targetParticipant"));
  wanted.transferee = find_party(request, "transferee");
  wanted.source_number = find_phone(request, "sourceCallerIdNumber");
  wanted.custom = read_custom_context(request);
  wanted.tag = read_tag(request);
  const json answer = context_json(wanted.tag);
  call.calls.transfer(call.resource, call.arguments[0], std::move(wanted));
  return {202, answer};
}

OperationAnswer show(const OperationRequest& call) {
  return {200, connection_json(call.calls.get(*call.resource, call.arguments[0]))};
}

OperationAnswer leave(const OperationRequest& call) {
  call.calls.hang_up(*call.resource, call.arguments[0], false);
  return {204, nullptr};
}

OperationAnswer terminate(const OperationRequest& call) {
  call.calls.hang_up(*call.resource, call.arguments[0], true);
  return {204, nullptr};
}

using Body = OperationBody;
constexpr Operation kSetupOperations[] = {
    {"POST", "/calling/callConnections", Body::kWanted, create},
    {"POST", "/calling/callConnections:answer", Body::kWanted, answer},
    {"POST", "/calling/callConnections:redirect", Body::kWanted, redirect},
    {"POST", "/calling/callConnections:reject", Body::kWanted, reject},
    {"POST", "/calling/callConnections:connect", Body::kWanted, join},
    {"GET", "/calling/callConnections/{callConnectionId}", Body::kIgnored, show},
    {"DELETE", "/calling/callConnections/{callConnectionId}", Body::kIgnored, leave},
    {"POST", "/calling/callConnections/{callConnectionId}:terminate", Body::kIgnored, terminate},
    {"POST", "/calling/callConnections/{callConnectionId}:transferToParticipant", Body::kWanted, transfer},
};
constexpr const char* kVersions[] = {"2023-01-15-preview", "2023-03-06",         "2023-06-15-preview", "2023-10-03-preview",
                                     "2023-10-15",         "2024-04-15",         "2024-06-15-preview", "2024-09-01-preview",
                                     "2024-09-15",         "2024-11-15-preview", "2025-05-15",         "2026-03-12"};

}  // namespace

std::span<const char* const> call_versions() { return kVersions; }

std::span<const Operation> setup_operations() { return kSetupOperations; }

std::span<const Operation> call_operations() {
  static const std::vector<Operation> all = [] {
    std::vector<Operation> out;
    for (const auto part : {setup_operations(), participant_operations(), media_operations(), recording_operations()})
      out.insert(out.end(), part.begin(), part.end());
    return out;
  }();
  return all;
}

}  // namespace trunkline::calls
