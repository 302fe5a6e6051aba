#include "template.h"

#include <algorithm>
#include <array>

#include "trunkline/error.hpp"

namespace http_carrier {

using trunkline::Error;
using trunkline::ErrorCode;

namespace {

constexpr std::array<std::string_view, 15> kNames = {
    "to",          "to_digits",        "from",     "from_digits", "text", "segments", "unicode", "message_id", "message_guid",
    "valid_until", "validity_seconds", "callback", "id",          "now",  "now_http"};

bool is_name(std::string_view name) {
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  for (const std::string_view prefix : {"secret.", "property."})
    if (name.size() > prefix.size() && name.starts_with(prefix)) return true;
  return false;
}

std::string as_text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace

std::string percent_encoded(std::string_view text) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    if (plain)
      out += static_cast<char>(c);
    else
      (out += '%').append({kHex[c >> 4], kHex[c & 15]});
  }
  return out;
}

Template::Template(std::string_view text, const std::string& where) {
  while (!text.empty()) {
    const std::size_t open = text.find("{{");
    if (open != 0) pieces_.push_back({std::string(text.substr(0, open)), false});
    if (open == std::string_view::npos) return;
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos) throw Error(ErrorCode::kInvalidArgument, where + ": found {{ without }}", where);
    std::string_view name = text.substr(open + 2, close - open - 2);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    if (!is_name(name)) throw Error(ErrorCode::kInvalidArgument, where + ": there is no {{" + std::string(name) + "}}", where);
    pieces_.push_back({std::string(name), true});
    text.remove_prefix(close + 2);
  }
}

std::string Template::fill(const Variables& variables, const SecretOf& secret,
                           const std::function<std::string(std::string_view)>& escape) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (!piece.is_name) {
      out += piece.text;
      continue;
    }
    std::string value;
    if (piece.text.starts_with("secret."))
      value = secret(piece.text.substr(7));
    else if (const auto found = variables.find(piece.text); found != variables.end())
      value = as_text(found->second);
    out += escape ? escape(value) : value;
  }
  return out;
}

std::optional<json> Template::value(const Variables& variables, const SecretOf& secret) const {
  if (pieces_.size() == 1 && pieces_[0].is_name && !pieces_[0].text.starts_with("secret.")) {
    const auto found = variables.find(pieces_[0].text);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }
  return json(fill(variables, secret));
}

bool Template::names(std::string_view name) const {
  return std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) { return piece.is_name && piece.text == name; });
}

bool JsonTemplate::names(std::string_view name) const {
  return std::any_of(texts_.begin(), texts_.end(), [&](const auto& text) { return text.second.names(name); });
}

JsonTemplate::JsonTemplate(const json& document, const std::string& where) : document_(document) {
  const auto visit = [&](const auto& self, const json& node, const std::string& at) -> void {
    if (node.is_string()) texts_.emplace(at, Template(node.get<std::string>(), where + at));
    if (node.is_array())
      for (std::size_t i = 0; i < node.size(); ++i) self(self, node[i], at + "/" + std::to_string(i));
    if (node.is_object())
      for (const auto& [name, value] : node.items()) self(self, value, at + "/" + name);
  };
  visit(visit, document_, "");
}

json JsonTemplate::fill(const Variables& variables, const SecretOf& secret) const {
  return fill_value(document_, "", variables, secret).value_or(json());
}

std::optional<json> JsonTemplate::fill_value(const json& node, const std::string& at, const Variables& variables,
                                             const SecretOf& secret) const {
  if (node.is_string()) return texts_.at(at).value(variables, secret);
  if (node.is_array()) {
    json out = json::array();
    for (std::size_t i = 0; i < node.size(); ++i)
      if (auto value = fill_value(node[i], at + "/" + std::to_string(i), variables, secret)) out.push_back(std::move(*value));
    return out;
  }
  if (node.is_object()) {
    json out = json::object();
    for (const auto& [name, value] : node.items())
      if (auto filled = fill_value(value, at + "/" + name, variables, secret)) out[name] = std::move(*filled);
    return out;
  }
  return node;
}

}  // namespace http_carrier
