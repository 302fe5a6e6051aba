#include "settings.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "trunkline/error.hpp"

namespace pstn_sandbox {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::pstnsandbox::PersonaBehavior;
using trunkline::pstnsandbox::PromptReply;

namespace {

constexpr std::size_t kMaxDigits = 64;
constexpr std::size_t kMaxSpeech = 1000;
constexpr std::size_t kMaxReplies = 100;
constexpr Duration kLongest = std::chrono::hours{24};

[[noreturn]] void refuse(const std::string& target, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + problem, target);
}

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void check_duration(Duration value, const std::string& target) {
  if (value < Duration{0} || value > kLongest) refuse(target, "wanted 0 to 24 hours");
}

Duration milliseconds(const json& object, const char* key, Duration fallback) {
  const auto found = object.find(key);
  return found == object.end() ? fallback : Duration{std::chrono::milliseconds{found->get<std::int64_t>()}};
}

template <class T>
std::optional<T> optional(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? std::nullopt : std::optional<T>(found->get<T>());
}

PersonaBehavior parse_behavior(const std::string& word) {
  // In the order of the enumeration, which begins with what is not known.
  constexpr std::array<std::string_view, 7> kWords = {"", "answer", "busy", "reject", "no_answer", "unreachable", "voicemail"};
  const auto found = std::find(kWords.begin(), kWords.end(), word);
  return found == kWords.end() ? PersonaBehavior::kUnknown : static_cast<PersonaBehavior>(found - kWords.begin());
}

PromptReply parse_reply(const json& object) {
  PromptReply reply;
  reply.prompt = optional<std::string>(object, "prompt");
  reply.after = milliseconds(object, "after_ms", reply.after);
  reply.barge_in = object.value("barge_in", false);
  reply.digits = optional<std::string>(object, "digits");
  reply.says = optional<std::string>(object, "says");
  return reply;
}

Persona parse_persona(const json& object) {
  Persona persona;
  persona.match = object.at("match").get<std::string>();
  persona.behavior = parse_behavior(object.value("behavior", "answer"));
  persona.after = milliseconds(object, "after_ms", persona.after);
  persona.digits = optional<std::string>(object, "digits");
  persona.digits_after = milliseconds(object, "digits_after_ms", persona.digits_after);
  persona.digit_interval = milliseconds(object, "digit_interval_ms", persona.digit_interval);
  persona.says = optional<std::string>(object, "says");
  persona.says_after = milliseconds(object, "says_after_ms", persona.says_after);
  if (object.contains("hang_up_after_ms")) persona.hang_up_after = milliseconds(object, "hang_up_after_ms", Duration{0});
  if (object.contains("drop_after_ms")) persona.drop_after = milliseconds(object, "drop_after_ms", Duration{0});
  if (const auto replies = object.find("replies"); replies != object.end())
    for (const json& reply : *replies) {
      if (!persona.replies) persona.replies.emplace();
      persona.replies->push_back(parse_reply(reply));
    }
  return persona;
}

Persona built_in(const char* match, PersonaBehavior behavior) {
  Persona persona;
  persona.match = match;
  persona.behavior = behavior;
  return persona;
}

}  // namespace

bool is_e164(std::string_view number) {
  return number.size() >= 9 && number.size() <= 16 && number[0] == '+' && number[1] != '0' && is_digits(number.substr(1));
}

void check_digits(std::string_view digits, const std::string& target) {
  constexpr std::string_view kKeys = "0123456789ABCD*#";
  if (digits.empty() || digits.size() > kMaxDigits)
    refuse(target, "found " + std::to_string(digits.size()) + " digits, wanted 1 to " + std::to_string(kMaxDigits));
  if (const auto at = digits.find_first_not_of(kKeys); at != digits.npos)
    refuse(target, "found \"" + std::string(digits) + "\", wanted 0-9, A-D, * and # only");
}

void check_speech(std::string_view text, const std::string& target) {
  if (text.empty() || text.size() > kMaxSpeech)
    refuse(target, "found " + std::to_string(text.size()) + " bytes, wanted 1 to " + std::to_string(kMaxSpeech));
}

void check_persona(const Persona& persona, const std::string& where) {
  const std::string& match = persona.match;
  const bool is_prefix =
      match.size() >= 2 && match.size() <= 16 && match[0] == '+' && is_digits(std::string_view(match).substr(1));
  if (match != "*" && !is_prefix) refuse(where + "match", "found \"" + match + "\", wanted \"*\" or \"+\" and up to 15 digits");
  if (persona.behavior < PersonaBehavior::kAnswer || persona.behavior > PersonaBehavior::kVoicemail)
    refuse(where + "behavior", "wanted answer, busy, reject, noAnswer, unreachable or voicemail");
  check_duration(persona.after, where + "after");
  check_duration(persona.digits_after, where + "digitsAfter");
  check_duration(persona.digit_interval, where + "digitInterval");
  check_duration(persona.says_after, where + "saysAfter");
  if (persona.hang_up_after) check_duration(*persona.hang_up_after, where + "hangUpAfter");
  if (persona.drop_after) check_duration(*persona.drop_after, where + "dropAfter");
  if (persona.digits) check_digits(*persona.digits, where + "digits");
  if (persona.says) check_speech(*persona.says, where + "says");
  if (!persona.replies) return;
  if (persona.replies->size() > kMaxReplies)
    refuse(where + "replies",
           "found " + std::to_string(persona.replies->size()) + ", wanted at most " + std::to_string(kMaxReplies));
  for (std::size_t i = 0; i < persona.replies->size(); ++i) {
    const PromptReply& reply = (*persona.replies)[i];
    const std::string at = where + "replies[" + std::to_string(i) + "].";
    check_duration(reply.after, at + "after");
    if (reply.prompt) check_speech(*reply.prompt, at + "prompt");
    if (reply.digits) check_digits(*reply.digits, at + "digits");
    if (reply.says) check_speech(*reply.says, at + "says");
  }
}

Duration length_of(std::string_view text, Duration word) {
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t';
    if (!blank && !inside) ++words;
    inside = !blank;
  }
  return word * std::max<std::int64_t>(words, 1);
}

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  Settings settings;
  try {
    settings.word = milliseconds(config, "word_ms", settings.word);
    if (const auto personas = config.find("personas"); personas != config.end())
      for (const json& persona : *personas) settings.personas.push_back(parse_persona(persona));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  if (settings.word <= Duration{0}) refuse("word_ms", "wanted more than 0");
  for (std::size_t i = 0; i < settings.personas.size(); ++i)
    check_persona(settings.personas[i], "personas[" + std::to_string(i) + "].");
  settings.personas.push_back(built_in("+14255550186", PersonaBehavior::kBusy));
  settings.personas.push_back(built_in("+14255550187", PersonaBehavior::kReject));
  settings.personas.push_back(built_in("+14255550188", PersonaBehavior::kNoAnswer));
  settings.personas.push_back(built_in("+14255550189", PersonaBehavior::kUnreachable));
  settings.personas.push_back(built_in("+14255550190", PersonaBehavior::kVoicemail));
  settings.personas.push_back(built_in("*", PersonaBehavior::kAnswer));
  return settings;
}

}  // namespace pstn_sandbox
