#include "support/runtime.hpp"

#include <utility>
#include <vector>

namespace trunkline::pyrt {
namespace {

std::atomic<unsigned> g_forks{0};

/// Every open runtime, for the end of the interpreter. Leaked.
struct Registry {
  std::mutex mutex;
  std::vector<std::weak_ptr<RuntimeHandle>> open;
};
Registry& registry() {
  static auto* const one = new Registry;
  return *one;
}

tl_str text(std::string_view value) { return {value.data() ? value.data() : "", value.size()}; }

/// Reads the errors that libtrunkline made. This side makes none.
const tl_host& error_reader() {
  static const tl_host host = [] {
    tl_host h{};
    h.struct_size = sizeof h;
    h.abi = TL_ABI_CURRENT;
    h.error_get = [](void*, const tl_error* error, tl_str key) { return tl_error_get(error, key); };
    h.error_free = [](void*, tl_error* error) { tl_error_free(error); };
    return h;
  }();
  return host;
}
}  // namespace

abi::Errors errors() { return abi::Errors(&error_reader()); }

std::shared_ptr<RuntimeHandle> RuntimeHandle::open(std::string_view config, std::string_view config_file,
                                                   std::span<const tl_app_plugin> plugins) {
  tl_runtime* runtime = nullptr;
  tl_error* error = nullptr;
  {
    const GilRelease gil;
    if (tl_runtime_open_with(text(config), text(config_file), plugins.data(), plugins.size(), &runtime, &error) != 0)
      runtime = nullptr;
  }
  if (!runtime) throw error ? errors().take(error) : Error(ErrorCode::kInternal, "the runtime did not open and did not say why");
  auto handle = std::make_shared<RuntimeHandle>(runtime);
  const std::lock_guard lock(registry().mutex);
  std::erase_if(registry().open, [](const auto& other) { return other.expired(); });
  registry().open.push_back(handle);
  return handle;
}

RuntimeHandle::RuntimeHandle(tl_runtime* runtime, std::string what, abi::Errors errors)
    : runtime_(runtime), what_(std::move(what)), calls_(what_, errors), generation_(g_forks.load()) {}
RuntimeHandle::~RuntimeHandle() { close(); }

void RuntimeHandle::close() {
  if (forked() || closed_.exchange(true, std::memory_order_seq_cst)) return;
  const GilRelease gil;
  for (int uses = uses_.load(); uses != 0; uses = uses_.load()) uses_.wait(uses);
  std::list<std::stop_source> in_flight;
  {
    // Held while they close, so that none is freed meanwhile: its destructor waits in remove().
    const std::lock_guard lock(mutex_);
    for (Closable* closable : std::exchange(closables_, {})) closable->close_for_runtime();
    in_flight = in_flight_;
  }
  for (std::stop_source& stop : in_flight) stop.request_stop();
  tl_runtime_close(runtime_);
  calls_.close(Error(ErrorCode::kCancelled, what_ + " was closed"));
}

void RuntimeHandle::add_provider(const tl_app_plugin& plugin, std::string_view provider, bool first) {
  tl_error* error = nullptr;
  std::int32_t code = 0;
  {
    const Use use(*this);
    const GilRelease gil;
    code = tl_runtime_add_provider(runtime_, &plugin, text(provider), first, &error);
  }
  if (code != 0) throw errors().take(error);
}

void RuntimeHandle::replace_provider(const tl_app_plugin& plugin, std::string_view provider, std::int64_t probation,
                                     std::int64_t drain) {
  tl_error* error = nullptr;
  std::int32_t code = 0;
  {
    const Use use(*this);
    const GilRelease gil;
    code = tl_runtime_replace_provider(runtime_, &plugin, text(provider), probation, drain, &error);
  }
  if (code != 0) throw errors().take(error);
}

bool RuntimeHandle::forked() const { return generation_ != g_forks.load(std::memory_order_relaxed); }

RuntimeHandle::Use::Use(const RuntimeHandle& handle) : handle_(handle) {
  handle_.uses_.fetch_add(1, std::memory_order_seq_cst);
  if (!handle_.closed()) return;
  if (handle_.uses_.fetch_sub(1) == 1) handle_.uses_.notify_all();
  if (handle_.forked())
    throw Error(ErrorCode::kFailedPrecondition, "the runtime belongs to the process that forked this one; open another");
  throw Error(ErrorCode::kFailedPrecondition, handle_.what_ + " is closed");
}
RuntimeHandle::Use::~Use() {
  if (handle_.uses_.fetch_sub(1, std::memory_order_seq_cst) == 1 && handle_.closed_.load(std::memory_order_relaxed))
    handle_.uses_.notify_all();
}

RuntimeHandle::InFlight::InFlight(std::shared_ptr<RuntimeHandle> handle, std::stop_source stop) : handle_(std::move(handle)) {
  {
    const std::lock_guard lock(handle_->mutex_);
    at_ = handle_->in_flight_.insert(handle_->in_flight_.end(), stop);
  }
  if (handle_->closed()) stop.request_stop();  // close() has taken its list before, or takes it now
}
RuntimeHandle::InFlight::~InFlight() {
  const std::lock_guard lock(handle_->mutex_);
  handle_->in_flight_.erase(at_);
}

tl_iface RuntimeHandle::find(Kind kind, std::string_view name, std::string_view id) const {
  if (kind == Kind::kHost) throw Error(ErrorCode::kUnimplemented, std::string(id) + " is offered by the host of a provider only");
  const Use use(*this);
  const GilRelease gil;
  const tl_iface found = kind == Kind::kProvider ? tl_runtime_provider(runtime_, text(name), text(id))
                                                 : tl_runtime_service(runtime_, text(name), text(id));
  if (found.vtbl) return found;
  const std::string what = kind == Kind::kProvider ? "provider" : "resource";
  throw Error(ErrorCode::kNotFound, "no " + what + " \"" + std::string(name) + "\" offers " + std::string(id), what);
}

void RuntimeHandle::add(Closable* closable) {
  const Use use(*this);  // close() takes its list after it has waited for us, or we throw
  const std::lock_guard lock(mutex_);
  closables_.insert(closable);
}
void RuntimeHandle::remove(Closable* closable) {
  const std::lock_guard lock(mutex_);
  closables_.erase(closable);
}

void RuntimeHandle::close_all() {
  begin_ending();
  std::vector<std::weak_ptr<RuntimeHandle>> open;
  {
    const std::lock_guard lock(registry().mutex);
    open.swap(registry().open);
  }
  for (const auto& one : open)
    if (const auto handle = one.lock()) handle->close();
  wait_for_others();
}

void RuntimeHandle::after_fork_in_child() {
  g_forks.fetch_add(1);
  forget_others();
}

}  // namespace trunkline::pyrt
