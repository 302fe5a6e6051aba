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

Error take_error(tl_error* error) {
  return error ? abi::Errors(&kErrorHost).take(error) : Error(ErrorCode::kInternal, "the runtime failed and did not say why");
}

std::unique_ptr<RuntimeObject> RuntimeObject::open(std::string_view config_yaml, std::string_view config_file,
                                                   std::span<const tl_app_plugin> plugins) {
  tl_runtime* runtime = nullptr;
  tl_error* error = nullptr;
  if (tl_runtime_open_with(borrow(config_yaml), borrow(config_file), plugins.data(), plugins.size(), &runtime, &error) == 0)
    return std::unique_ptr<RuntimeObject>(new RuntimeObject(runtime));
  throw take_error(error);
}

RuntimeObject::RuntimeObject(tl_runtime* runtime)
    : runtime_(runtime),
      calls_("trunkline", abi::Errors(&kErrorHost)),
      service_(tl_runtime_service(runtime, tl_str{}, borrow(TL_SERVICE_RUNTIME_SERVICE_ID)), calls_) {
  open_->runtime = runtime;
}

RuntimeObject::~RuntimeObject() {
  const std::lock_guard lock(open_->mutex);
  open_->runtime = nullptr;
  tl_runtime_close(runtime_);
}

void RuntimeObject::Open::add_provider(const tl_app_plugin& plugin, std::string_view provider_json, bool first) {
  const std::lock_guard lock(mutex);
  tl_error* error = nullptr;
  if (!runtime) {
    plugin.release(plugin.context);
    throw Error(ErrorCode::kFailedPrecondition, "the runtime is closed");
  }
  if (tl_runtime_add_provider(runtime, &plugin, borrow(provider_json), first, &error) != 0) throw take_error(error);
}

void RuntimeObject::Open::replace_provider(const tl_app_plugin& plugin, std::string_view provider_json, std::int64_t probation,
                                           std::int64_t drain) {
  const std::lock_guard lock(mutex);
  tl_error* error = nullptr;
  if (!runtime) {
    plugin.release(plugin.context);
    throw Error(ErrorCode::kFailedPrecondition, "the runtime is closed");
  }
  if (tl_runtime_replace_provider(runtime, &plugin, borrow(provider_json), probation, drain, &error) != 0)
    throw take_error(error);
}

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
