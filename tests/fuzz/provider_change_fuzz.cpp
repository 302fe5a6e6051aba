// Requests to reload a provider: any body is either refused with an Error or gives a change whose settings are those of one
// provider, and whose library is an absolute path.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/api/provider_change.h"
#include "runtime/base/json.h"
#include "runtime/config/config.h"

namespace {

using namespace trunkline;

/// As Runtime::reload_provider reads them.
void read_settings(const service::ProviderChange& change) {
  try {
    if (change.settings) parse_provider(*change.settings);
  } catch (const Error& error) {
    if (error.message.empty()) std::abort();
  }
  if (!change.config) return;
  const auto wanted = nlohmann::json::parse(*change.config);
  if (!wanted.is_object()) std::abort();
  try {
    const ProviderConfig config =
        parse_provider(R"({"name": "provider", "plugin": "provider", "config": )" + *change.config + "}");
    // A configuration stays within `config`, whatever it says.
    if (config.name != "provider" || config.plugin != "provider" || !config.secrets.empty()) std::abort();
    if (!nlohmann::json::parse(config.config_json).is_object()) std::abort();
  } catch (const Error& error) {
    if (error.message.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const nlohmann::json body = parse_json({reinterpret_cast<const char*>(data), size});
    const service::ProviderChange change = api::parse_provider_change(body);
    if (change.library && !std::filesystem::path(*change.library).is_absolute()) std::abort();
    if (change.probation < Duration{0} || change.drain < Duration{0}) std::abort();
    read_settings(change);
  } catch (const Error& error) {
    if (error.message.empty()) std::abort();
  }
  return 0;
}
