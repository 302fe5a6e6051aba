#include "description.h"

#include <algorithm>
#include <array>
#include <set>

namespace http_carrier {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::sms::FailureReason;
using trunkline::sms::MessageState;

namespace {

[[noreturn]] void invalid(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, where + ": " + what, where);
}

/// One object of the description: remembers what was asked for, so that the rest is known to be unknown.
class Section {
 public:
  Section(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) invalid(where_, "wanted members");
  }
  std::string at(const std::string& name) const { return where_.empty() ? name : where_ + "." + name; }
  const json* get(const char* name) {
    known_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string text(const char* name, const std::string& otherwise = {}) {
    const json* value = get(name);
    if (!value) return otherwise;
    if (!value->is_string()) invalid(at(name), "wanted text");
    return value->get<std::string>();
  }
  bool flag(const char* name, bool otherwise) {
    const json* value = get(name);
    if (!value) return otherwise;
    if (!value->is_boolean()) invalid(at(name), "wanted true or false");
    return value->get<bool>();
  }
  std::int64_t number(const char* name, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    const json* value = get(name);
    if (!value) return otherwise;
    if (!value->is_number_integer() || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most)
      invalid(at(name), "wanted " + std::to_string(least) + " to " + std::to_string(most));
    return value->get<std::int64_t>();
  }
  /// One or a list.
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> out;
    const json* value = get(name);
    if (!value) return out;
    const json list = value->is_array() ? *value : json::array({*value});
    for (const json& one : list) {
      if (one.is_string())
        out.push_back(one.get<std::string>());
      else if (one.is_primitive() && !one.is_null())
        out.push_back(one.dump());
      else
        invalid(at(name), "wanted text or a list of texts");
    }
    return out;
  }
  std::vector<int> statuses(const char* name) {
    std::vector<int> out;
    const json* value = get(name);
    if (!value) return out;
    for (const json& one : value->is_array() ? *value : json::array({*value})) {
      if (!one.is_number_integer() || one < 100 || one > 599) invalid(at(name), "wanted HTTP statuses");
      out.push_back(one.get<int>());
    }
    return out;
  }
  Pointers pointers(const char* name) {
    Pointers out;
    for (const std::string& text : texts(name)) try {
        out.emplace_back(text);
      } catch (const json::exception&) {
        invalid(at(name), "wanted a JSON pointer such as /messages/0/id, found \"" + text + "\"");
      }
    return out;
  }
  Template templated(const char* name) { return Template(text(name), at(name)); }
  std::map<std::string, Template> templates(const char* name, bool lower_names) {
    std::map<std::string, Template> out;
    const json* value = get(name);
    if (!value) return out;
    if (!value->is_object()) invalid(at(name), "wanted members");
    for (const auto& [key, one] : value->items()) {
      if (!one.is_string() && !one.is_number() && !one.is_boolean()) invalid(at(name) + "." + key, "wanted text");
      std::string wire = key;
      if (lower_names)
        std::transform(wire.begin(), wire.end(), wire.begin(),
                       [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
      out.emplace(wire, Template(one.is_string() ? one.get<std::string>() : one.dump(), at(name) + "." + key));
    }
    return out;
  }
  void done() const {
    for (const auto& [name, value] : object_.items())
      if (!known_.contains(name)) invalid(at(name), "unknown member");
  }

 private:
  const json& object_;
  const std::string where_;
  std::set<std::string, std::less<>> known_;
};

template <class Enum, std::size_t N>
Enum word_of(const std::array<std::pair<std::string_view, Enum>, N>& words, const std::string& word, const std::string& where) {
  for (const auto& [name, value] : words)
    if (name == word) return value;
  std::string all;
  for (const auto& [name, value] : words) all += (all.empty() ? "" : ", ") + std::string(name);
  invalid(where, "wanted one of " + all + ", found \"" + word + "\"");
}

constexpr std::array<std::pair<std::string_view, FailureReason>, 10> kReasons = {{
    {"none", FailureReason::kNone},
    {"bad_destination", FailureReason::kBadDestination},
    {"bad_sender", FailureReason::kBadSender},
    {"unreachable", FailureReason::kUnreachable},
    {"blocked", FailureReason::kBlocked},
    {"opted_out", FailureReason::kOptedOut},
    {"over_quota", FailureReason::kOverQuota},
    {"temporary", FailureReason::kTemporary},
    {"no_report", FailureReason::kNoReport},
    {"unspecified", FailureReason::kUnspecified},
}};
constexpr std::array<std::pair<std::string_view, MessageState>, 4> kStates = {{
    {"sent", MessageState::kSent},
    {"delivered", MessageState::kDelivered},
    {"failed", MessageState::kFailed},
    {"expired", MessageState::kExpired},
}};

Request parse_request(const json& object, const std::string& where, const char* method) {
  Section s(object, where);
  Request request;
  request.method = s.text("method", method);
  request.url = s.templated("url");
  if (request.url.empty()) invalid(s.at("url"), "is missing");
  request.headers = s.templates("headers", true);
  if (const json* body = s.get("json")) request.body = JsonTemplate(*body, s.at("json"));
  request.form = s.templates("form", false);
  if (!request.body.empty() && !request.form.empty()) invalid(where, "wanted json or form, found both");
  if (const json* basic = s.get("basic")) {
    Section b(*basic, s.at("basic"));
    request.basic_user = b.templated("user");
    request.basic_password = b.templated("password");
    b.done();
  }
  request.timeout = std::chrono::milliseconds(s.number("timeout_ms", 20'000, 1, 300'000));
  s.done();
  return request;
}

std::map<std::string, MessageState> parse_states(Section& s) {
  std::map<std::string, MessageState> states;
  const json* value = s.get("states");
  if (!value) return states;
  if (!value->is_object()) invalid(s.at("states"), "wanted members");
  for (const auto& [name, state] : value->items()) {
    const std::string where = s.at("states") + "." + name;
    if (!state.is_string()) invalid(where, "wanted text");
    states[name] = word_of(kStates, state.get<std::string>(), where);
  }
  return states;
}

Verification parse_verification(const json& object, const std::string& where) {
  Section s(object, where);
  Verification v;
  constexpr std::array<std::pair<std::string_view, Verification::Kind>, 4> kKinds = {{
      {"hmac", Verification::Kind::kHmac},
      {"equals", Verification::Kind::kEquals},
      {"basic", Verification::Kind::kBasic},
      {"none", Verification::Kind::kNone},
  }};
  v.kind = word_of(kKinds, s.text("kind"), s.at("kind"));
  v.header = s.text("header");
  std::transform(v.header.begin(), v.header.end(), v.header.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  v.query = s.text("query");
  v.secret = s.templated("secret");
  v.prefix = s.text("prefix");
  constexpr std::array<std::pair<std::string_view, bool>, 2> kEncodings = {{{"hex", false}, {"base64", true}}};
  v.base64 = word_of(kEncodings, s.text("encoding", "hex"), s.at("encoding"));
  constexpr std::array<std::pair<std::string_view, bool>, 2> kDigests = {{{"sha256", false}, {"sha1", true}}};
  v.sha1 = word_of(kDigests, s.text("digest", "sha256"), s.at("digest"));
  s.done();
  if (v.kind == Verification::Kind::kNone) return v;
  if (v.secret.empty()) invalid(where + ".secret", "is missing");
  if (v.kind != Verification::Kind::kBasic && v.header.empty() == v.query.empty())
    invalid(where, "wanted one of header and query");
  return v;
}

std::vector<CallbackMap> parse_callbacks(const json* value, const std::string& where, bool receipts) {
  std::vector<CallbackMap> out;
  if (!value) return out;
  const json list = value->is_array() ? *value : json::array({*value});
  for (std::size_t i = 0; i < list.size(); ++i) {
    Section s(list[i], value->is_array() ? where + "[" + std::to_string(i) + "]" : where);
    CallbackMap& map = out.emplace_back();
    map.path = s.text("path", receipts ? "/receipt" : "/inbound");
    if (map.path.empty() || map.path[0] != '/') invalid(s.at("path"), "wanted a path such as /receipt");
    const json* verify = s.get("verify");
    if (!verify) invalid(s.at("verify"), "is missing; {kind: none} lets everybody in");
    map.verification = parse_verification(*verify, s.at("verify"));
    map.each = s.pointers("each");
    map.only_if = s.pointers("only_if");
    map.only_if_values = s.texts("only_if_values");
    map.id = s.pointers("id");
    if (receipts) {
      map.message_id = s.pointers("message_id");
      map.message_id_parameter = s.text("message_id_parameter");
      map.state = s.pointers("state");
      map.code = s.pointers("code");
      map.states = parse_states(s);
      if (map.id.empty() && map.message_id.empty() && map.message_id_parameter.empty())
        invalid(s.at("id"), "wanted id or message_id");
      if (map.state.empty()) invalid(s.at("state"), "is missing");
    } else {
      map.from = s.pointers("from");
      map.to = s.pointers("to");
      map.text = s.pointers("text");
      for (const auto& [name, pointers] :
           {std::pair("from", &map.from), std::pair("to", &map.to), std::pair("text", &map.text), std::pair("id", &map.id)})
        if (pointers->empty()) invalid(s.at(name), "is missing");
    }
    if (const json* answer = s.get("answer")) {
      Section a(*answer, s.at("answer"));
      map.answer_status = static_cast<int>(a.number("status", 204, 200, 299));
      map.answer_type = a.text("type");
      map.answer_body = a.text("body");
      a.done();
    }
    s.done();
  }
  return out;
}

std::map<std::string, Meaning> parse_errors(const json* value) {
  std::map<std::string, Meaning> errors;
  if (!value) return errors;
  if (!value->is_object()) invalid("errors", "wanted members");
  for (const auto& [code, one] : value->items()) {
    Section s(one, "errors." + code);
    Meaning& meaning = errors[code];
    meaning.reason = word_of(kReasons, s.text("reason", "unspecified"), s.at("reason"));
    meaning.retryable =
        s.flag("retryable", meaning.reason == FailureReason::kTemporary || meaning.reason == FailureReason::kOverQuota);
    s.done();
  }
  return errors;
}

}  // namespace

bool Request::names(std::string_view name) const {
  const auto in = [&](const auto& templates) {
    return std::any_of(templates.begin(), templates.end(), [&](const auto& one) { return one.second.names(name); });
  };
  return url.names(name) || body.names(name) || in(headers) || in(form) || basic_user.names(name) || basic_password.names(name);
}

Description parse_description(const json& document) {
  Section s(document, "");
  Description d;
  d.name = s.text("name");
  const json* send = s.get("send");
  if (!send) invalid("send", "is missing");
  d.send = parse_request(*send, "send", "POST");
  if (const json* result = s.get("result")) {
    Section r(*result, "result");
    d.result.accepted = r.statuses("accepted");
    d.result.ok = r.pointers("ok");
    d.result.ok_values = r.texts("ok_values");
    d.result.id = r.pointers("id");
    d.result.code = r.pointers("code");
    d.result.text = r.pointers("text");
    d.result.segments = r.pointers("segments");
    d.result.price = r.pointers("price");
    if (const json* factor = r.get("price_factor")) {
      if (!factor->is_number()) invalid("result.price_factor", "wanted a number");
      d.result.price_factor = factor->get<double>();
    }
    r.done();
  }
  d.errors = parse_errors(s.get("errors"));
  if (const json* query = s.get("query")) {
    json request = *query;
    QueryMap& map = d.query.emplace();
    Section q(*query, "query");
    map.state = q.pointers("state");
    map.code = q.pointers("code");
    map.states = parse_states(q);
    map.unknown = q.statuses("unknown");
    for (const char* own : {"state", "code", "states", "unknown"}) request.erase(own);
    map.request = parse_request(request, "query", "GET");
  }
  d.receipts = parse_callbacks(s.get("receipt"), "receipt", true);
  d.inbound = parse_callbacks(s.get("inbound"), "inbound", false);
  d.idempotent = s.flag("idempotent", false);
  d.alphanumeric_sender = s.flag("alphanumeric_sender", true);
  d.max_segments = static_cast<int>(s.number("max_segments", 10, 1, 255));
  d.countries = s.texts("countries");
  d.connections = static_cast<int>(s.number("connections", 16, 1, 256));
  s.done();
  return d;
}

const json* find(const json& document, const Pointers& pointers) {
  for (const json::json_pointer& pointer : pointers) {
    if (!document.contains(pointer)) continue;
    const json& found = document.at(pointer);
    if (!found.is_null()) return &found;
  }
  return nullptr;
}

std::optional<std::string> find_text(const json& document, const Pointers& pointers) {
  const json* found = find(document, pointers);
  if (!found) return std::nullopt;
  return found->is_string() ? found->get<std::string>() : found->dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace http_carrier
