#include "runtime/plugin/manifest.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "trunkline/abi.h"
#include "trunkline/error.hpp"

namespace trunkline::plugin {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxListItems = 64;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_name_char(char c) { return is_lower(c) || is_digit(c); }

// Labels of lower-case letters, digits and inner hyphens, joined by dots.
bool is_plugin_id(std::string_view id) {
  if (id.empty() || id.size() > 128) return false;
  char before = '.';
  for (const char c : id) {
    if (!is_name_char(c) && c != '-' && c != '.') return false;
    if ((before == '.' || before == '-') && c == '.') return false;
    if (before == '.' && c == '-') return false;
    before = c;
  }
  return before != '.' && before != '-';
}

// Without leading zeros, so that equal versions are equal texts.
std::optional<std::uint32_t> number(std::string_view text) {
  return text.size() > 1 && text[0] == '0' ? std::nullopt : parse_number<std::uint32_t>(text);
}

bool is_version(std::string_view text) {
  if (text.size() > 64) return false;
  const auto suffix = text.find_first_of("-+");
  std::string_view core = text.substr(0, suffix);
  if (suffix != std::string_view::npos && suffix + 1 == text.size()) return false;
  for (int part = 0; part < 3; ++part) {
    const auto dot = core.find('.');
    if ((dot == std::string_view::npos) != (part == 2) || !number(core.substr(0, dot))) return false;
    core = dot == std::string_view::npos ? std::string_view{} : core.substr(dot + 1);
  }
  return true;
}

std::optional<std::uint32_t> parse_abi(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = number(text.substr(0, dot)), minor = number(text.substr(dot + 1));
  if (!major || !minor || *major > 0xffff || *minor > 0xffff) return std::nullopt;
  return TL_ABI_VERSION(*major, *minor);
}

bool is_secret_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_name_char(c) || c == '_' || c == '-'; });
}

bool is_capability(std::string_view name) { return is_plugin_id(name) && name.size() <= 64; }

// Reads the members of one manifest and remembers what is wrong.
class Reader {
 public:
  Reader(const json& document, Problems& problems) : document_(document), problems_(problems) {}

  std::string text(const char* key, bool required, bool (*valid)(std::string_view), const char* wanted) {
    const json* value = find(key, required, wanted);
    if (!value) return {};
    if (value->is_string() && valid(value->get_ref<const std::string&>())) return value->get<std::string>();
    problems_.add(key, "found " + show(*value) + ", wanted " + wanted);
    return {};
  }
  std::vector<std::string> list(const char* key, bool required, bool (*valid)(std::string_view), const char* wanted) {
    std::vector<std::string> out;
    const json* value = find(key, required, wanted);
    if (!value) return out;
    if (!value->is_array() || value->size() > kMaxListItems || (required && value->empty())) {
      problems_.add(key, "found " + show(*value) + ", wanted an array of " + (required ? "1" : "0") + " to " +
                             std::to_string(kMaxListItems) + " strings");
      return out;
    }
    for (std::size_t i = 0; i < value->size(); ++i) {
      const json& item = (*value)[i];
      const std::string at = std::string(key) + "[" + std::to_string(i) + "]";
      if (!item.is_string() || !valid(item.get_ref<const std::string&>()))
        problems_.add(at, "found " + show(item) + ", wanted " + wanted);
      else if (std::find(out.begin(), out.end(), item.get_ref<const std::string&>()) != out.end())
        problems_.add(at, "found " + show(item) + " a second time");
      else
        out.push_back(item.get<std::string>());
    }
    return out;
  }
  bool flag(const char* key) {
    const auto value = document_.find(key);
    if (value == document_.end()) return false;
    if (value->is_boolean()) return value->get<bool>();
    problems_.add(key, "found " + show(*value) + ", wanted true or false");
    return false;
  }

 private:
  static std::string show(const json& value) {
    if (value.is_string()) return quote(value.get_ref<const std::string&>());
    if (value.is_array()) return "an array of " + std::to_string(value.size());
    return value.is_object() ? "an object" : value.dump();
  }
  const json* find(const char* key, bool required, const char* wanted) {
    const auto value = document_.find(key);
    if (value != document_.end()) return &*value;
    if (required) problems_.add(key, std::string("missing, wanted ") + wanted);
    return nullptr;
  }
  const json& document_;
  Problems& problems_;
};

}  // namespace

bool Manifest::offers(std::string_view interface_id) const {
  return std::find(interfaces.begin(), interfaces.end(), interface_id) != interfaces.end();
}

bool Manifest::may_read_secret(std::string_view secret_name) const {
  const auto in = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), secret_name) != names.end();
  };
  return in(secrets) || in(optional_secrets);
}

bool is_interface_id(std::string_view id) {
  const auto slash = id.find('/');
  if (slash == std::string_view::npos) return false;
  // As a plugin's id, with the words of a name apart: trunkline.pstn_sandbox.
  std::string name(id.substr(0, slash));
  std::replace(name.begin(), name.end(), '_', '-');
  if (!is_plugin_id(name)) return false;
  std::string_view version = id.substr(slash + 1);
  if (version.starts_with("draft-")) version.remove_prefix(6);
  const auto n = number(version);
  return n && *n > 0;
}

bool is_draft_interface(std::string_view id) { return id.find("/draft-") != std::string_view::npos; }

std::string abi_text(std::uint32_t abi) { return std::to_string(abi >> 16) + "." + std::to_string(abi & 0xffff); }

Manifest parse_manifest(std::string_view text, const std::filesystem::path& path) {
  Problems problems;
  const std::string what = "plugin manifest " + (path.empty() ? std::string("(built in)") : path.string());
  json document;
  try {
    document = parse_json(text, {kManifestMaxBytes, kManifestMaxDepth});
    if (!document.is_object()) problems.add("", "found " + std::string(json_type(document)) + ", wanted an object");
  } catch (const Error& error) {
    problems.add("", error.message);
  }
  if (!problems.empty()) throw problems.to_error(ErrorCode::kInvalidArgument, what);

  static constexpr std::string_view kKeys[] = {"id",         "name",         "version",       "abi_min", "library",
                                               "interfaces", "capabilities", "config_schema", "secrets", "optional_secrets",
                                               "threads",    "description"};
  for (const auto& [key, unused] : document.items())
    if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys)) {
      std::string known;
      for (const std::string_view k : kKeys) known += (known.empty() ? "" : ", ") + std::string(k);
      problems.add(quote(key), "unknown key; wanted one of " + known);
    }

  const auto short_text = [](std::string_view t) { return !t.empty() && t.size() <= 4096; };
  Reader reader(document, problems);
  Manifest out;
  out.path = path;
  out.id =
      reader.text("id", true, is_plugin_id, "lower-case labels with digits and hyphens, such as sms-sandbox or com.example.sms");
  out.name = reader.text("name", false, short_text, "a text");
  if (out.name.empty()) out.name = out.id;
  out.version = reader.text("version", true, is_version, "MAJOR.MINOR.PATCH");
  reader.text("description", false, short_text, "a text");
  const std::string abi = reader.text(
      "abi_min", true, [](std::string_view t) { return parse_abi(t).has_value(); }, "MAJOR.MINOR, such as \"1.0\"");
  if (!abi.empty()) out.abi_min = *parse_abi(abi);
  if (!path.empty()) {
    // The manifest vouches for the file beside it and for no other.
    const auto file_name = [](std::string_view t) {
      return !t.empty() && t.size() <= 255 && t != "." && t != ".." &&
             t.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
    };
    const std::string library = reader.text("library", true, file_name, "the name of a file beside the manifest");
    if (!library.empty()) out.library = std::filesystem::absolute(path).parent_path() / library;
  }
  out.interfaces = reader.list("interfaces", true, is_interface_id, "an interface id, such as trunkline.sms/1");
  out.capabilities = reader.list("capabilities", false, is_capability, "a word of lower-case letters, digits and hyphens");
  out.secrets = reader.list("secrets", false, is_secret_name, "a name of lower-case letters, digits, hyphens and underscores");
  out.optional_secrets =
      reader.list("optional_secrets", false, is_secret_name, "a name of lower-case letters, digits, hyphens and underscores");
  out.threads = reader.flag("threads");
  if (const auto schema = document.find("config_schema"); schema != document.end())
    out.config_schema = ConfigSchema(*schema, "config_schema", problems);
  if (!problems.empty()) throw problems.to_error(ErrorCode::kInvalidArgument, what);
  return out;
}

Manifest read_manifest(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Error(ErrorCode::kNotFound,
                "plugin manifest " + path.string() + ": found no readable file, wanted plugin.json beside the library",
                path.string());
  std::string text;  // no larger than it must be: there are many plugins, and what the heap has once it keeps
  std::array<char, 4096> piece{};
  do {
    file.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  } while (file && text.size() <= kManifestMaxBytes);
  return parse_manifest(text, path);
}

}  // namespace trunkline::plugin
