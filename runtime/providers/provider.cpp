#include "runtime/providers/provider.h"

#include <algorithm>
#include <utility>

namespace trunkline {

Provider::Provider(std::string name, std::unique_ptr<ProviderInstance> first)
    : name_(std::move(name)), plugin_id_(first->manifest().id), closed_("provider " + name_) {
  current_ = first.get();
  all_.push_back(std::move(first));
}

bool Provider::has_capability(std::string_view word) const {
  const std::vector<std::string>& all = current().manifest().capabilities;
  return std::find(all.begin(), all.end(), word) != all.end();
}

ProviderPin Provider::pin() const {
  const std::lock_guard lock(mutex_);
  const ProviderInstance* const instance = current_.load(std::memory_order_relaxed);
  return {instance, is_open() ? instance->lease_ : nullptr};
}

tl_iface Provider::lend_interface(std::string_view id) const {
  // At once: whoever holds it for another instance either sees that it was lent, or lends nothing any more.
  const std::lock_guard lock(mutex_);
  ProviderInstance* const serving = current_.load(std::memory_order_relaxed);
  if (held_ || !is_open() || !serving->lease_) return {nullptr, nullptr};
  const tl_iface found = serving->interface(id);
  if (!found.vtbl || serving->lent_.exchange(true)) return found;
  lent_.push_back(serving->lease_);
  return found;
}

void Provider::count(std::uint32_t number, bool failed, Time at) {
  ProviderInstance* const now = current_.load(std::memory_order_acquire);
  if (now->number() != number) return;
  if (!failed) return breaker_.success(at);
  if (breaker_.failure(at) && on_failing_ && on_probation()) on_failing_(*now, "its circuit breaker has opened");
}

// ---- for the registry ----

ProviderInstance& Provider::take_over(std::unique_ptr<ProviderInstance> next) {
  const std::lock_guard lock(mutex_);
  standby_ = current_.load(std::memory_order_relaxed);
  next->number_ = static_cast<std::uint32_t>(all_.size()) + 1;
  current_.store(next.get(), std::memory_order_release);
  all_.push_back(std::move(next));
  return *all_.back();
}

bool Provider::fall_back(const ProviderInstance& failed) {
  std::shared_ptr<const void> lease;  // goes without the mutex: it may be the last
  const std::lock_guard lock(mutex_);
  ProviderInstance* const serving = current_.load(std::memory_order_relaxed);
  if (serving != &failed || !standby_) return false;
  current_.store(std::exchange(standby_, nullptr), std::memory_order_release);
  lease = std::move(serving->lease_);
  return true;
}

ProviderInstance* Provider::dismiss() {
  std::shared_ptr<const void> lease;
  const std::lock_guard lock(mutex_);
  ProviderInstance* const before = std::exchange(standby_, nullptr);
  if (before) lease = std::move(before->lease_);
  return before;
}

std::size_t Provider::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

Provider::Presence Provider::presence() const {
  const std::lock_guard lock(mutex_);
  if (held_) return Presence::kChanges;
  if (!is_open() || !current_.load(std::memory_order_relaxed)->lease_) return Presence::kNone;
  return standby_ ? Presence::kProbation : Presence::kServes;
}

Provider::Turn Provider::pin_or_wait(ProviderPin& pin, std::function<void()> resume) const {
  const std::lock_guard lock(mutex_);
  if (held_) {
    if (waiting_.size() >= kMostWaiting) return Turn::kRefused;
    waiting_.push_back(std::move(resume));
    return Turn::kWaits;
  }
  const ProviderInstance* const instance = current_.load(std::memory_order_relaxed);
  pin = {instance, is_open() ? instance->lease_ : nullptr};
  return Turn::kNow;
}

Error Provider::too_many_wait() const {
  return std::move(Error(ErrorCode::kUnavailable,
                         "provider " + name_ + ": another instance takes over, and " + std::to_string(kMostWaiting) +
                             " callers wait for that already",
                         name_))
      .with_retry();
}

ProviderInstance* Provider::hold() {
  std::shared_ptr<const void> lease;  // goes without the mutex: it may be the last
  const std::lock_guard lock(mutex_);
  ProviderInstance* const serving = current_.load(std::memory_order_relaxed);
  if (serving->lent_) return nullptr;
  held_ = true;
  lease = std::move(serving->lease_);
  return serving;
}

std::vector<std::function<void()>> Provider::let_serve(std::unique_ptr<ProviderInstance> next, Present present) {
  const std::lock_guard lock(mutex_);
  if (next) {
    next->number_ = static_cast<std::uint32_t>(all_.size()) + 1;
    current_.store(next.get(), std::memory_order_release);
    all_.push_back(std::move(next));
  } else if (present == Present::kGoesOn) {
    current_.load(std::memory_order_relaxed)->renew_lease();
  }
  held_ = false;
  return std::exchange(waiting_, {});
}

bool Provider::on_probation() const {
  const std::lock_guard lock(mutex_);
  return standby_ != nullptr;
}

std::vector<ProviderInstance*> Provider::close() {
  std::vector<ProviderInstance*> served;
  std::vector<std::shared_ptr<const void>> leases;
  const std::lock_guard lock(mutex_);
  open_.store(false, std::memory_order_release);
  for (ProviderInstance* one : {std::exchange(standby_, nullptr), current_.load(std::memory_order_relaxed)}) {
    if (!one) continue;
    leases.push_back(std::move(one->lease_));
    served.push_back(one);
  }
  return served;
}

}  // namespace trunkline
