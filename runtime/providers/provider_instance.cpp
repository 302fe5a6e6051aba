#include "runtime/providers/provider_instance.h"

#include <algorithm>
#include <utility>

namespace trunkline {

/// Where it is told that nobody holds the instance any more. Outlives both.
struct ProviderInstance::LeaseWatch {
  std::mutex mutex;
  std::condition_variable changed;
  int leases = 0;  // there are
  std::function<void()> hook;

  bool gone() const { return leases == 0; }
  void let_go() noexcept {
    std::function<void()> tell;
    {
      const std::lock_guard lock(mutex);
      if (--leases > 0) return;
      tell = hook;
    }
    changed.notify_all();
    if (tell) tell();
  }
};

/// Shared by the provider, while it gives the instance away, and by every client that may begin a call.
struct ProviderInstance::Lease {
  explicit Lease(std::shared_ptr<LeaseWatch> w) : watch(std::move(w)) {
    const std::lock_guard lock(watch->mutex);
    ++watch->leases;
  }
  ~Lease() { watch->let_go(); }
  const std::shared_ptr<LeaseWatch> watch;
};

ProviderInstance::ProviderInstance(ProviderConfig config, InstanceCode code, std::unique_ptr<plugin::PluginInstance> instance,
                                   std::shared_ptr<const plugin::StatusBoard> status, Time since)
    : config_(std::move(config)),
      code_(std::move(code)),
      manifest_(instance->manifest()),
      status_(std::move(status)),
      since_(since),
      instance_(std::move(instance)),
      calls_(&instance_->calls()),
      interfaces_(instance_->interfaces()),
      watch_(std::make_shared<LeaseWatch>()),
      lease_(std::make_shared<Lease>(watch_)) {
  for (const std::string& id : interfaces_) ifaces_.push_back(instance_->interface(id));
  if (const auto client = this->client<email::EmailProviderClient>(lease_)) email_capabilities_ = client.capabilities();
  if (const auto client = this->client<sms::SmsProviderClient>(lease_)) sms_capabilities_ = client.capabilities();
  if (const auto client = this->client<identity::IdentityProviderClient>(lease_)) identity_capabilities_ = client.capabilities();
  if (const auto client = this->client<chat::ChatProviderClient>(lease_)) chat_capabilities_ = client.capabilities();
}

void ProviderInstance::renew_lease() { lease_ = std::make_shared<Lease>(watch_); }

bool ProviderInstance::wait_idle(std::chrono::milliseconds patience) {
  // Told by whoever ends the last call or lets go of the instance; shared with them, who may still be about afterwards.
  struct Told {
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t count = 0;
  };
  const auto told = std::make_shared<Told>();
  on_idle([told] {
    const std::lock_guard lock(told->mutex);
    ++told->count;
    told->changed.notify_all();
  });
  const auto until = std::chrono::steady_clock::now() + patience;
  bool idle = false;
  for (std::uint64_t seen = 0;;) {
    idle = is_idle();
    std::unique_lock lock(told->mutex);
    if (idle || !told->changed.wait_until(lock, until, [&] { return told->count != seen; })) break;
    seen = told->count;
  }
  on_idle({});
  return idle;
}

ProviderInstance::~ProviderInstance() = default;

tl_iface ProviderInstance::interface(std::string_view id) const {
  for (std::size_t i = 0; i < interfaces_.size(); ++i)
    if (interfaces_[i] == id) return ifaces_[i];
  return {nullptr, nullptr};
}

bool ProviderInstance::is_idle() const {
  {
    const std::lock_guard lock(watch_->mutex);
    if (!watch_->gone() && !lent_) return false;
  }
  return !instance_ || calls_->pending() == 0;
}

void ProviderInstance::on_idle(std::function<void()> hook) {
  {
    const std::lock_guard lock(watch_->mutex);
    watch_->hook = hook;
  }
  if (instance_) calls_->on_idle(std::move(hook));
}

void ProviderInstance::begin_stop() {
  if (instance_ && !std::exchange(stopping_, true)) instance_->begin_stop();
}

ProviderInstance::End ProviderInstance::finish_stop(std::chrono::milliseconds patience, Clients clients) {
  End end = End::kStopped;
  if (stop_plugin(patience, clients, end)) {
    code_.copy.reset();
    if (end == End::kStopped) code_.app.reset();  // an object that was abandoned may still need it
  }
  return end;
}

ProviderInstance::End ProviderInstance::finish_stop_for_another(std::chrono::milliseconds patience, InstanceCode& code) {
  End end = End::kStopped;
  stop_plugin(patience, Clients::kWaitFor, end);
  if (end == End::kHeld) return end;
  if (abandoned_ && !code_.isolated) return End::kAbandoned;  // what it stands on is still needed
  code.copy = std::move(code_.copy);
  code.app = std::move(code_.app);
  code.isolated = code_.isolated;
  code.loaded = std::exchange(code_.loaded, nullptr);
  return End::kStopped;
}

// False: there was nothing to stop, or it is held.
bool ProviderInstance::stop_plugin(std::chrono::milliseconds patience, Clients clients, End& end) {
  if (!instance_) return false;
  end = End::kHeld;
  const auto until = std::chrono::steady_clock::now() + patience;
  if (clients == Clients::kWaitFor) {
    if (lent_) return false;
    std::unique_lock lock(watch_->mutex);
    if (!watch_->changed.wait_until(lock, until, [&] { return watch_->gone(); })) return false;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  const bool drained = instance_->finish_stop(std::max(left, std::chrono::milliseconds(0)));
  instance_.reset();
  abandoned_ = !drained;
  end = drained ? End::kStopped : End::kAbandoned;
  return true;
}

}  // namespace trunkline
