// Who may publish to a topic: its keys, and tokens that were signed with one of them.
#include <algorithm>
#include <chrono>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/crypto/hash.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/net/http.h"
#include "runtime/net/url.h"

namespace trunkline::eventgrid {
namespace {

constexpr std::size_t kMaxTokenBytes = 4096;

Error refused(std::string message, const char* header) {
  return Error(ErrorCode::kUnauthenticated, std::move(message), header).with_http_status(401).with_service_code("Unauthorized");
}

void check_local_auth(const EventTopic& topic, const char* header) {
  if (!topic.local_auth) throw refused("keys are turned off for the topic '" + topic.name + "'", header);
}

/// Takes digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t max_digits) {
  std::size_t digits = 0;
  while (digits < text.size() && digits < max_digits && is_digit(text[digits])) ++digits;
  const auto number = parse_number<int>(text.substr(0, digits));
  text.remove_prefix(digits);
  return number;
}

/// `6/5/2020 12:09:03 PM`, as the packages of Event Grid write it; also with other spaces before AM and PM, which newer
/// platforms put there.
std::optional<Time> parse_us_time(std::string_view text) {
  int parts[6];  // month, day, year, hour, minute, second
  constexpr std::string_view kAfter[6] = {"/", "/", " ", ":", ":", ""};
  for (int i = 0; i < 6; ++i) {
    const auto number = take_number(text, i == 2 ? 4 : 2);
    if (!number || !text.starts_with(kAfter[i])) return std::nullopt;
    parts[i] = *number;
    text.remove_prefix(kAfter[i].size());
  }
  for (const std::string_view space : {" ", "\u202f", "\u00a0"})
    if (text.starts_with(space)) {
      text.remove_prefix(space.size());
      break;
    }
  const bool afternoon = iequals(text, "PM");
  if (!afternoon && !iequals(text, "AM")) return std::nullopt;
  const auto [month, day, year, hour, minute, second] = parts;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > 2261 || hour < 1 || hour > 12 || minute > 59 || second > 59) return std::nullopt;
  return Time{std::chrono::sys_days(date)} + std::chrono::hours(hour % 12 + (afternoon ? 12 : 0)) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

/// `2026-01-01 00:00:00.123456+00:00`, what Python makes of a time, with and without fraction and offset; and RFC 3339.
std::optional<Time> parse_iso_time(std::string text) {
  if (text.size() < 19) return std::nullopt;
  if (text[10] == ' ') text[10] = 'T';
  if (text.find_first_of("Zz+-", 11) == std::string::npos) text.push_back('Z');
  return parse_rfc3339(text);
}

/// The URL of a token names the topic by its path or by its host.
bool is_of_topic(std::string_view resource, std::string_view name) {
  const auto url = net::parse_url(resource);
  if (!url) return false;
  const std::string_view path = std::string_view(url->target).substr(0, url->target.find('?'));
  std::vector<std::string_view> segments;
  for (const std::string_view segment : split(path, '/'))
    if (!segment.empty()) segments.push_back(segment);
  if (segments.size() >= 2 && iequals(segments[0], "topics")) return iequals(segments[1], name);
  return iequals(std::string_view(url->host).substr(0, url->host.find('.')), name);
}

}  // namespace

void check_topic_key(const EventTopic& topic, std::string_view key) {
  check_local_auth(topic, "aeg-sas-key");
  // Both are looked at, whichever fits.
  const bool first = crypto::constant_time_equal(key, topic.key1.reveal());
  const bool second = crypto::constant_time_equal(key, topic.key2.reveal());
  if (key.empty() || (!first && !second)) throw refused("the key is not one of the topic '" + topic.name + "'", "aeg-sas-key");
}

void check_topic_token(const EventTopic& topic, std::string_view token, Time now) {
  const auto bad = [](std::string message) { return refused(std::move(message), "aeg-sas-token"); };
  check_local_auth(topic, "aeg-sas-token");
  const auto at = token.rfind("&s=");
  if (token.size() > kMaxTokenBytes || at == std::string_view::npos)
    throw bad("the token must have the form r={topic URL}&e={end}&s={signature}");
  const std::string_view signed_part = token.substr(0, at);
  std::optional<std::string> resource, end;
  for (const std::string_view part : split(signed_part, '&')) {
    // Spaces come as `+` from some clients, but a literal one in a URL stays.
    if (part.starts_with("r=")) resource = net::percent_decode(part.substr(2));
    if (part.starts_with("e=")) end = net::percent_decode(part.substr(2), true);
  }
  const auto signature = net::percent_decode(token.substr(at + 3));
  const auto mac = signature ? base64_decode(*signature) : std::nullopt;
  if (!resource || !end || !mac) throw bad("the token must have the form r={topic URL}&e={end}&s={signature}");
  bool valid = false;
  for (const Secret* key : {&topic.key1, &topic.key2}) {
    const auto bytes = base64_decode(key->reveal());
    if (bytes && crypto::HmacSha256(*bytes).verify({signed_part}, *mac)) valid = true;
  }
  if (!valid) throw bad("the token is not signed with a key of the topic '" + topic.name + "'");
  // What follows is said to those only who hold a key.
  if (!is_of_topic(*resource, topic.name)) throw bad("the token is for another topic than '" + topic.name + "': " + *resource);
  const auto expires = parse_us_time(*end);
  const auto until = expires ? expires : parse_iso_time(*end);
  if (!until) throw bad("the end of the token, '" + *end + "', is no time such as '6/5/2020 12:09:03 PM'");
  if (*until <= now) throw bad("the token ended at " + format_rfc3339(*until));
}

}  // namespace trunkline::eventgrid
