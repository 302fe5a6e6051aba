#include "runtime/conformance/quirks.h"

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "trunkline/error.hpp"

namespace trunkline::conformance {
namespace {

using nlohmann::json;

[[noreturn]] void fail(const std::string& path, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, "quirks: " + path + ": " + text, path);
}

/// An object of the file, whose members are known.
class Members {
 public:
  Members(const json& value, std::string path, std::initializer_list<std::string_view> known)
      : value_(value), path_(std::move(path)) {
    if (!value.is_object())
      fail(path_.empty() ? "document" : path_, std::string("found ") + value.type_name() + ", wanted an object");
    const std::vector<std::string_view> names(known);
    for (const auto& [name, unused] : value.items())
      if (std::find(names.begin(), names.end(), name) == names.end())
        fail(at(name), "unknown member; wanted one of " + join(names, ", "));
  }
  const json* find(const char* name) const {
    const auto found = value_.find(name);
    return found == value_.end() ? nullptr : &*found;
  }
  void text(const char* name, std::string& out) const {
    if (const json* found = find(name)) {
      if (!found->is_string()) fail(at(name), std::string("found ") + found->type_name() + ", wanted text");
      out = found->get<std::string>();
    }
  }
  template <class T>
  void number(const char* name, T& out, double least) const {
    if (const json* found = find(name)) {
      if (!found->is_number() || found->get<double>() < least)
        fail(at(name),
             "found " + found->dump() + ", wanted a number of at least " + std::to_string(static_cast<long long>(least)));
      out = found->get<T>();
    }
  }
  void flag(const char* name, bool& out) const {
    if (const json* found = find(name)) {
      if (!found->is_boolean()) fail(at(name), std::string("found ") + found->type_name() + ", wanted true or false");
      out = found->get<bool>();
    }
  }
  template <class Map>
  void texts(const char* name, Map& out) const {
    const json* found = find(name);
    if (!found) return;
    if (!found->is_object()) fail(at(name), std::string("found ") + found->type_name() + ", wanted an object of texts");
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) fail(at(name) + "." + key, std::string("found ") + value.type_name() + ", wanted text");
      out[key] = value.template get<std::string>();
    }
  }
  template <class F>
  void each(const char* name, F f) const {
    const json* found = find(name);
    if (!found) return;
    if (!found->is_array()) fail(at(name), std::string("found ") + found->type_name() + ", wanted a list");
    for (std::size_t i = 0; i < found->size(); ++i) f((*found)[i], at(name) + "[" + std::to_string(i) + "]");
  }
  std::string at(std::string_view name) const { return path_.empty() ? std::string(name) : path_ + "." + std::string(name); }

 private:
  const json& value_;
  const std::string path_;
};

HttpRule read_rule(const json& value, const std::string& path, HttpRule rule = {}) {
  const Members members(value, path, {"method", "url", "status", "headers", "body", "json", "delay_ms", "fails", "state"});
  members.text("method", rule.method);
  members.text("url", rule.url);
  members.number("status", rule.status, 100);
  members.texts("headers", rule.headers);
  members.text("body", rule.body);
  members.number("delay_ms", rule.delay_ms, 0);
  members.flag("fails", rule.fails);
  if (const json* document = members.find("json")) {
    rule.body = document->dump();
    rule.headers.emplace("content-type", "application/json");
  }
  return rule;
}

SmsSample read_sample(const json& value, const std::string& path, SmsSample sample) {
  const Members members(value, path, {"from", "to", "text"});
  members.text("from", sample.from);
  members.text("to", sample.to);
  members.text("text", sample.text);
  return sample;
}

EmailSample read_sample(const json& value, const std::string& path, EmailSample sample) {
  const Members members(value, path, {"from", "to", "subject", "text"});
  members.text("from", sample.from);
  members.text("to", sample.to);
  members.text("subject", sample.subject);
  members.text("text", sample.text);
  return sample;
}

PstnSample read_sample(const json& value, const std::string& path, PstnSample sample) {
  const Members members(value, path, {"from", "to", "answers"});
  members.text("from", sample.from);
  members.text("to", sample.to);
  members.flag("answers", sample.answers);
  return sample;
}

MediaSample read_sample(const json& value, const std::string& path, MediaSample sample) {
  const Members members(value, path, {"text"});
  members.text("text", sample.text);
  return sample;
}

ErrorRecipe read_recipe(const json& value, const std::string& path, const Quirks& quirks) {
  const Members members(value, path, {"skip", "http", "sms", "email", "pstn"});
  ErrorRecipe recipe;
  members.text("skip", recipe.skip);
  if (const json* http = members.find("http")) recipe.http = read_rule(*http, members.at("http"));
  if (const json* sms = members.find("sms")) recipe.sms = read_sample(*sms, members.at("sms"), quirks.sms);
  if (const json* email = members.find("email")) recipe.email = read_sample(*email, members.at("email"), quirks.email);
  if (const json* pstn = members.find("pstn")) recipe.pstn = read_sample(*pstn, members.at("pstn"), quirks.pstn);
  if (recipe.skip.empty() && !recipe.http && !recipe.sms && !recipe.email && !recipe.pstn)
    fail(path, "found nothing, wanted one of skip, http, sms, email, pstn");
  return recipe;
}

std::vector<ReceiptSample> read_receipts(const Members& members, const char* name,
                                         std::initializer_list<std::string_view> states) {
  std::vector<ReceiptSample> out;
  members.each(name, [&](const json& value, const std::string& path) {
    ReceiptSample& sample = out.emplace_back();
    sample.request.method = "POST";
    sample.request = read_rule(value, path, sample.request);
    const auto state = value.find("state");
    if (state != value.end() && state->is_string()) sample.state = state->get<std::string>();
    const std::vector<std::string_view> known(states);
    if (std::find(known.begin(), known.end(), sample.state) == known.end())
      fail(path + ".state", "found \"" + sample.state + "\", wanted " + join(known, " or "));
  });
  return out;
}

}  // namespace

const std::string* Quirks::skipped(std::string_view check) const {
  for (const auto& [pattern, why] : skip)
    if (matches_pattern(pattern, check)) return &why;
  return nullptr;
}

Quirks parse_quirks(std::string_view text) {
  Quirks quirks;
  const json document = parse_json(text);
  const Members members(document, "",
                        {"patience_ms", "clock_limit_s", "http", "sms", "email", "pstn", "media", "errors", "receipts",
                         "email_receipts", "email_inbound", "skip", "load"});
  std::int64_t patience_ms = quirks.patience.count(), clock_limit_s = quirks.clock_limit.count();
  members.number("patience_ms", patience_ms, 1);
  members.number("clock_limit_s", clock_limit_s, 0);
  quirks.patience = std::chrono::milliseconds(patience_ms);
  quirks.clock_limit = std::chrono::seconds(clock_limit_s);
  members.each("http", [&](const json& rule, const std::string& path) { quirks.http.push_back(read_rule(rule, path)); });
  if (const json* sms = members.find("sms")) quirks.sms = read_sample(*sms, "sms", quirks.sms);
  if (const json* email = members.find("email")) quirks.email = read_sample(*email, "email", quirks.email);
  if (const json* pstn = members.find("pstn")) quirks.pstn = read_sample(*pstn, "pstn", quirks.pstn);
  if (const json* media = members.find("media")) quirks.media = read_sample(*media, "media", quirks.media);
  if (const json* errors = members.find("errors")) {
    if (!errors->is_object()) fail("errors", std::string("found ") + errors->type_name() + ", wanted an object");
    for (const auto& [name, value] : errors->items()) quirks.errors.emplace(name, read_recipe(value, "errors." + name, quirks));
  }
  quirks.receipts = read_receipts(members, "receipts", {"delivered", "failed"});
  quirks.email_receipts =
      read_receipts(members, "email_receipts",
                    {"delivered", "bounced", "suppressed", "filtered_spam", "quarantined", "expanded", "failed", "complained"});
  members.each("email_inbound", [&](const json& value, const std::string& path) {
    HttpRule callback;
    callback.method = "POST";
    quirks.email_inbound.push_back(read_rule(value, path, callback));
  });
  members.texts("skip", quirks.skip);
  if (const json* load = members.find("load")) {
    const Members inner(*load, "load", {"calls", "in_flight", "p99_ms"});
    inner.number("calls", quirks.load_calls, 1);
    inner.number("in_flight", quirks.load_in_flight, 1);
    double limit = 0;
    inner.number("p99_ms", limit, 0);
    if (inner.find("p99_ms")) quirks.load_p99_ms = limit;
  }
  return quirks;
}

Quirks read_quirks(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(ErrorCode::kNotFound, "quirks: there is no file " + file.string(), file.string());
  std::ostringstream text;
  text << stream.rdbuf();
  try {
    return parse_quirks(text.str());
  } catch (Error& error) {
    error.message = file.string() + ": " + error.message;
    throw;
  }
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // Goes back to the last star where the rest does not fit.
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace trunkline::conformance
