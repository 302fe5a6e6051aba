#include "transport/request.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "trunkline/error.hpp"

namespace pstn_webrtc {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

constexpr std::size_t kMaxUrl = 2048;
constexpr std::size_t kMaxParts = 6;
constexpr std::size_t kMaxTo = 512;
constexpr std::size_t kMaxFragment = 16 * 1024;
constexpr std::size_t kMaxDigits = 18;

[[noreturn]] void refuse(ErrorCode code, int status, std::string message, std::string target) {
  throw Error(code, std::move(message), std::move(target)).with_http_status(status);
}

[[noreturn]] void wrong_url(const std::string& why) {
  refuse(ErrorCode::kInvalidArgument, 400, "the address is wrong: " + why, "url");
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 32);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) wrong_url("% without two digits behind it");
    out.push_back(static_cast<char>(hex(text[i + 1]) << 4 | hex(text[i + 2])));
    i += 2;
  }
  if (std::any_of(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }))
    wrong_url("found a character that cannot be seen");
  return out;
}

std::optional<std::string> parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, std::min(query.find('&'), query.size()));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) return decode(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, std::min(words.find(' '), words.size()));
    if (word == wanted) return true;
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  return false;
}

std::string_view header(const std::map<std::string, std::string>& headers, const char* name) {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

void want_type(std::string_view found, std::string_view wanted) {
  std::string_view type = found.substr(0, std::min(found.find(';'), found.size()));
  while (type.ends_with(' ')) type.remove_suffix(1);
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  if (!std::equal(type.begin(), type.end(), wanted.begin(), wanted.end(), same))
    refuse(ErrorCode::kInvalidArgument, 415,
           "found the type '" + std::string(found.substr(0, 80)) + "', wanted " + std::string(wanted), "content-type");
}

[[noreturn]] void wrong_method(std::string_view method, std::string_view wanted) {
  refuse(ErrorCode::kInvalidArgument, 405,
         "found the method " + std::string(method.substr(0, 20)) + ", wanted " + std::string(wanted), "method");
}

struct Address {
  std::vector<std::string> parts;
  std::string_view query;
};

Address parse_address(std::string_view url) {
  if (url.size() > kMaxUrl) wrong_url("found " + std::to_string(url.size()) + " bytes, wanted at most 2048");
  if (const std::size_t scheme = url.find("://"); scheme != url.npos) {
    const std::size_t path = url.find('/', scheme + 3);
    url = path == url.npos ? std::string_view() : url.substr(path);
  }
  url = url.substr(0, url.find('#'));
  Address out;
  const std::size_t mark = std::min(url.find('?'), url.size());
  out.query = url.substr(std::min(mark + 1, url.size()));
  std::string_view path = url.substr(0, mark);
  if (!path.starts_with('/')) wrong_url("wanted a path");
  path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    const std::string_view part = path.substr(0, std::min(path.find('/'), path.size()));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (out.parts.size() == kMaxParts) wrong_url("the path is too long");
    out.parts.push_back(decode(part));
  }
  if (out.parts.size() < 2) wrong_url("wanted the path of a provider");
  return out;
}

/// What it listens to.
std::string listened_of(std::string_view query) {
  for (const char* name : {"room", "group", "call"}) {
    const auto given = parameter(query, name);
    if (!given) continue;
    if (given->empty() || given->size() > kMaxTo)
      refuse(ErrorCode::kInvalidArgument, 400, "found " + std::to_string(given->size()) + " bytes, wanted 1 to 512", name);
    return std::string(name) + ":" + *given;
  }
  refuse(ErrorCode::kInvalidArgument, 400, "wanted one of room, group and call", "room");
}

int seconds_of(std::string_view query) {
  const auto ttl = parameter(query, "ttl");
  if (!ttl) return 0;
  int seconds = 0;
  const auto [end, wrong] = std::from_chars(ttl->data(), ttl->data() + ttl->size(), seconds);
  if (wrong != std::errc() || end != ttl->data() + ttl->size() || seconds < 1)
    refuse(ErrorCode::kInvalidArgument, 400, "wanted a number of seconds", "ttl");
  return seconds;
}

std::string digits_of(std::string_view query) {
  const std::string digits = parameter(query, "digits").value_or("");
  if (digits.empty() || digits.size() > kMaxDigits || digits.find_first_not_of("0123456789ABCD*#") != digits.npos)
    refuse(ErrorCode::kInvalidArgument, 400, "wanted 1 to 18 of 0-9, A-D, * and #", "digits");
  return digits;
}

/// Whom the page calls, or where it enters.
std::string target_of(std::string_view query) {
  const auto to = parameter(query, "to"), room = parameter(query, "room"), group = parameter(query, "group");
  if (to.has_value() + room.has_value() + group.has_value() != 1)
    refuse(ErrorCode::kInvalidArgument, 400, "wanted one of to, room and group", "to");
  const std::string& given = to ? *to : room ? *room : *group;
  const char* name = to ? "to" : room ? "room" : "group";
  if (given.empty() || given.size() > kMaxTo)
    refuse(ErrorCode::kInvalidArgument, 400, "found " + std::to_string(given.size()) + " bytes, wanted 1 to 512", name);
  if (to && !given.starts_with('+') && !given.starts_with("8:"))
    refuse(ErrorCode::kInvalidArgument, 400,
           "found '" + given.substr(0, 80) + "', wanted a number such as +14255550100, or the id of a user", "to");
  return room ? "room:" + given : group ? "group:" + given : given;
}

Caller caller_of(const std::map<std::string, std::string>& headers) {
  Caller caller;
  caller.user = header(headers, "trunkline-user");
  caller.resource = header(headers, "trunkline-resource");
  const std::string_view scopes = header(headers, "trunkline-scopes");
  caller.may_start = has_word(scopes, "voip");
  if (caller.user.empty() || caller.resource.empty())
    refuse(ErrorCode::kUnauthenticated, 401, "pages call at /_webrtc, with a user's access token", "authorization");
  return caller;
}

}  // namespace

Ask parse_ask(std::string_view method, std::string_view url, const std::map<std::string, std::string>& headers,
              std::string body) {
  Ask ask;
  ask.caller = caller_of(headers);
  const Address address = parse_address(url);
  ask.base = "/" + address.parts[0] + "/" + address.parts[1];
  ask.body = std::move(body);
  ask.entity_tag = header(headers, "if-match");
  const std::size_t depth = address.parts.size() - 2;
  const std::string_view first = depth > 0 ? std::string_view(address.parts[2]) : std::string_view();
  if (depth > 1) ask.id = address.parts[3];
  if (depth == 0) {
    if (method != "POST") wrong_method(method, "POST");
    want_type(header(headers, "content-type"), "application/sdp");
    ask.what = Ask::What::kJoin;
    ask.to = target_of(address.query);
    const bool starts = !ask.to.starts_with("room:") && !ask.to.starts_with("group:");
    if (starts && !ask.caller.may_start)
      refuse(ErrorCode::kPermissionDenied, 403, "the token has not the scope voip, which starting a call needs", "authorization");
  } else if (first == "sessions" && depth == 2) {
    if (method != "PATCH" && method != "DELETE") wrong_method(method, "PATCH or DELETE");
    ask.what = method == "PATCH" ? Ask::What::kTrickle : Ask::What::kLeave;
    if (method == "PATCH") want_type(header(headers, "content-type"), "application/trickle-ice-sdpfrag");
  } else if (first == "sessions" && depth == 3 && address.parts[4] == "state") {
    if (method != "GET") wrong_method(method, "GET");
    ask.what = Ask::What::kState;
  } else if (first == "sessions" && depth == 3 && address.parts[4] == "offer") {
    if (method != "POST") wrong_method(method, "POST");
    want_type(header(headers, "content-type"), "application/sdp");
    ask.what = Ask::What::kChange;
  } else if (first == "sessions" && depth == 3 && address.parts[4] == "digits") {
    if (method != "POST") wrong_method(method, "POST");
    ask.what = Ask::What::kPress;
    ask.digits = digits_of(address.query);
  } else if (first == "whep" && depth == 1) {
    if (method != "POST") wrong_method(method, "POST");
    want_type(header(headers, "content-type"), "application/sdp");
    ask.what = Ask::What::kListen;
    ask.to = listened_of(address.query);
  } else if (first == "ice-servers" && depth == 1) {
    if (method != "GET") wrong_method(method, "GET");
    ask.what = Ask::What::kServers;
    ask.seconds = seconds_of(address.query);
  } else if (first == "calls" && depth == 1) {
    if (method != "GET") wrong_method(method, "GET");
    ask.what = Ask::What::kCalls;
    if (!ask.caller.may_start)
      refuse(ErrorCode::kPermissionDenied, 403, "the token has not the scope voip, which being called needs", "authorization");
  } else if (first == "calls" && depth == 2) {
    if (method != "POST" && method != "DELETE") wrong_method(method, "POST or DELETE");
    ask.what = method == "POST" ? Ask::What::kAccept : Ask::What::kDecline;
    if (method == "POST") want_type(header(headers, "content-type"), "application/sdp");
  } else {
    refuse(ErrorCode::kNotFound, 404, "there is nothing at this path", "url");
  }
  if (const auto after = parameter(address.query, "after")) ask.after = after->substr(0, 40);
  return ask;
}

void check_trickle(const Ask& ask, std::string_view their_user, std::string_view entity_tag) {
  if (ask.entity_tag.empty())
    refuse(ErrorCode::kFailedPrecondition, 428, "wanted If-Match with the tag of the session", "if-match");
  if (ask.body.size() > kMaxFragment)
    refuse(ErrorCode::kInvalidArgument, 413, "found " + std::to_string(ask.body.size()) + " bytes, wanted at most 16384", "body");
  std::string_view rest = ask.body;
  bool same_ice = true;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, std::min(rest.find('\n'), rest.size()));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.size() < 2 || line[1] != '=')
      refuse(ErrorCode::kInvalidArgument, 400, "the fragment is wrong at '" + std::string(line.substr(0, 60)) + "'", "body");
    if (line.starts_with("a=ice-ufrag:")) same_ice = line.substr(12) == their_user;
  }
  if (!same_ice || ask.entity_tag == "*")
    refuse(ErrorCode::kUnimplemented, 422, "ICE cannot be restarted: leave, and join again", "body");
  if (ask.entity_tag != entity_tag) refuse(ErrorCode::kFailedPrecondition, 412, "the session has another tag", "if-match");
}

}  // namespace pstn_webrtc
