// Rooms: create, get, list, update, delete; participants (2023-06-14 to 2025-03-13).
#include "runtime/api/rooms_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/services/room_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::BodyRule;
using server::RouteContext;
using service::Room;
using service::RoomParticipant;

constexpr std::int32_t kPage = 100;
constexpr std::size_t kMaxKey = 128;

json room_json(const Room& room) {
  json out;
  out["id"] = room.id;
  out["createdAt"] = format_rfc3339(room.created_at);
  out["validFrom"] = format_rfc3339(room.valid_from);
  out["validUntil"] = format_rfc3339(room.valid_until);
  out["pstnDialOutEnabled"] = room.pstn_dial_out;
  return out;
}

std::optional<Time> time_member(const JsonRef& body, const char* name) {
  const auto value = body.find(name);
  if (!value) return std::nullopt;
  if (const auto time = parse_rfc3339(value->text())) return *time;
  throw value->error("'" + std::string(value->text()) + "' is no RFC 3339 time");
}

struct Roster {
  std::vector<RoomParticipant> set;
  std::vector<std::string> removed;
};

/// A map of raw ids; null takes an invitation back.
Roster read_roster(const JsonRef& body) {
  Roster roster;
  const auto participants = body.find("participants");
  if (!participants) return roster;
  for (const auto& [id, value] : participants->object().json().items()) {
    if (value.is_null()) {
      roster.removed.push_back(id);
      continue;
    }
    RoomParticipant participant;
    participant.id = id;
    participant.role = service::RoomRole::kAttendee;
    const JsonRef properties = participants->at(id);
    if (const auto role = properties.find("role")) {
      const auto parsed = parse_room_role(role->text());
      if (!parsed)
        throw role->error("'" + std::string(role->text()) + "' is none of Presenter, Attendee, Consumer, Collaborator");
      participant.role = *parsed;
    }
    roster.set.push_back(std::move(participant));
  }
  return roster;
}

/// `{value, nextLink?}`; the link is relative, which every client of Azure follows.
json page_json(const RouteContext& context, json items, const std::optional<std::string>& continuation) {
  json out;
  out["value"] = std::move(items);
  if (continuation)
    out["nextLink"] = std::string(context.request.path()) + "?continuation=" + net::percent_encode(*continuation) +
                      "&api-version=" + std::string(context.api_version);
  return out;
}

Task<net::Response> create(RoomService& rooms, RouteContext& context) {
  const json body = parse_optional_body(context);
  const JsonRef request(body);
  service::NewRoom room;
  room.valid_from = time_member(request, "validFrom");
  room.valid_until = time_member(request, "validUntil");
  room.pstn_dial_out = request.boolean_or("pstnDialOutEnabled", false);
  Roster roster = read_roster(request);
  room.participants = std::move(roster.set);
  const std::string_view key = context.request.headers.get("Repeatability-Request-ID");
  if (key.size() > kMaxKey)
    throw Error(ErrorCode::kInvalidArgument, "a repeatability request id has at most 128 characters", "Repeatability-Request-ID");
  if (!key.empty()) room.idempotency_key = std::string(key);
  const Room created = co_await rooms.create(resource_of(context), std::move(room));
  net::Response response = json_response(201, room_json(created));
  if (!key.empty()) response.headers.set("Repeatability-Result", "accepted");
  co_return response;
}

Task<net::Response> list(RoomService& rooms, RouteContext& context) {
  const service::RoomPage page = rooms.list(*resource_of(context), kPage, context.query("continuation"));
  json items = json::array();
  for (const Room& room : page.items) items.push_back(room_json(room));
  co_return json_response(200, page_json(context, std::move(items), page.continuation));
}

Task<net::Response> update(RoomService& rooms, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  service::RoomChange change;
  change.room_id = context.param("roomId");
  change.valid_from = time_member(request, "validFrom");
  change.valid_until = time_member(request, "validUntil");
  if (const auto flag = request.find("pstnDialOutEnabled")) change.pstn_dial_out = flag->boolean();
  const Room room = co_await rooms.update(resource_of(context), std::move(change));
  co_return json_response(200, room_json(room));
}

Task<net::Response> list_participants(RoomService& rooms, RouteContext& context) {
  const service::RoomParticipantPage page =
      rooms.participants(*resource_of(context), context.param("roomId"), kPage, context.query("continuation"));
  json items = json::array();
  for (const RoomParticipant& participant : page.items) {
    json item;
    item["rawId"] = participant.id;
    item["role"] = to_rest(participant.role);
    items.push_back(std::move(item));
  }
  co_return json_response(200, page_json(context, std::move(items), page.continuation));
}

Task<net::Response> change_participants(RoomService& rooms, RouteContext& context) {
  const json body = parse_body(context);
  Roster roster = read_roster(JsonRef(body));
  co_await rooms.change_participants(resource_of(context), context.param("roomId"), std::move(roster.set),
                                     std::move(roster.removed));
  co_return json_response(200, json::object());
}

template <class F>
void add(std::vector<server::Route>& routes, const char* method, const char* path, BodyRule body, F handler) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kAccessKey;
  route.body = body;
  route.versions = versions({"2023-06-14", "2023-10-30-preview", "2024-04-15", "2025-03-13"});
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

}  // namespace

void add_room_routes(std::vector<server::Route>& routes, RoomService& rooms) {
  constexpr const char* kRoom = "/rooms/{roomId}";
  constexpr const char* kParticipants = "/rooms/{roomId}/participants";
  add(routes, "POST", "/rooms", BodyRule::kJson, [&rooms](RouteContext& context) { return create(rooms, context); });
  add(routes, "GET", "/rooms", BodyRule::kNone, [&rooms](RouteContext& context) { return list(rooms, context); });
  add(routes, "GET", kRoom, BodyRule::kNone, [&rooms](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, room_json(rooms.get(*resource_of(context), context.param("roomId"))));
  });
  add(routes, "PATCH", kRoom, BodyRule::kMergePatch, [&rooms](RouteContext& context) { return update(rooms, context); });
  add(routes, "DELETE", kRoom, BodyRule::kAny, [&rooms](RouteContext& context) -> Task<net::Response> {
    co_await rooms.drop(resource_of(context), context.param("roomId"));
    co_return empty_response(204);
  });
  add(routes, "GET", kParticipants, BodyRule::kNone,
      [&rooms](RouteContext& context) { return list_participants(rooms, context); });
  add(routes, "PATCH", kParticipants, BodyRule::kMergePatch,
      [&rooms](RouteContext& context) { return change_participants(rooms, context); });
}

}  // namespace trunkline::api
