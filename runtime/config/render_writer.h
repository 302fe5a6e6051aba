// Internal to the configuration: writing it as YAML.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/config/config.h"

namespace trunkline {

inline constexpr std::string_view kIndent = "  ";

/// Writes block mappings and lists; scalars are JSON strings where they are text, so nothing needs YAML's quoting rules.
class ConfigWriter {
 public:
  void begin(std::string_view key) {
    line(key, "");
    ++depth_;
  }
  void end() { --depth_; }
  void begin_item() {
    ++depth_;
    item_ = true;
  }
  void end_item() { --depth_; }
  void raw(std::string_view key, std::string_view value) { line(key, ' ' + std::string(value)); }
  void text(std::string_view key, std::string_view value) { raw(key, quoted(value)); }
  void boolean(std::string_view key, bool value) { raw(key, value ? "true" : "false"); }
  void texts(std::string_view key, const std::vector<std::string>& values) { raw(key, list(values)); }
  void secret(std::string_view key, const SecretRef& ref) {
    switch (ref.kind) {
      case SecretRef::Kind::kNone:
        return;
      case SecretRef::Kind::kEnv:
        return raw(key, "{env: " + quoted(ref.source) + "}");
      case SecretRef::Kind::kFile:
        return raw(key, "{file: " + quoted(ref.source) + "}");
      case SecretRef::Kind::kCommand:
        return raw(key, "{command: " + list(ref.command) + ", timeout: " + format_duration(ref.timeout) + "}");
      case SecretRef::Kind::kValue:
        return raw(key, R"({value: "[redacted]"})");
    }
  }
  std::string take() { return std::move(out_); }

 private:
  static std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  }
  static std::string list(const std::vector<std::string>& values) {
    std::string out = "[";
    for (const std::string& value : values) out += (out.size() > 1 ? ", " : "") + quoted(value);
    return out + "]";
  }
  static bool plain_key(std::string_view key) {
    return !key.empty() && key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == key.npos && key != "null" && key != "true" &&
           key != "false";
  }
  void line(std::string_view key, std::string_view rest) {
    for (int i = 0; i < depth_ - (item_ ? 1 : 0); ++i) out_ += kIndent;
    if (item_) out_ += "- ";
    item_ = false;
    out_ += plain_key(key) ? std::string(key) : quoted(key);
    out_ += ':';
    out_ += rest;
    out_ += '\n';
  }

  std::string out_;
  int depth_ = 0;
  bool item_ = false;
};

template <class E>
std::string_view name_of(E value, std::initializer_list<std::string_view> names) {
  return *(names.begin() + static_cast<int>(value));
}

template <class T>
void write_list(ConfigWriter& w, std::string_view key, const std::vector<T>& items, void (*write)(ConfigWriter&, const T&)) {
  if (items.empty()) return;
  w.begin(key);
  for (const T& item : items) write(w, item);
  w.end();
}

void write_sms(ConfigWriter& w, const SmsConfig& sms);
void write_provider_sms(ConfigWriter& w, const ProviderConfig& provider);
void write_route(ConfigWriter& w, const RouteConfig& route);
void write_sms_policy(ConfigWriter& w, const SmsPolicyConfig& policy);

}  // namespace trunkline
