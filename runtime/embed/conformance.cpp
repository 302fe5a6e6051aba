// libtrunkline: the conformance kit for plugins of the application. No exception leaves this file.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/conformance/runner.h"
#include "runtime/plugin/loader.h"
#include "trunkline/app_plugin.h"
#include "trunkline/errors.hpp"

using namespace trunkline;

namespace {

using nlohmann::json;

constexpr JsonLimits kOptionsLimits{4 * 1024 * 1024, 64};

[[noreturn]] void wrong(const std::string& member, const std::string& wanted) {
  throw Error(ErrorCode::kInvalidArgument, "options." + member + ": wanted " + wanted, member);
}

std::vector<std::string> texts(const json& options, const char* member) {
  std::vector<std::string> out;
  const auto found = options.find(member);
  if (found == options.end()) return out;
  if (!found->is_array()) wrong(member, "a list of texts");
  for (const json& item : *found) {
    if (!item.is_string()) wrong(member, "a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

conformance::KitInput read_input(const json& options, const plugin::LoadedPlugin& plugin) {
  static constexpr std::string_view kKnown[] = {"config", "secrets", "interfaces", "quirks", "only"};
  for (const auto& [key, unused] : options.items())
    if (std::find(std::begin(kKnown), std::end(kKnown), key) == std::end(kKnown))
      wrong(key, "one of config, secrets, interfaces, quirks, only");
  conformance::KitInput input;
  input.plugin = &plugin;
  if (const auto config = options.find("config"); config != options.end()) input.config_json = config->dump();
  if (const auto secrets = options.find("secrets"); secrets != options.end()) {
    if (!secrets->is_object()) wrong("secrets", "names with texts");
    for (const auto& [name, value] : secrets->items()) {
      if (!value.is_string()) wrong("secrets." + name, "a text");
      input.secrets.emplace(name, Secret(value.get<std::string>()));
    }
  }
  input.interfaces = texts(options, "interfaces");
  if (const auto quirks = options.find("quirks"); quirks != options.end())
    input.quirks = conformance::parse_quirks(quirks->dump());
  return input;
}

tl_str lend(const std::string& text) { return {text.data(), text.size()}; }

}  // namespace

extern "C" int32_t tl_conformance_run(const tl_app_plugin* plugin, tl_str options_json, tl_conformance_result ended,
                                      tl_conformance_done done, void* user, tl_error** error) {
  try {
    const plugin::AppPlugin app(*plugin);
    plugin::LoaderOptions accept;
    accept.allow_drafts = true;
    plugin::check_manifest(app.loaded().manifest, accept);
    const json options =
        parse_json({options_json.data ? options_json.data : "{}", options_json.data ? options_json.size : 2}, kOptionsLimits);
    if (!options.is_object()) wrong("", "an object");
    const conformance::KitInput input = read_input(options, app.loaded());
    const std::vector<std::string> only = texts(options, "only");
    const auto wanted = [&](std::string_view check) {
      return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& pattern) {
               return conformance::matches_pattern(pattern, check);
             });
    };
    const auto tell = [&](const conformance::CheckResult& result) {
      if (ended) ended(user, lend(conformance::to_line(result)));
    };
    const conformance::Report report = conformance::run(input, wanted, {}, tell);
    const std::string as_json = conformance::to_json(report), text = conformance::to_text(report),
                      junit = conformance::to_junit(report);
    done(user, lend(as_json), lend(text), lend(junit));
    return 0;
  } catch (...) {
    const Error failure = current_error();
    if (error) *error = ErrorHost::make(failure);
    return static_cast<int32_t>(failure.code);
  }
}
