#include "matrix_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace chat_matrix {

using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

namespace {

constexpr std::size_t kMaxAnswer = 8 * 1024 * 1024;
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxErrorText = 300;
constexpr std::size_t kKnownAccounts = 100'000;
constexpr int kTypingMs = 8000;  // as long as an indicator of ours is shown

/// Text that is no UTF-8 cannot be JSON; it is made so rather than refused.
std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

bool may_repeat(const std::string& method) { return method == "GET" || method == "PUT"; }

ErrorCode code_of(int status, const std::string& code) {
  if (code == "M_LIMIT_EXCEEDED" || status == 429) return ErrorCode::kResourceExhausted;
  if (code == "M_UNKNOWN_TOKEN" || code == "M_MISSING_TOKEN" || status == 401) return ErrorCode::kUnavailable;
  if (code == "M_EXCLUSIVE") return ErrorCode::kFailedPrecondition;
  if (code == "M_TOO_LARGE" || status == 413) return ErrorCode::kOutOfRange;
  if (code == "M_ROOM_IN_USE" || code == "M_USER_IN_USE") return ErrorCode::kAlreadyExists;
  if (code == "M_FORBIDDEN" || status == 403) return ErrorCode::kPermissionDenied;
  if (code == "M_NOT_FOUND" || status == 404) return ErrorCode::kNotFound;
  return status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument;
}

std::string room_path(const std::string& room, std::string_view rest) {
  std::string path = "/rooms/" + url_part(room);
  path.append(rest);
  return path;
}

std::string event_id_of(const json& answer) {
  std::string id = text_of(answer, "event_id");
  if (id.empty()) throw Error(ErrorCode::kUnavailable, "the homeserver's answer names no event").with_retry();
  return id;
}

}  // namespace

std::string text_of(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

const json& object_of(const json& object, const char* name) {
  static const json kNone = json::object();
  if (!object.is_object()) return kNone;
  const auto member = object.find(name);
  return member != object.end() && member->is_object() ? *member : kNone;
}

const json& list_of(const json& object, const char* name) {
  static const json kNone = json::array();
  if (!object.is_object()) return kNone;
  const auto member = object.find(name);
  return member != object.end() && member->is_array() ? *member : kNone;
}

std::int64_t number_of(const json& object, const char* name) {
  if (!object.is_object()) return 0;
  const auto member = object.find(name);
  return member != object.end() && member->is_number_integer() ? member->get<std::int64_t>() : 0;
}

json parse_answer(std::string_view text) {
  const auto refuse = [](const char* why) {
    throw Error(ErrorCode::kUnavailable, std::string("the homeserver's answer ") + why).with_retry();
  };
  if (text.size() > kMaxAnswer) refuse("is too long");
  bool too_deep = false;
  const json::parser_callback_t limit = [&](int depth, json::parse_event_t, json&) { return !(too_deep |= depth > kMaxDepth); };
  json answer = json::parse(text, limit, false);
  if (too_deep) refuse("is too deep");
  if (!answer.is_object()) refuse("is no JSON object");
  return answer;
}

Error error_of(int status, std::string_view body, const std::string& target) {
  json answer = body.size() > kMaxAnswer ? json() : json::parse(body, nullptr, false);
  const std::string code = text_of(answer, "errcode");
  const std::string text = text_of(answer, "error").substr(0, kMaxErrorText);
  const ErrorCode ours = code_of(status, code);
  std::string message = "the homeserver answered " + std::to_string(status);
  if (!code.empty()) message += " " + code;
  if (!text.empty()) message += ": " + text;
  Error error(ours, std::move(message));
  error.provider_code = code;
  const bool about_request = ours != ErrorCode::kUnavailable && ours != ErrorCode::kResourceExhausted;
  if (about_request) error.target = ours == ErrorCode::kOutOfRange ? "content" : target;
  error.retryable = ours == ErrorCode::kResourceExhausted || (status >= 500 && ours == ErrorCode::kUnavailable);
  if (ours == ErrorCode::kResourceExhausted)
    error.retry_after = std::chrono::milliseconds(std::clamp<std::int64_t>(number_of(answer, "retry_after_ms"), 0, 86'400'000));
  return error;
}

MatrixClient::MatrixClient(trunkline::Host host, const Settings& settings, const Names& names)
    : http_(host.http()), secrets_(host.secrets()), settings_(settings), names_(names), accounts_(kKnownAccounts) {}

Task<json> MatrixClient::call(MatrixRequest request, CallOptions options) {
  std::optional<Error> failure;
  try {
    co_return co_await attempt(request, options);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kUnavailable || !error.retryable || !may_repeat(request.method)) throw;
    failure = error;
  }
  if (options.stop.stop_requested()) throw std::move(*failure);
  co_return co_await attempt(request, std::move(options));
}

Task<json> MatrixClient::attempt(MatrixRequest request, CallOptions options) {
  HttpRequest http;
  http.method = request.method;
  http.url = settings_.homeserver + "/_matrix/client/v3" + request.path + "?user_id=" + url_part(request.as);
  if (!request.query.empty()) http.url += "&" + request.query;
  http.headers = {{"accept", "application/json"}, {"authorization", "Bearer " + secrets_.get("as_token")}};
  if (request.body) {
    http.body = trunkline::Bytes(request.body->begin(), request.body->end());
    http.headers["content-type"] = "application/json";
  }
  http.timeout = settings_.request_timeout + request.more_time;
  http.long_poll = request.more_time > Duration{0};
  HttpResponse response;
  std::optional<Error> failure;
  try {
    response = co_await http_.send(std::move(http), std::move(options));
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) {
    // Nobody can tell whether it arrived; what may be repeated is.
    if (failure->code == ErrorCode::kUnavailable) failure->retryable = true;
    throw std::move(*failure);
  }
  std::string_view text;
  if (response.body) text = {reinterpret_cast<const char*>(response.body->data()), response.body->size()};
  if (response.status < 200 || response.status > 299) throw error_of(response.status, text, request.target);
  co_return parse_answer(text);
}

Task<void> MatrixClient::ensure_user(std::string user, CallOptions options) {
  if (accounts_.find(user)) co_return;
  MatrixRequest request("POST", "/register", names_.bot());
  const json account = {{"type", "m.login.application_service"}, {"username", names_.localpart(user)}, {"inhibit_login", true}};
  request.body = dumped(account);
  request.target = "participants";
  try {
    co_await call(std::move(request), std::move(options));
  } catch (const Error& error) {
    if (error.provider_code != "M_USER_IN_USE") throw;
  }
  accounts_.put(user, std::make_shared<const bool>(true), accounts_.clears());
}

Task<std::string> MatrixClient::create_room(json body, CallOptions options) {
  MatrixRequest request("POST", "/createRoom", names_.bot());
  request.body = dumped(body);
  const json answer = co_await call(std::move(request), std::move(options));
  std::string room = text_of(answer, "room_id");
  if (room.empty()) throw Error(ErrorCode::kUnavailable, "the homeserver's answer names no room").with_retry();
  co_return room;
}

Task<std::string> MatrixClient::room_of_alias(std::string alias, CallOptions options) {
  MatrixRequest request("GET", "/directory/room/" + url_part(alias), names_.bot());
  const json answer = co_await call(std::move(request), std::move(options));
  std::string room = text_of(answer, "room_id");
  if (room.empty()) throw Error(ErrorCode::kUnavailable, "the homeserver's answer names no room").with_retry();
  co_return room;
}

Task<std::string> MatrixClient::send(std::string room, std::string type, std::string transaction, json content, std::string as,
                                     CallOptions options) {
  MatrixRequest request("PUT", room_path(room, "/send/" + url_part(type) + "/" + url_part(transaction)), std::move(as));
  request.body = dumped(content);
  const json answer = co_await call(std::move(request), std::move(options));
  co_return event_id_of(answer);
}

Task<std::string> MatrixClient::set_state(std::string room, std::string type, std::string key, json content, std::string as,
                                          CallOptions options) {
  MatrixRequest request("PUT", room_path(room, "/state/" + url_part(type) + "/" + url_part(key)), std::move(as));
  request.body = dumped(content);
  const json answer = co_await call(std::move(request), std::move(options));
  co_return event_id_of(answer);
}

Task<void> MatrixClient::redact(std::string room, std::string event, std::string transaction, std::string as,
                                CallOptions options) {
  MatrixRequest request("PUT", room_path(room, "/redact/" + url_part(event) + "/" + url_part(transaction)), std::move(as));
  request.body = "{}";
  request.target = "messageId";
  co_await call(std::move(request), std::move(options));
}

Task<void> MatrixClient::post(std::string room, std::string action, json body, std::string as, CallOptions options) {
  MatrixRequest request("POST", room_path(room, "/" + action), std::move(as));
  request.body = dumped(body);
  co_await call(std::move(request), std::move(options));
}

Task<void> MatrixClient::set_typing(std::string room, std::string user, CallOptions options) {
  MatrixRequest request("PUT", room_path(room, "/typing/" + url_part(user)), user);
  request.body = R"({"typing":true,"timeout":)" + std::to_string(kTypingMs) + "}";
  co_await call(std::move(request), std::move(options));
}

Task<json> MatrixClient::state(std::string room, std::string type, std::string key, CallOptions options) {
  MatrixRequest request("GET", room_path(room, "/state/" + url_part(type) + "/" + url_part(key)), names_.bot());
  co_return co_await call(std::move(request), std::move(options));
}

Task<bool> MatrixClient::is_member(std::string room, std::string user, CallOptions options) {
  try {
    const json member = co_await state(std::move(room), "m.room.member", std::move(user), std::move(options));
    const std::string membership = text_of(member, "membership");
    co_return membership == "join" || membership == "invite";
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
  }
  co_return false;
}

Task<json> MatrixClient::event(std::string room, std::string event, CallOptions options) {
  MatrixRequest request("GET", room_path(room, "/event/" + url_part(event)), names_.bot());
  request.target = "messageId";
  co_return co_await call(std::move(request), std::move(options));
}

Task<std::string> MatrixClient::position_behind(std::string room, std::string event, CallOptions options) {
  MatrixRequest request("GET", room_path(room, "/context/" + url_part(event)), names_.bot());
  request.query = "limit=0";
  request.target = "messageId";
  const json answer = co_await call(std::move(request), std::move(options));
  co_return text_of(answer, "end");
}

Task<json> MatrixClient::messages(std::string room, std::string from, std::string to, std::size_t limit, CallOptions options) {
  MatrixRequest request("GET", room_path(room, "/messages"), names_.bot());
  request.query = "dir=b&limit=" + std::to_string(limit);
  if (!from.empty()) request.query += "&from=" + url_part(from);
  if (!to.empty()) request.query += "&to=" + url_part(to);
  co_return co_await call(std::move(request), std::move(options));
}

Task<json> MatrixClient::sync(std::string since, std::size_t timeline_limit, CallOptions options) {
  const json nothing = {{"not_types", json::array({"*"})}};
  const json ephemeral = {{"types", json::array({"m.receipt", "m.typing"})}};
  const json filter = {{"presence", nothing},
                       {"account_data", nothing},
                       {"room",
                        {{"timeline", {{"limit", timeline_limit}}},
                         {"state", {{"not_types", json::array({"*"})}}},
                         {"account_data", nothing},
                         {"ephemeral", ephemeral}}}};
  MatrixRequest request("GET", "/sync", names_.bot());
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(settings_.sync_wait);
  // The first answer comes at once, whatever is asked.
  request.query = "timeout=" + std::to_string(since.empty() ? 0 : wait.count()) + "&filter=" + url_part(filter.dump());
  if (!since.empty()) request.query += "&since=" + url_part(since);
  request.more_time = settings_.sync_wait;
  request.target.clear();
  co_return co_await call(std::move(request), std::move(options));
}

}  // namespace chat_matrix
