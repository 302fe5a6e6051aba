// The plugin: a description in a file, and the engine that does what it says.
#include "engine/engine.h"
#include "yaml_file.h"

namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

json parse_config(std::string_view text) {
  json config = json::parse(text.empty() ? "{}" : text, nullptr, false);
  if (!config.is_object() || !config.contains("file") || !config["file"].is_string())
    throw Error(ErrorCode::kInvalidArgument, "file: is missing", "file");
  return config;
}

http_carrier::Description read_description(const json& config) {
  const std::string file = config["file"].get<std::string>();
  const http_carrier::YamlDocument document = http_carrier::read_yaml(file);
  try {
    return http_carrier::parse_description(document.value);
  } catch (Error& error) {
    error.message = file + ":" + std::to_string(http_carrier::line_of(document, error.target)) + ": " + error.message;
    throw;
  }
}

class Plugin final : public http_carrier::Engine {
 public:
  Plugin(trunkline::Host host, std::string_view config) : Plugin(host, parse_config(config)) {}

 private:
  Plugin(trunkline::Host host, const json& config)
      : Engine(host, read_description(config), config.value("callback_url", ""), journal_of(config)) {}
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Plugin)
