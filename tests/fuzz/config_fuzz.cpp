// trunkline.yaml: any text gives a configuration or a ConfigError, and what is rendered parses again.
#include <cstdlib>

#include "runtime/config/config.h"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ConfigOptions options;
  options.check_secrets = false;
  std::string rendered;
  try {
    rendered = render_yaml(parse_config({reinterpret_cast<const char*>(data), size}, options));
  } catch (const ConfigError& e) {
    if (e.problems().empty()) std::abort();
    return 0;
  }
  for (std::size_t at; (at = rendered.find("\"[redacted]\"")) != rendered.npos;)
    rendered.replace(at, 12, "AAAA");  // keys are base64
  const std::string again = render_yaml(parse_config(rendered, options));
  std::string keyed = again;
  for (std::size_t at; (at = keyed.find("\"[redacted]\"")) != keyed.npos;) keyed.replace(at, 12, "AAAA");
  if (keyed != rendered) std::abort();
  return 0;
}
