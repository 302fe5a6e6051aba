#include "tests/plugins/chat-matrix/fake_homeserver.h"

#include <algorithm>

#include "runtime/net/http.h"

namespace trunkline::testing {
namespace {

std::string decoded(std::string_view text) { return net::percent_decode(text).value_or(std::string(text)); }

std::int64_t position_of(const std::string& token) { return token.empty() ? 0 : std::stoll(token.substr(1)); }
std::string token_of(std::int64_t position) { return "s" + std::to_string(position); }

bool is_in(const std::map<std::string, std::string>& membership, const std::string& user, const char* how) {
  const auto found = membership.find(user);
  return found != membership.end() && found->second == how;
}

}  // namespace

Task<host::HttpResponse> FakeHomeserver::send(Call, host::HttpRequest request) {
  Asked asked;
  asked.method = request.method;
  std::string target = request.url.substr(std::string(kUrl).size());
  const std::size_t mark = target.find('?');
  std::string query = mark == std::string::npos ? "" : target.substr(mark + 1);
  target = target.substr(0, mark);
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size()), equals = query.find('=', at);
    asked.query[query.substr(at, equals - at)] = decoded(query.substr(equals + 1, end - equals - 1));
    at = end + 1;
  }
  for (std::size_t at = 1; at <= target.size();) {
    const std::size_t end = std::min(target.find('/', at), target.size());
    asked.path.push_back(decoded(target.substr(at, end - at)));
    at = end + 1;
  }
  if (target.ends_with('/')) asked.path.emplace_back();
  asked.path.erase(asked.path.begin(), asked.path.begin() + 3);  // _matrix/client/v3
  asked.as = asked.query["user_id"];
  if (request.body) asked.body = json::parse(*request.body);
  std::string line = asked.method;
  for (std::size_t i = 0; i < asked.path.size(); ++i) line += (i == 0 ? " /" : "/") + asked.path[i];
  Answer found;
  {
    const std::lock_guard lock(mutex_);
    log.push_back(line + " as " + asked.as);
    std::optional<Answer> scripted = script ? script(line) : std::nullopt;
    if (scripted && scripted->first == 0) throw Error(ErrorCode::kUnavailable, "the connection was reset");
    if (request.headers["authorization"] != std::string("Bearer ") + kToken)
      found = refused(401, "M_UNKNOWN_TOKEN");
    else
      found = scripted ? *std::move(scripted) : answer(asked);
  }
  host::HttpResponse response;
  response.status = found.first;
  const std::string text = found.second.is_string() ? found.second.get<std::string>() : found.second.dump();
  response.body = Bytes(text.begin(), text.end());
  co_return response;
}

std::string FakeHomeserver::append(Room& room, std::string type, std::string sender, json content,
                                   std::optional<std::string> key) {
  Event event;
  event.position = ++position_;
  event.id = "$event" + std::to_string(position_);
  event.type = std::move(type);
  event.sender = std::move(sender);
  event.state_key = std::move(key);
  event.content = std::move(content);
  if (event.type == "m.room.member") room.membership[*event.state_key] = event.content.at("membership").get<std::string>();
  room.events.push_back(std::move(event));
  return room.events.back().id;
}

json FakeHomeserver::shown(const Room& room, const Event& event) const {
  json out{{"event_id", event.id}, {"type", event.type}, {"sender", event.sender}, {"content", event.content}};
  out["origin_server_ts"] = 4'000'000'000'000;  // a clock that is far ahead of ours
  out["unsigned"] = json::object();
  if (event.state_key) out["state_key"] = *event.state_key;
  if (!event.redacted_by.empty()) {
    out["content"] = json::object();
    out["unsigned"]["redacted_because"] = {{"event_id", event.redacted_by}, {"origin_server_ts", 1}};
    return out;
  }
  for (const Event& other : room.events) {
    const json relation = other.content.value("m.relates_to", json::object());
    if (relation.value("rel_type", "") == "m.replace" && relation.value("event_id", "") == event.id && other.redacted_by.empty())
      out["unsigned"]["m.relations"]["m.replace"] = {
          {"event_id", other.id}, {"sender", other.sender}, {"content", other.content}};
  }
  return out;
}

FakeHomeserver::Answer FakeHomeserver::answer(const Asked& asked) {
  const std::string& first = asked.path[0];
  if (first == "register") {
    const std::string user = "@" + asked.body.at("username").get<std::string>() + ":" + kName;
    return users_.insert(user).second ? Answer{200, {{"user_id", user}}} : refused(400, "M_USER_IN_USE");
  }
  if (!users_.contains(asked.as)) return refused(403, "M_FORBIDDEN");
  if (first == "createRoom") return create_room(asked);
  if (first == "sync") return sync(asked);
  if (first == "directory") {
    const auto found = aliases_.find(asked.path[2]);
    return found == aliases_.end() ? refused(404, "M_NOT_FOUND") : Answer{200, {{"room_id", found->second}}};
  }
  if (first != "rooms") return refused(404, "M_UNRECOGNIZED");
  const auto found = rooms_.find(asked.path[1]);
  if (found == rooms_.end()) return refused(404, "M_NOT_FOUND");
  return room_answer(asked, found->second, asked.path[2]);
}

FakeHomeserver::Answer FakeHomeserver::create_room(const Asked& asked) {
  std::string alias;
  if (asked.body.contains("room_alias_name"))
    alias = "#" + asked.body["room_alias_name"].get<std::string>() + ":" + std::string(kName);
  if (!alias.empty() && aliases_.contains(alias)) return refused(400, "M_ROOM_IN_USE");
  const std::string id = "!room" + std::to_string(rooms_.size());
  Room& room = rooms_[id];
  if (!alias.empty()) aliases_[alias] = id;
  append(room, "m.room.member", asked.as, {{"membership", "join"}}, asked.as);
  append(room, "m.room.name", asked.as, {{"name", asked.body.at("name")}}, "");
  append(room, "m.room.topic", asked.as, {{"topic", asked.body.at("topic")}}, "");
  for (const json& state : asked.body.at("initial_state")) append(room, state.at("type"), asked.as, state.at("content"), "");
  for (const json& user : asked.body.at("invite"))
    append(room, "m.room.member", asked.as, {{"membership", "invite"}}, user.get<std::string>());
  return {200, {{"room_id", id}}};
}

FakeHomeserver::Answer FakeHomeserver::room_answer(const Asked& asked, Room& room, const std::string& action) {
  if (asked.method == "PUT" && action == "state" && asked.path[3] == "m.room.member") {
    const std::string& user = asked.path[4];
    if (user != asked.as || !room.membership.contains(user) || room.membership[user] == "leave" || room.membership[user] == "ban")
      return refused(403, "M_FORBIDDEN");
    return {200, {{"event_id", append(room, "m.room.member", user, asked.body, user)}}};
  }
  if (action == "forget") {
    if (is_in(room.membership, asked.as, "join")) return refused(400, "M_UNKNOWN");
    room.forgotten.insert(asked.as);
    return {200, json::object()};
  }
  // Who has left still sees who was there, until the room is forgotten.
  const bool left = is_in(room.membership, asked.as, "leave") && !room.forgotten.contains(asked.as);
  if (!is_in(room.membership, asked.as, "join") && !(left && action == "members")) return refused(403, "M_FORBIDDEN");
  if (asked.method == "PUT") return put(room, asked, action);
  if (action == "invite" || action == "kick" || action == "leave") {
    const std::string user = action == "leave" ? asked.as : asked.body.at("user_id").get<std::string>();
    const bool inside = is_in(room.membership, user, "join"), invited = is_in(room.membership, user, "invite");
    if (action == "invite" ? inside : !inside && !invited) return refused(403, "M_FORBIDDEN");
    append(room, "m.room.member", asked.as, {{"membership", action == "invite" ? "invite" : "leave"}}, user);
    return {200, json::object()};
  }
  if (action == "receipt") return {200, json::object()};
  if (action == "members" || action == "joined_members") {
    json chunk = json::array(), joined = json::object();
    for (const auto& [user, membership] : room.membership) {
      if (membership != "leave") chunk.push_back({{"state_key", user}, {"content", {{"membership", membership}}}});
      if (membership == "join") joined[user] = json::object();
    }
    return {200, {{"chunk", chunk}, {"joined", joined}}};
  }
  if (action == "messages") return messages(asked, room);
  if (action == "state") {
    for (auto event = room.events.rbegin(); event != room.events.rend(); ++event)
      if (event->type == asked.path[3] && event->state_key == asked.path[4]) return {200, event->content};
    return refused(404, "M_NOT_FOUND");
  }
  for (const Event& event : room.events) {
    if (asked.path.size() < 4 || event.id != asked.path[3]) continue;
    if (action == "event") return {200, shown(room, event)};
    if (action == "context") return {200, {{"start", token_of(event.position - 1)}, {"end", token_of(event.position)}}};
  }
  return refused(404, "M_NOT_FOUND");
}

FakeHomeserver::Answer FakeHomeserver::put(Room& room, const Asked& asked, const std::string& action) {
  if (action == "typing") return {200, json::object()};
  if (action == "state") return {200, {{"event_id", append(room, asked.path[3], asked.as, asked.body, asked.path[4])}}};
  std::string& event = transactions_[asked.as + asked.path[1] + asked.path[4]];
  if (!event.empty()) return {200, {{"event_id", event}}};
  if (action == "send") {
    event = append(room, asked.path[3], asked.as, asked.body);
  } else {
    event = append(room, "m.room.redaction", asked.as, {{"redacts", asked.path[3]}});
    for (Event& other : room.events)
      if (other.id == asked.path[3]) other.redacted_by = event;
  }
  return {200, {{"event_id", event}}};
}

FakeHomeserver::Answer FakeHomeserver::messages(const Asked& asked, const Room& room) {
  const auto value = [&](const char* name) {
    const auto found = asked.query.find(name);
    return found == asked.query.end() ? std::string() : found->second;
  };
  const std::int64_t from = value("from").empty() ? position_ : position_of(value("from")), to = position_of(value("to"));
  const std::size_t limit = std::stoul(value("limit"));
  json chunk = json::array();
  std::int64_t end = 0;
  for (auto event = room.events.rbegin(); event != room.events.rend(); ++event) {
    if (event->position > from || event->position <= to) continue;
    if (chunk.size() == limit) {
      end = event->position;
      break;
    }
    chunk.push_back(shown(room, *event));
  }
  json out{{"chunk", chunk}};
  if (end > 0) out["end"] = token_of(end);
  return {200, out};
}

FakeHomeserver::Answer FakeHomeserver::sync(const Asked& asked) {
  const auto since = asked.query.find("since");
  const std::int64_t from = since == asked.query.end() ? 0 : position_of(since->second);
  const json filter = json::parse(asked.query.at("filter"));
  const std::size_t limit = filter["room"]["timeline"]["limit"].get<std::size_t>();
  json joined = json::object();
  for (const auto& [id, room] : rooms_) {
    if (!is_in(room.membership, asked.as, "join")) continue;
    std::vector<const Event*> fresh;
    for (const Event& event : room.events)
      if (event.position > from) fresh.push_back(&event);
    json events = json::array();
    const std::size_t skipped = fresh.size() > limit ? fresh.size() - limit : 0;
    for (std::size_t i = skipped; i < fresh.size(); ++i) events.push_back(shown(room, *fresh[i]));
    json ephemeral = json::array();
    if (room.ephemeral_at > from) {
      ephemeral.push_back({{"type", "m.receipt"}, {"content", room.receipts}});
      ephemeral.push_back({{"type", "m.typing"}, {"content", {{"user_ids", room.typing}}}});
    }
    if (events.empty() && ephemeral.empty()) continue;
    joined[id] = {{"timeline", {{"events", events}, {"limited", skipped > 0}}}, {"ephemeral", {{"events", ephemeral}}}};
    if (skipped > 0) joined[id]["timeline"]["prev_batch"] = token_of(fresh[skipped]->position - 1);
  }
  return {200, {{"next_batch", token_of(position_)}, {"rooms", {{"join", joined}}}}};
}

std::string FakeHomeserver::say(const std::string& room, const std::string& user, const std::string& text) {
  const std::lock_guard lock(mutex_);
  return append(rooms_.at(room), "m.room.message", user, {{"msgtype", "m.text"}, {"body", text}});
}

std::string FakeHomeserver::edit(const std::string& room, const std::string& user, const std::string& event,
                                 const std::string& text) {
  const std::lock_guard lock(mutex_);
  json content{{"msgtype", "m.text"}, {"body", "* " + text}};
  content["m.new_content"] = {{"msgtype", "m.text"}, {"body", text}};
  content["m.relates_to"] = {{"rel_type", "m.replace"}, {"event_id", event}};
  return append(rooms_.at(room), "m.room.message", user, std::move(content));
}

void FakeHomeserver::redact(const std::string& room, const std::string& user, const std::string& event) {
  const std::lock_guard lock(mutex_);
  Room& where = rooms_.at(room);
  const std::string by = append(where, "m.room.redaction", user, {{"redacts", event}});
  for (Event& other : where.events)
    if (other.id == event) other.redacted_by = by;
}

void FakeHomeserver::member(const std::string& room, const std::string& user, const std::string& membership,
                            const std::string& by) {
  const std::lock_guard lock(mutex_);
  json content{{"membership", membership}, {"displayname", user.substr(1, user.find(':') - 1)}};
  append(rooms_.at(room), "m.room.member", by.empty() ? user : by, std::move(content), user);
}

void FakeHomeserver::set_topic(const std::string& room, const std::string& user, const std::string& topic) {
  const std::lock_guard lock(mutex_);
  append(rooms_.at(room), "m.room.topic", user, {{"topic", topic}}, "");
}

void FakeHomeserver::read(const std::string& room, const std::string& user, const std::string& event) {
  const std::lock_guard lock(mutex_);
  rooms_.at(room).receipts = {{event, {{"m.read", {{user, {{"ts", 1}}}}}}}};
  rooms_.at(room).ephemeral_at = ++position_;
}

void FakeHomeserver::type(const std::string& room, const std::string& user) {
  const std::lock_guard lock(mutex_);
  rooms_.at(room).typing = {user};
  rooms_.at(room).ephemeral_at = ++position_;
}

std::size_t FakeHomeserver::count(const std::string& part) {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(log.begin(), log.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

std::vector<std::string> FakeHomeserver::texts(const std::string& room) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const Event& event : rooms_.at(room).events)
    if (event.type == "m.room.message") found.push_back(event.redacted_by.empty() ? event.content.value("body", "") : "");
  return found;
}

}  // namespace trunkline::testing
