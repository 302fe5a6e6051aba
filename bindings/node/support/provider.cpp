#include "support/provider.hpp"

#include "generated/objects.hpp"
#include "generated/offers.hpp"
#include "support/call.hpp"
#include "support/runtime.hpp"

namespace trunkline::node {
namespace {

/// An object of the host that is only used while the host is there.
class HostObject final : public Object {
 public:
  HostObject(std::shared_ptr<ProviderObject> provider, std::unique_ptr<Object> inner)
      : provider_(std::move(provider)), inner_(std::move(inner)) {}
  void start(std::uint32_t op, Reader& in, Request request) override {
    const ProviderObject::HostUse use(*provider_);
    inner_->start(op, in, std::move(request));
  }
  void run(std::uint32_t op, Reader& in, Writer& out) override {
    const ProviderObject::HostUse use(*provider_);
    inner_->run(op, in, out);
  }

 private:
  const std::shared_ptr<ProviderObject> provider_;
  const std::unique_ptr<Object> inner_;
};

Error gone() { return {ErrorCode::kUnavailable, "the JavaScript environment of the provider has ended"}; }

}  // namespace

// ---- hub ----

void ProviderHub::tell(PacketKind kind, std::uint32_t call, std::uint32_t handle, Writer payload) {
  Packet packet;
  packet.kind = kind;
  packet.call = call;
  packet.handle = handle;
  packet.payload = std::move(payload);
  dispatcher_->post(std::move(packet));
}

std::uint32_t ProviderHub::keep(std::unique_ptr<ProviderCall> call) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed()) {
      do last_call_ = last_call_ == 0x7fffffff ? 1 : last_call_ + 1;
      while (calls_.contains(last_call_));
      calls_.emplace(last_call_, std::move(call));
      return last_call_;
    }
  }
  call->fail(gone());
  return 0;
}

std::unique_ptr<ProviderCall> ProviderHub::take(std::uint32_t number) {
  std::unique_ptr<ProviderCall> call;
  {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(number);
    if (found == calls_.end()) return nullptr;
    call = std::move(found->second);
    calls_.erase(found);
  }
  call->cancellation.reset();  // without the lock: what is told may be waiting for it
  return call;
}

void ProviderHub::subscribe(std::uint32_t number, const Call& call) {
  CancelSubscription subscription = call.on_cancel([hub = weak_from_this(), number] {
    if (const auto alive = hub.lock()) alive->tell(PacketKind::kProviderCancel, number, 0);
  });
  const std::lock_guard lock(mutex_);
  // JavaScript has not been told of it yet, so it is there unless the environment ended.
  if (const auto found = calls_.find(number); found != calls_.end()) found->second->cancellation = std::move(subscription);
}

std::uint32_t ProviderHub::add(std::shared_ptr<ProviderObject> object) {
  const std::lock_guard lock(mutex_);
  if (closed()) throw gone();
  instances_.emplace(++last_instance_, std::move(object));
  return last_instance_;
}
std::shared_ptr<ProviderObject> ProviderHub::find(std::uint32_t instance) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(instance);
  return found == instances_.end() ? nullptr : found->second;
}
void ProviderHub::watch(std::uint32_t instance, tl_iface work) {
  if (!work.vtbl) return;
  const std::lock_guard lock(work_mutex_);
  works_.emplace(instance, work);
  if (busy_) static_cast<const tl_app_work*>(work.vtbl)->busy(work.self, 1);
}

void ProviderHub::set_busy(bool busy) {
  busy_ = busy;
  for (const auto& [instance, work] : works_) static_cast<const tl_app_work*>(work.vtbl)->busy(work.self, busy ? 1 : 0);
}
void ProviderHub::posted() {
  const std::lock_guard lock(work_mutex_);
  ++posted_;
  if (!busy_) set_busy(true);
}
void ProviderHub::delivered(std::size_t count) {
  const std::lock_guard lock(work_mutex_);
  delivered_ += count;
}
void ProviderHub::idle() {
  const std::lock_guard lock(work_mutex_);
  if (posted_ == delivered_ && busy_) set_busy(false);
}

void ProviderHub::remove(std::uint32_t instance) {
  {
    const std::lock_guard lock(work_mutex_);
    if (const auto work = works_.find(instance); work != works_.end()) {
      static_cast<const tl_app_work*>(work->second.vtbl)->busy(work->second.self, 0);
      works_.erase(work);
    }
  }
  std::shared_ptr<ProviderObject> dropped;
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return;
  dropped = std::move(found->second);
  instances_.erase(found);
}

void ProviderHub::close() {
  decltype(calls_) calls;
  decltype(instances_) instances;
  {
    const std::lock_guard lock(mutex_);
    closed_.store(true, std::memory_order_release);
    calls.swap(calls_);
    instances.swap(instances_);
  }
  for (auto& [number, call] : calls) {
    call->cancellation.reset();
    call->fail(gone());
  }
  for (auto& [number, instance] : instances) instance->environment_closed();
}

// ---- instance ----

ProviderObject::ProviderObject(std::shared_ptr<ProviderHub> hub, const tl_host* host, const std::string& plugin_id)
    : hub_(std::move(hub)), host_(host), calls_("the host of " + plugin_id, abi::Errors(host)) {}

void ProviderObject::open(std::uint32_t plugin, std::string_view config_json) {
  Writer payload;
  payload.string(config_json);
  hub_->tell(PacketKind::kProviderCreate, instance, plugin, std::move(payload));
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return answered_; });
  if (refusal_) throw Error(*refusal_);
}

void ProviderObject::settle_open(std::unique_ptr<Error> error) {
  const std::lock_guard lock(mutex_);  // notified under it: who waits may free this next
  if (answered_) return;
  answered_ = true;
  refusal_ = std::move(error);
  changed_.notify_all();
}

void ProviderObject::opened(Reader& in) {
  try {
    for (std::size_t left = in.count(); left > 0; --left) {
      const std::string id = in.string();
      auto part = make_offer(id, *this, in);
      if (!part) throw Error(ErrorCode::kInvalidArgument, "there is no interface " + id, "interface");
      include(*part);
      parts_.push_back(std::move(part));
    }
    bind(host_);
    settle_open(nullptr);
  } catch (...) {
    settle_open(std::make_unique<Error>(current_error()));
  }
}
void ProviderObject::refused(Error error) { settle_open(std::make_unique<Error>(std::move(error))); }

void write_call(Writer& out, std::uint32_t part, std::uint32_t operation, const Call& call) {
  out.number(part);
  out.number(operation);
  write(out, call.deadline());
  out.string(call.idempotency_key());
  out.string(call.traceparent());
  out.string(call.resource());
}

void ProviderObject::begin(const Call& call, std::unique_ptr<ProviderCall> pending, Writer packet) {
  const std::uint32_t number = hub_->keep(std::move(pending));
  if (number == 0) return;
  hub_->subscribe(number, call);
  hub_->tell(PacketKind::kProviderCall, number, instance, std::move(packet));
}

void ProviderObject::begin_stop(void (*done)(void*), void* user) {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = done;
    stopped_user_ = user;
  }
  if (hub_->closed()) return drained();
  hub_->tell(PacketKind::kProviderStop, instance, 0);
  if (hub_->closed()) drained();  // it may have closed before it could tell us
}

void ProviderObject::drained() {
  void (*done)(void*) = nullptr;
  {
    const std::lock_guard lock(mutex_);
    done = std::exchange(stopped_, nullptr);
  }
  if (done) drain(done, stopped_user_);
}

void ProviderObject::environment_closed() {
  refused(gone());
  drained();
}

void ProviderObject::end() {
  ended_.store(true, std::memory_order_seq_cst);
  for (int uses = uses_.load(); uses != 0; uses = uses_.load()) uses_.wait(uses);
  calls_.close(Error(ErrorCode::kCancelled, "the provider was stopped"));
  hub_->remove(instance);
  hub_->tell(PacketKind::kProviderEnd, instance, 0);
}

ProviderObject::HostUse::HostUse(ProviderObject& object) : object_(object) {
  object_.uses_.fetch_add(1, std::memory_order_seq_cst);
  if (!object_.ended_.load(std::memory_order_seq_cst)) return;
  if (object_.uses_.fetch_sub(1) == 1) object_.uses_.notify_all();
  throw Error(ErrorCode::kFailedPrecondition, "the provider was stopped");
}
ProviderObject::HostUse::~HostUse() {
  if (object_.uses_.fetch_sub(1, std::memory_order_seq_cst) == 1) object_.uses_.notify_all();
}

std::unique_ptr<Object> ProviderObject::client(const std::shared_ptr<ProviderObject>& self, std::string_view interface_id) {
  const HostUse use(*this);
  const tl_iface found = host_->get_interface(host_->ctx, {interface_id.data(), interface_id.size()});
  auto inner = found.vtbl ? make_object(interface_id, found, calls_) : nullptr;
  return inner ? std::make_unique<HostObject>(self, std::move(inner)) : nullptr;
}

// ---- as the host sees it ----

namespace {

struct Context {
  std::shared_ptr<ProviderHub> hub;
  std::uint32_t plugin;
  std::string id;
};

using Share = std::shared_ptr<ProviderObject>;
Share& share(tl_plugin* plugin) { return *reinterpret_cast<Share*>(plugin); }

std::int32_t create(void* context, const tl_host* host, tl_str config_json, tl_plugin** out, tl_error** error) noexcept {
  const auto& plugin = *static_cast<const Context*>(context);
  Share object;
  try {
    object = std::make_shared<ProviderObject>(plugin.hub, host, plugin.id);
    object->instance = plugin.hub->add(object);
    plugin.hub->watch(object->instance, host->get_interface(host->ctx, {TL_APP_WORK_ID, sizeof TL_APP_WORK_ID - 1}));
    object->open(plugin.plugin, {config_json.data ? config_json.data : "{}", config_json.data ? config_json.size : 2});
    *out = reinterpret_cast<tl_plugin*>(new Share(object));
    return 0;
  } catch (...) {
    const Error why = current_error();
    if (object && object->instance != 0) object->end();
    *error = abi::Errors(host).make(why);
    return static_cast<std::int32_t>(why.code);
  }
}
tl_iface get_interface(tl_plugin* plugin, tl_str id) noexcept { return share(plugin)->find({id.data, id.size}); }
void stop(tl_plugin* plugin, void (*done)(void*), void* user) noexcept { share(plugin)->begin_stop(done, user); }
void destroy(tl_plugin* plugin) noexcept {
  share(plugin)->end();
  delete &share(plugin);
}
void release(void* context) noexcept {
  const std::unique_ptr<Context> plugin(static_cast<Context*>(context));
  plugin->hub->tell(PacketKind::kProviderForget, plugin->plugin, 0);
}

}  // namespace

tl_app_plugin app_plugin(std::shared_ptr<ProviderHub> hub, std::uint32_t plugin, std::string id, std::string_view manifest) {
  auto context = std::make_unique<Context>(Context{std::move(hub), plugin, std::move(id)});
  return {sizeof(tl_app_plugin),
          0,
          {manifest.data(), manifest.size()},
          context.release(),
          &create,
          &get_interface,
          &stop,
          &destroy,
          &release};
}

std::vector<std::string> run_conformance(const tl_app_plugin& plugin, std::string_view options_json) {
  std::vector<std::string> texts;
  tl_error* error = nullptr;
  const std::int32_t code = tl_conformance_run(
      &plugin, {options_json.data(), options_json.size()}, nullptr,
      [](void* user, tl_str json, tl_str text, tl_str junit) {
        auto& to = *static_cast<std::vector<std::string>*>(user);
        for (const tl_str& one : {json, text, junit}) to.emplace_back(one.data, one.size);
      },
      &texts, &error);
  if (code != 0) throw take_error(error);
  return texts;
}

}  // namespace trunkline::node
