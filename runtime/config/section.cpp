#include "runtime/config/section.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"

namespace trunkline {
namespace {

// A plain scalar is a number only where JSON would agree, so that `+14255550100`, `007` and `0x10` stay text.
bool is_json_number(std::string_view text) {
  const auto digits = [&] {
    const std::size_t before = text.size();
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
    return before != text.size();
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with('0') && text.size() > 1 && is_digit(text[1])) return false;
  if (!digits()) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!digits()) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (!digits()) return false;
  }
  return text.empty();
}

nlohmann::json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kScalar:
      if (node.plain && node.text == "true") return true;
      if (node.plain && node.text == "false") return false;
      if (node.plain && is_json_number(node.text)) {
        nlohmann::json number = nlohmann::json::parse(node.text, nullptr, false);
        if (!number.is_discarded()) return number;  // discarded: beyond a double
      }
      return node.text;
    case YamlNode::Kind::kList: {
      nlohmann::json list = nlohmann::json::array();
      for (const YamlNode& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      nlohmann::json map = nlohmann::json::object();
      for (const auto& member : node.members) map[member.key] = to_json(member.value);
      return map;
    }
  }
  return nullptr;
}

std::string found(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kScalar) return std::string(node.kind_name());
  constexpr std::size_t kShown = 40;
  return "'" + node.text.substr(0, kShown) + (node.text.size() > kShown ? "…'" : "'");
}

}  // namespace

ConfigSection::ConfigSection(ConfigContext& context, const YamlNode* node, std::string path, ConfigMark mark)
    : context_(context), node_(node), path_(std::move(path)), mark_(mark) {
  if (node_ && node_->kind != YamlNode::Kind::kMap) {
    if (node_->kind != YamlNode::Kind::kNull) problem("wanted a mapping, found " + found(*node_));
    node_ = nullptr;
  }
}

std::string ConfigSection::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

void ConfigSection::problem(std::string_view key, std::string message) {
  const YamlNode* const node = find(key);
  context_.add(node ? node->mark : mark_, path_of(key), std::move(message));
}

const YamlNode* ConfigSection::find(std::string_view key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.push_back(key);
  if (!node_) return nullptr;
  for (const auto& member : node_->members)
    if (member.key == key) return member.value.kind == YamlNode::Kind::kNull ? nullptr : &member.value;
  return nullptr;
}

void ConfigSection::wrong(const YamlNode& node, std::string_view key, std::string_view wanted) {
  context_.add(node.mark, path_of(key), "wanted " + std::string(wanted) + ", found " + found(node));
}

const YamlNode* ConfigSection::find_kind(std::string_view key, YamlNode::Kind kind, std::string_view wanted) {
  const YamlNode* const node = find(key);
  if (!node || node->kind == kind) return node;
  wrong(*node, key, wanted);
  return nullptr;
}

const YamlNode* ConfigSection::find_scalar(std::string_view key, std::string_view wanted) {
  return find_kind(key, YamlNode::Kind::kScalar, wanted);
}

bool ConfigSection::text(std::string_view key, std::string& out) {
  const YamlNode* const node = find_scalar(key, "text");
  if (node) out = node->text;
  return node != nullptr;
}

void ConfigSection::required_text(std::string_view key, std::string& out) {
  if (!find(key))
    context_.add(mark_, path_of(key), "is missing");
  else if (text(key, out) && out.empty())
    problem(key, "is empty");
}

void ConfigSection::boolean(std::string_view key, bool& out) {
  const YamlNode* const node = find_scalar(key, "true or false");
  if (!node) return;
  if (node->plain && node->text == "true")
    out = true;
  else if (node->plain && node->text == "false")
    out = false;
  else
    wrong(*node, key, "true or false");
}

bool ConfigSection::integer_in(std::string_view key, std::uint64_t& out, std::uint64_t min, std::uint64_t max) {
  const std::string wanted = max == std::numeric_limits<std::uint64_t>::max()
                                 ? "a whole number"
                                 : "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  const YamlNode* const node = find_scalar(key, wanted);
  if (!node) return false;
  const auto number = node->plain ? parse_number<std::uint64_t>(node->text) : std::nullopt;
  if (!number || *number < min || *number > max) return wrong(*node, key, wanted), false;
  out = *number;
  return true;
}

void ConfigSection::duration(std::string_view key, Duration& out) {
  constexpr std::string_view kWanted = "a duration such as 30s, 5m or PT5M";
  const YamlNode* const node = find_scalar(key, kWanted);
  if (!node) return;
  if (const auto value = parse_duration(node->text))
    out = *value;
  else
    wrong(*node, key, kWanted);
}

void ConfigSection::time(std::string_view key, std::optional<Time>& out) {
  constexpr std::string_view kWanted = "a time such as 2026-01-01T00:00:00Z";
  const YamlNode* const node = find_scalar(key, kWanted);
  if (!node) return;
  if (const auto value = parse_rfc3339(node->text))
    out = value;
  else
    wrong(*node, key, kWanted);
}

void ConfigSection::texts(std::string_view key, std::vector<std::string>& out) {
  const YamlNode* const node = find_kind(key, YamlNode::Kind::kList, "a list of texts");
  if (!node) return;
  out.clear();
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    if (node->items[i].kind == YamlNode::Kind::kScalar)
      out.push_back(node->items[i].text);
    else
      wrong(node->items[i], std::string(key) + '[' + std::to_string(i) + ']', "text");
  }
}

void ConfigSection::text_map(std::string_view key, std::map<std::string, std::string>& out) {
  each_member(key, [&](const std::string& name, ConfigSection& members) { members.text(name, out[name]); });
}

std::string json_of(const YamlNode& node) { return to_json(node).dump(); }

void ConfigSection::json(std::string_view key, std::string& out) {
  const YamlNode* const node = find_kind(key, YamlNode::Kind::kMap, "a mapping");
  if (node) out = to_json(*node).dump();
}

void ConfigSection::secret(std::string_view key, SecretRef& out) {
  const YamlNode* const node = find_kind(key, YamlNode::Kind::kMap, "a secret: a mapping with env, file, command or value");
  if (!node) return;
  SecretRef ref;
  ref.path = path_of(key);
  ref.mark = node->mark;
  ConfigSection section(context_, node, ref.path, node->mark);
  int forms = 0;
  std::string value;
  const auto form = [&](bool given, SecretRef::Kind kind) {
    if (given) ref.kind = kind, ++forms;
  };
  form(section.text("env", ref.source), SecretRef::Kind::kEnv);
  form(section.text("file", ref.source), SecretRef::Kind::kFile);
  section.texts("command", ref.command);
  form(!ref.command.empty(), SecretRef::Kind::kCommand);
  form(section.text("value", value), SecretRef::Kind::kValue);
  section.duration("timeout", ref.timeout);
  section.finish();
  if (forms != 1) return section.problem("wanted exactly one of env, file, command and value, found " + std::to_string(forms));
  ref.value = Secret(std::move(value));
  if (ref.kind == SecretRef::Kind::kFile) ref.source = (context_.options.base_dir / ref.source).string();
  if (context_.options.check_secrets) {
    if (std::string reason = context_.secrets.check(ref); !reason.empty()) section.problem("missing secret: " + reason);
  }
  out = std::move(ref);
}

std::optional<std::size_t> ConfigSection::choice_of(std::string_view key, const std::vector<std::string_view>& names) {
  const std::string wanted = "one of " + join(names, ", ");
  const YamlNode* const node = find_scalar(key, wanted);
  if (!node) return std::nullopt;
  const auto at = std::find(names.begin(), names.end(), node->text);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  wrong(*node, key, wanted);
  return std::nullopt;
}

void ConfigSection::finish() {
  if (!node_) return;
  for (const auto& member : node_->members) {
    if (std::find(asked_.begin(), asked_.end(), member.key) != asked_.end()) continue;
    const std::string_view meant = closest_word(member.key, asked_);
    std::string message = "unknown key";
    if (!meant.empty())
      message += ", did you mean '" + std::string(meant) + "'?";
    else
      message += ", known are: " + join(asked_, ", ");
    context_.add(member.mark, path_of(member.key), std::move(message));
  }
}

}  // namespace trunkline
