// What the carrier's answer to a request means.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "engine.h"

namespace http_carrier {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpResponse;
using trunkline::sms::FailureReason;
using trunkline::sms::SmsSendResult;

namespace {

constexpr std::size_t kMaxDocument = 1024 * 1024;
constexpr int kMaxDepth = 64;

json parse_json(std::string_view text) {
  if (text.size() > kMaxDocument) return json(json::value_t::discarded);
  bool too_deep = false;
  const json::parser_callback_t limit = [&](int depth, json::parse_event_t, json&) { return !(too_deep |= depth > kMaxDepth); };
  json document = json::parse(text, limit, false);
  return too_deep ? json(json::value_t::discarded) : document;
}

}  // namespace

Engine::Fate Engine::read_result(const HttpResponse& response, SmsSendResult& result) const {
  const ResultMap& map = description_.result;
  std::string_view text;
  if (response.body) text = {reinterpret_cast<const char*>(response.body->data()), response.body->size()};
  const json document = parse_json(text);
  const auto& statuses = map.accepted;
  bool taken = statuses.empty() ? response.status >= 200 && response.status < 300
                                : std::find(statuses.begin(), statuses.end(), response.status) != statuses.end();
  // A gateway in between says nothing of what the carrier did.
  if (!taken && (response.status == 502 || response.status == 504) && !document.is_object()) {
    throw Error(ErrorCode::kUnavailable, "the carrier's gateway answered " + std::to_string(response.status));
  }
  if (taken && !map.ok.empty()) {
    const auto value = find_text(document, map.ok);
    taken = value && std::find(map.ok_values.begin(), map.ok_values.end(), *value) != map.ok_values.end();
  }
  if (taken) {
    result.accepted = true;
    if (auto id = find_text(document, map.id)) result.provider_message_id = std::move(*id);
    if (const auto segments = find_text(document, map.segments)) {
      int count = 0;
      std::from_chars(segments->data(), segments->data() + segments->size(), count);
      if (count > 0 && count < 256) result.segments = count;
    }
    if (const auto price = find_text(document, map.price)) {
      double value = 0;
      const auto read = std::from_chars(price->data(), price->data() + price->size(), value);
      if (read.ec == std::errc() && std::abs(value) < 1e9)
        result.price_micros = std::llround(std::abs(value) * map.price_factor * 1e6);
    }
    return Fate::kTaken;
  }
  const auto code = find_text(document, map.code);
  const Meaning why = meaning(response.status, code);
  result.accepted = false;
  result.reason = why.reason == FailureReason::kNone ? FailureReason::kUnspecified : why.reason;
  result.retryable = why.retryable;
  std::string said = code ? *code : "HTTP " + std::to_string(response.status);
  if (const auto words = find_text(document, map.text)) said += " " + *words;
  result.provider_code = said.substr(0, kMaxCode);
  return Fate::kRefused;
}

Meaning Engine::meaning(int status, const std::optional<std::string>& code) const {
  const auto& errors = description_.errors;
  if (code) {
    if (const auto found = errors.find(*code); found != errors.end()) return found->second;
    // `4006: not reachable` is 4006.
    const auto end =
        std::find_if_not(code->begin(), code->end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
    if (const auto found = errors.find(std::string(code->begin(), end)); found != errors.end()) return found->second;
  }
  if (const auto found = errors.find("http:" + std::to_string(status)); found != errors.end()) return found->second;
  if (status == 429) return {FailureReason::kOverQuota, true};
  if (status >= 500) return {FailureReason::kTemporary, true};
  if (status == 401 || status == 403) return {FailureReason::kTemporary, true};  // our account's fault: another carrier may do
  if (const auto found = errors.find("default"); found != errors.end()) return found->second;
  return {};
}

}  // namespace http_carrier
