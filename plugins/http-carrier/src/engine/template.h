// Texts with names in them, such as `{{to}}`.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json.hpp>  // NOLINT(trunkline-json): values are members
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http_carrier {

using nlohmann::json;

/// What names stand for. Absent ones are left out of a request where they stand alone.
using Variables = std::map<std::string, json, std::less<>>;
/// Asked for `secret.<name>`; throws when there is none.
using SecretOf = std::function<std::string(const std::string&)>;

/// Checked when it is parsed: every name is one that there can be. Immutable.
class Template {
 public:
  Template() = default;
  /// Throws kInvalidArgument with the target `where`.
  Template(std::string_view text, const std::string& where);

  /// `escape` is applied to what is filled in, not to what stands around it.
  std::string fill(const Variables& variables, const SecretOf& secret,
                   const std::function<std::string(std::string_view)>& escape = {}) const;
  /// One name alone keeps its type; nullopt: that is absent.
  std::optional<json> value(const Variables& variables, const SecretOf& secret) const;
  bool empty() const { return pieces_.empty(); }
  /// Whether {{name}} stands in it.
  bool names(std::string_view name) const;

 private:
  struct Piece {
    std::string text;
    bool is_name = false;
  };
  std::vector<Piece> pieces_;
};

/// A JSON document whose texts are templates.
class JsonTemplate {
 public:
  JsonTemplate() = default;
  JsonTemplate(const json& document, const std::string& where);
  json fill(const Variables& variables, const SecretOf& secret) const;
  bool empty() const { return document_.is_null(); }
  bool names(std::string_view name) const;

 private:
  std::optional<json> fill_value(const json& node, const std::string& at, const Variables& variables,
                                 const SecretOf& secret) const;
  json document_;
  std::map<std::string, Template> texts_;  // by JSON pointer
};

/// For a part of a URL's path or query, and of a form.
std::string percent_encoded(std::string_view text);

}  // namespace http_carrier
