// libtrunkline: the functions behind trunkline/runtime.h. No exception leaves this file.
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/config/config.h"
#include "runtime/core/evaluate.h"
#include "runtime/core/runtime.h"
#include "runtime/core/service_objects.h"
#include "runtime/plugin/loader.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/app_plugin.h"
#include "trunkline/errors.hpp"
#include "trunkline/expression.h"
#include "trunkline/runtime.h"

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

/// Runs `body` and gives 0, or the code of what it throws.
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

/// Takes over every context before the first that is wrong is told.
std::vector<std::unique_ptr<plugin::AppPlugin>> take_over(const tl_app_plugin* plugins, size_t count) {
  std::vector<std::unique_ptr<plugin::AppPlugin>> out;
  std::exception_ptr failed;
  for (size_t i = 0; i < count; ++i) {
    try {
      out.push_back(std::make_unique<plugin::AppPlugin>(plugins[i]));
    } catch (...) {
      if (!failed) failed = std::current_exception();
    }
  }
  if (failed) std::rethrow_exception(failed);
  return out;
}

}  // namespace

extern "C" {

int32_t tl_runtime_open(tl_str config_yaml, tl_str config_file, tl_runtime** out, tl_error** error) {
  return tl_runtime_open_with(config_yaml, config_file, nullptr, 0, out, error);
}

int32_t tl_runtime_open_with(tl_str config_yaml, tl_str config_file, const tl_app_plugin* plugins, size_t count, tl_runtime** out,
                             tl_error** error) {
  return guarded(error, [&] {
    std::vector<std::unique_ptr<plugin::AppPlugin>> apps = take_over(plugins, count);
    Config config = read_config(view(config_yaml), view(config_file));
    auto shell = std::make_unique<tl_runtime>();
    shell->runtime = Runtime::open(std::move(config), std::move(apps));
    *out = shell.release();
  });
}

int32_t tl_runtime_add_provider(tl_runtime* runtime, const tl_app_plugin* plugin, tl_str provider_json, tl_bool first,
                                tl_error** error) {
  return guarded(error, [&] {
    auto app = std::move(take_over(plugin, 1).front());
    runtime->runtime->providers().add(parse_provider(view(provider_json)), std::move(app), first);
  });
}

int32_t tl_runtime_replace_provider(tl_runtime* runtime, const tl_app_plugin* plugin, tl_str provider_json, int64_t probation_ns,
                                    int64_t drain_ns, tl_error** error) {
  return guarded(error, [&] {
    ReloadRequest request;
    request.app = std::move(take_over(plugin, 1).front());
    request.config = parse_provider(view(provider_json));
    request.provider = request.config->name;
    if (probation_ns >= 0) request.probation = Duration(probation_ns);
    if (drain_ns >= 0) request.drain = Duration(drain_ns);
    runtime->runtime->providers().reload(std::move(request));
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
    return found ? found->lend_interface(view(id)) : tl_iface{};
  } catch (...) {
    return {};
  }
}

tl_str tl_runtime_default_config(void) { return lend(default_config_yaml()); }
tl_str tl_runtime_version(void) { return lend(runtime_version()); }

void tl_expression_evaluate(tl_str template_json, tl_str context_json, tl_expression_done done, void* user) {
  std::string result;
  tl_error* error = nullptr;
  try {
    result = evaluate_template(view(template_json), view(context_json));
  } catch (...) {
    error = ErrorHost::make(current_error());
  }
  const tl_str text = lend(result);
  done(user, error ? nullptr : &text, error);
}

tl_str tl_error_get(const tl_error* error, tl_str key) { return ErrorHost::error_get(nullptr, error, key); }
void tl_error_free(tl_error* error) { ErrorHost::error_free(nullptr, error); }

}  // extern "C"
