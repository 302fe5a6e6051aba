// `trunkline room`: rooms of a running server, through its published API.
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/base/time_text.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

constexpr const char* kVersion = "2025-03-13";

std::string room_path(const std::string& id, const char* more = "") {
  return Target("/rooms/" + net::percent_encode(id) + more).add("api-version", kVersion).text();
}

std::string room_line(const json& room) {
  return text_of(room, "id") + "  " + text_of(room, "validFrom") + "  until " + text_of(room, "validUntil") +
         (room.value("pstnDialOutEnabled", false) ? "  dials out" : "");
}

struct RoomOptions {
  std::string id;
  std::string from;
  std::string until;
  std::string dial_out;
  std::string role = "Attendee";
  std::vector<std::string> people;
};
using RoomOptionsPtr = std::shared_ptr<RoomOptions>;

json settings_of(const RoomOptions& o) {
  json body = json::object();
  if (!o.from.empty()) body["validFrom"] = o.from;
  if (!o.until.empty()) body["validUntil"] = o.until;
  if (!o.dial_out.empty()) body["pstnDialOutEnabled"] = o.dial_out == "on";
  return body;
}

json roster_of(const RoomOptions& o, const json& each) {
  json roster = json::object();
  for (const std::string& id : o.people) roster[id] = each;
  return roster;
}

int create(ApiClient& client, const Output& output, const RoomOptions& o) {
  json body = settings_of(o);
  body["participants"] = roster_of(o, {{"role", o.role}});
  const json room = client.post(Target("/rooms").add("api-version", kVersion).text(), body);
  output.result(room, room_line(room));
  return kExitOk;
}

int list_rooms(ApiClient& client, const Output& output, const RoomOptions&) {
  for (std::string path = Target("/rooms").add("api-version", kVersion).text(); !path.empty();) {
    const json page = client.get(path);
    for (const json& room : page["value"]) output.result(room, room_line(room));
    path = text_of(page, "nextLink");
  }
  return kExitOk;
}

int participants(ApiClient& client, const Output& output, const RoomOptions& o) {
  for (std::string path = room_path(o.id, "/participants"); !path.empty();) {
    const json page = client.get(path);
    for (const json& item : page["value"]) output.result(item, text_of(item, "rawId") + "  " + text_of(item, "role"));
    path = text_of(page, "nextLink");
  }
  return kExitOk;
}

int show_room(ApiClient& client, const Output& output, const RoomOptions& o) {
  const json room = client.get(room_path(o.id));
  output.result(room, room_line(room));
  return output.json() ? kExitOk : participants(client, output, o);
}

int update(ApiClient& client, const Output& output, const RoomOptions& o) {
  const json body = settings_of(o);
  if (body.empty()) throw Error(ErrorCode::kInvalidArgument, "say what to change: --from, --until or --dial-out", "--from");
  const json room = client.patch(room_path(o.id), body);
  output.result(room, room_line(room));
  return kExitOk;
}

int invite(ApiClient& client, const Output& output, const RoomOptions& o) {
  client.patch(room_path(o.id, "/participants"), {{"participants", roster_of(o, {{"role", o.role}})}});
  return participants(client, output, o);
}

int uninvite(ApiClient& client, const Output& output, const RoomOptions& o) {
  client.patch(room_path(o.id, "/participants"), {{"participants", roster_of(o, nullptr)}});
  return participants(client, output, o);
}

int drop(ApiClient& client, const Output&, const RoomOptions& o) {
  client.remove(room_path(o.id));
  return kExitOk;
}

}  // namespace

void add_room_commands(CLI::App& app, CommandContext& context) {
  CLI::App* room = app.add_subcommand("room", "Rooms: who may join when.")->require_subcommand(1);
  const auto options = std::make_shared<RoomOptions>();
  CLI::App* make = add_client_command(*room, context, "create", "Create one.", options, &create);
  add_client_command(*room, context, "list", "Those that are not over.", options, &list_rooms);
  CLI::App* details = add_client_command(*room, context, "show", "One of them, and who may join.", options, &show_room);
  CLI::App* change = add_client_command(*room, context, "update", "Change its window or dial-out.", options, &update);
  CLI::App* more = add_client_command(*room, context, "invite", "Let people join, or change their role.", options, &invite);
  CLI::App* less = add_client_command(*room, context, "uninvite", "Take invitations back.", options, &uninvite);
  CLI::App* gone = add_client_command(*room, context, "drop", "Drop one.", options, &drop);
  for (CLI::App* command : {details, change, more, less, gone}) command->add_option("room", options->id, "Its id.")->required();
  for (CLI::App* command : {more, less})
    command->add_option("user", options->people, "Raw id of a user; may be repeated.")->required();
  make->add_option("--invite", options->people, "Raw id of a user; may be repeated.")->allow_extra_args(false);
  for (CLI::App* command : {make, more})
    command->add_option("--role", options->role, "Attendee, Presenter, Consumer or Collaborator.")
        ->check(CLI::IsMember({"Attendee", "Presenter", "Consumer", "Collaborator"}));
  for (CLI::App* command : {make, change}) {
    command->add_option("--from", options->from, "Open from then on, RFC 3339.");
    command->add_option("--until", options->until, "Closed from then on, RFC 3339.");
    command->add_option("--dial-out", options->dial_out, "on or off.")->check(CLI::IsMember({"on", "off"}));
  }
}

}  // namespace trunkline::app
