#include "support/runtime.hpp"

#include <string>

#include "trunkline/abi.h"
#include "trunkline/error.hpp"
#include "trunkline/errors.hpp"

namespace trunkline::node {
namespace {

tl_str borrow(std::string_view text) { return {text.data() ? text.data() : "", text.size()}; }

// Errors belong to libtrunkline: they are read and freed by it alone.
const tl_host kErrorHost = {
    .struct_size = sizeof(tl_host),
    .abi = TL_ABI_CURRENT,
    .ctx = nullptr,
    .error_new = nullptr,
    .error_set = nullptr,
    .error_get = [](void*, const tl_error* error, tl_str key) { return tl_error_get(error, key); },
    .error_free = [](void*, tl_error* error) { tl_error_free(error); },
    .get_interface = nullptr,
};

}  // namespace

std::unique_ptr<RuntimeObject> RuntimeObject::open(std::string_view config_yaml, std::string_view config_file,
                                                   const std::vector<tl_builtin_plugin>& plugins) {
  tl_runtime* runtime = nullptr;
  tl_error* error = nullptr;
  tl_runtime_options options{};
  options.struct_size = sizeof options;
  options.config_yaml = borrow(config_yaml);
  options.config_file = borrow(config_file);
  options.plugins = {plugins.data(), plugins.size(), sizeof(tl_builtin_plugin)};
  if (tl_runtime_open_with(&options, &runtime, &error) == 0 && runtime != nullptr)
    return std::unique_ptr<RuntimeObject>(new RuntimeObject(runtime));
  if (error == nullptr) throw Error(ErrorCode::kInternal, "the runtime was not opened and did not say why");
  throw abi::Errors(&kErrorHost).take(error);
}

std::string RuntimeObject::run_kit(const tl_builtin_plugin& plugin, std::string_view config_json,
                                   const std::map<std::string, std::string>& secrets, std::string_view quirks_json,
                                   const std::vector<std::string>& only) {
  std::vector<tl_kv> values;
  for (const auto& [name, value] : secrets) values.push_back({borrow(name), borrow(value)});
  std::vector<tl_str> patterns;
  for (const std::string& pattern : only) patterns.push_back(borrow(pattern));
  tl_kit_options options{};
  options.struct_size = sizeof options;
  options.plugin = &plugin;
  options.config_json = borrow(config_json);
  options.secrets = {values.data(), values.size(), sizeof(tl_kv)};
  options.quirks_json = borrow(quirks_json);
  options.only = {patterns.data(), patterns.size(), sizeof(tl_str)};
  std::string report;
  tl_error* error = nullptr;
  tl_runtime_test_plugin(
      &options, [](void* user, tl_str json) { static_cast<std::string*>(user)->assign(json.data, json.size); }, &report, &error);
  if (error != nullptr) throw abi::Errors(&kErrorHost).take(error);
  return report;
}

RuntimeObject::RuntimeObject(tl_runtime* runtime)
    : runtime_(runtime),
      calls_("trunkline", abi::Errors(&kErrorHost)),
      service_(tl_runtime_service(runtime, tl_str{}, borrow(TL_SERVICE_RUNTIME_SERVICE_ID)), calls_) {}

RuntimeObject::~RuntimeObject() { tl_runtime_close(runtime_); }

std::unique_ptr<Object> RuntimeObject::service(std::string_view resource, std::string_view id) {
  const tl_iface iface = tl_runtime_service(runtime_, borrow(resource), borrow(id));
  return iface.vtbl != nullptr ? make_object(id, iface, calls_) : nullptr;
}
std::unique_ptr<Object> RuntimeObject::provider(std::string_view provider, std::string_view id) {
  const tl_iface iface = tl_runtime_provider(runtime_, borrow(provider), borrow(id));
  return iface.vtbl != nullptr ? make_object(id, iface, calls_) : nullptr;
}
Time RuntimeObject::now() const { return service_.now(); }

}  // namespace trunkline::node
