#include "runtime/isolation/isolated_plugin.h"

#include "runtime/isolation/isolated_instance.h"

namespace trunkline::isolation {
namespace {

/// What a tl_plugin is here.
struct Handle {
  std::shared_ptr<IsolatedInstance> instance;
};
Handle* handle_of(tl_plugin* plugin) { return reinterpret_cast<Handle*>(plugin); }

}  // namespace

IsolatedPlugin::IsolatedPlugin(plugin::Manifest manifest, std::string provider, Options options, plugin::HostContext& host)
    : provider_(std::move(provider)), options_(std::move(options)), host_(host) {
  entry_.struct_size = sizeof entry_;
  entry_.abi_built = TL_ABI_CURRENT;
  entry_.abi_min = TL_ABI_VERSION(TL_ABI_MAJOR, 0);
  // create stands for the slot that is never called: see LoadedPlugin::create.
  entry_.create = [](const tl_host*, tl_str, tl_plugin**, tl_error**) noexcept -> std::int32_t {
    return static_cast<std::int32_t>(ErrorCode::kInternal);
  };
  entry_.get_interface = [](tl_plugin* plugin, tl_str id) noexcept {
    return handle_of(plugin)->instance->interface({id.data ? id.data : "", id.size});
  };
  entry_.stop = [](tl_plugin* plugin, void (*done)(void*), void* user) noexcept {
    handle_of(plugin)->instance->stop(done, user);
  };
  entry_.destroy = [](tl_plugin* plugin) noexcept {
    const std::unique_ptr<Handle> handle(handle_of(plugin));
    handle->instance->destroy();
  };
  loaded_.manifest = std::move(manifest);
  loaded_.entry = &entry_;
  loaded_.create = [this](const tl_host* tl, tl_str config, tl_plugin** out, tl_error** error) {
    return create(tl, config, out, error);
  };
  loaded_.abandon = [](tl_plugin* plugin) { handle_of(plugin)->instance->abandon(); };
}

IsolatedPlugin::~IsolatedPlugin() = default;

std::int32_t IsolatedPlugin::create(const tl_host* host, tl_str config, tl_plugin** out, tl_error** error) {
  try {
    auto handle = std::make_unique<Handle>();
    handle->instance = std::make_shared<IsolatedInstance>(loaded_.manifest, provider_, options_, host_, host,
                                                          std::string(config.data ? config.data : "", config.size));
    handle->instance->set_on_lost(on_lost_);
    handle->instance->start();
    {
      const std::lock_guard lock(mutex_);
      last_ = handle->instance;
    }
    *out = reinterpret_cast<tl_plugin*>(handle.release());
    return 0;
  } catch (...) {
    const Error why = current_error();
    *error = abi::Errors(host).make(why);
    return static_cast<std::int32_t>(why.code);
  }
}

std::string IsolatedPlugin::state() const {
  const std::lock_guard lock(mutex_);
  const auto instance = last_.lock();
  if (!instance) return {};
  switch (instance->state()) {
    case IsolatedInstance::State::kStarting:
      return "starting";
    case IsolatedInstance::State::kRunning:
      return "running";
    case IsolatedInstance::State::kWaiting:
      return "waiting";
    case IsolatedInstance::State::kQuarantined:
      return "quarantined";
    default:
      return "stopped";
  }
}

std::string IsolatedPlugin::failure() const {
  const std::lock_guard lock(mutex_);
  const auto instance = last_.lock();
  return instance && instance->state() == IsolatedInstance::State::kQuarantined ? instance->trouble() : std::string();
}

int IsolatedPlugin::process_id() const {
  const std::lock_guard lock(mutex_);
  const auto instance = last_.lock();
  return instance ? instance->process_id() : 0;
}

int IsolatedPlugin::plugin_threads() const {
  const std::lock_guard lock(mutex_);
  const auto instance = last_.lock();
  return instance ? instance->plugin_threads() : 0;
}

}  // namespace trunkline::isolation
