// libtrunkline: the functions behind trunkline/runtime.h. No exception leaves this file.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/config/config.h"
#include "runtime/conformance/runner.h"
#include "runtime/core/runtime.h"
#include "runtime/core/service_objects.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/errors.hpp"
#include "trunkline/builtin.h"

using namespace trunkline;

/// What the application holds. The runtime inside goes with tl_runtime_close; the shell stays until then.
struct tl_runtime {
  std::unique_ptr<Runtime> runtime;
};

namespace {

std::string_view view(tl_str text) { return {text.data ? text.data : "", text.size}; }

Config read_config(std::string_view text, const std::filesystem::path& file) {
  if (file.empty()) return text.empty() ? default_config() : parse_config(text);
  return text.empty() ? load_config(file) : parse_config(text, ConfigOptions::of_file(file));
}

tl_str lend(std::string_view text) { return {text.data(), text.size()}; }

/// The elements of a list, whose structures may be larger than ours.
template <class T>
std::vector<const T*> items(const tl_list& list) {
  std::vector<const T*> out;
  for (size_t i = 0; list.data && i < list.count; ++i)
    out.push_back(reinterpret_cast<const T*>(static_cast<const char*>(list.data) + i * list.stride));
  return out;
}

/// Runs the body of a function that gives 0 or an error.
template <class Body>
int32_t guarded(tl_error** error, Body body) noexcept {
  try {
    body();
    return 0;
  } catch (...) {
    const Error failure = current_error();
    if (error) *error = ErrorHost::make(failure);
    return static_cast<int32_t>(failure.code);
  }
}

}  // namespace

extern "C" {

int32_t tl_runtime_open(tl_str config_yaml, tl_str config_file, tl_runtime** out, tl_error** error) {
  tl_runtime_options options{};
  options.struct_size = sizeof options;
  options.config_yaml = config_yaml;
  options.config_file = config_file;
  return tl_runtime_open_with(&options, out, error);
}

int32_t tl_runtime_open_with(const tl_runtime_options* options, tl_runtime** out, tl_error** error) {
  return guarded(error, [&] {
    Config config = read_config(view(options->config_yaml), view(options->config_file));
    std::vector<BuiltinPlugin> plugins;
    if (TL_HAS(options, plugins)) {
      for (const auto* plugin : items<tl_builtin_plugin>(options->plugins))
        plugins.push_back({std::string(view(plugin->manifest)), plugin->entry, plugin->context});
    }
    auto shell = std::make_unique<tl_runtime>();
    shell->runtime = Runtime::open(std::move(config), std::move(plugins));
    *out = shell.release();
  });
}

int32_t tl_runtime_test_plugin(const tl_kit_options* options, void (*report)(void* user, tl_str json), void* user,
                               tl_error** error) {
  return guarded(error, [&] {
    plugin::LoaderOptions loader_options;
    loader_options.allow_drafts = true;
    plugin::PluginLoader loader(std::move(loader_options));
    loader.add_builtin(view(options->plugin->manifest), options->plugin->entry, options->plugin->context);
    conformance::KitInput input;
    input.plugin = &loader.load(loader.found().front().id);
    if (options->config_json.data) input.config_json = view(options->config_json);
    for (const auto* secret : items<tl_kv>(options->secrets))
      input.secrets.emplace(view(secret->key), Secret(std::string(view(secret->value))));
    if (options->quirks_json.data) input.quirks = conformance::parse_quirks(view(options->quirks_json));
    const auto only = items<tl_str>(options->only);
    const auto wanted = [&](std::string_view name) {
      return only.empty() || std::any_of(only.begin(), only.end(), [&](const tl_str* pattern) {
               return conformance::matches_pattern(view(*pattern), name);
             });
    };
    const std::string json = conformance::to_json(conformance::run(input, wanted));
    report(user, lend(json));
  });
}

void tl_runtime_close(tl_runtime* runtime) {
  if (!runtime) return;
  try {
    runtime->runtime->close();
  } catch (...) {
    // There is nobody left to tell; the parts that could be stopped have been.
  }
  delete runtime;
}

tl_iface tl_runtime_service(tl_runtime* runtime, tl_str resource, tl_str id) {
  try {
    return runtime->runtime->objects().find(view(resource), view(id));
  } catch (...) {
    return {};
  }
}

tl_iface tl_runtime_provider(tl_runtime* runtime, tl_str provider, tl_str id) {
  try {
    const auto found = runtime->runtime->providers().find(view(provider));
    return found ? found->interface(view(id)) : tl_iface{};
  } catch (...) {
    return {};
  }
}

tl_str tl_runtime_default_config(void) { return lend(default_config_yaml()); }
tl_str tl_runtime_version(void) { return lend(runtime_version()); }
tl_str tl_error_get(const tl_error* error, tl_str key) { return ErrorHost::error_get(nullptr, error, key); }
void tl_error_free(tl_error* error) { ErrorHost::error_free(nullptr, error); }

}  // extern "C"
