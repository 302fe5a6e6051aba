// The deadlines of a provider's calls: the host tells its caller when one passes; here its task is cancelled.
#include "support/provider.hpp"

namespace trunkline::pyrt {

/// Rings on the loop when a wait of the host's clock has ended.
class Alarm final : public Delivery, public abi::Receiver<void> {
 public:
  Alarm(std::weak_ptr<ProviderObject> object, std::shared_ptr<LoopBridge> bridge)
      : object_(std::move(object)), bridge_(std::move(bridge)) {}
  void complete(Result<void> result) noexcept override {
    in_time_ = result.ok();
    const std::shared_ptr<LoopBridge> bridge = std::move(bridge_);
    bridge->post(std::unique_ptr<Delivery>(this));
  }
  void deliver() noexcept override {
    if (const auto object = object_.lock()) object->expire(in_time_);
  }

 private:
  const std::weak_ptr<ProviderObject> object_;
  std::shared_ptr<LoopBridge> bridge_;
  bool in_time_ = false;
};

void ProviderObject::watch_deadline(ProviderCall& call) {
  const auto deadline = call.call.deadline();
  if (!deadline) return;
  call.deadline = *deadline;
  auto at = due_.end();
  while (at != due_.begin() && (*std::prev(at))->deadline > *deadline) --at;
  call.due = due_.insert(at, &call);
  arm();
}

host::ClockClient ProviderObject::clock() const {
  const std::string_view id = host::ClockClient::kInterfaceId;
  return host::ClockClient(host_->get_interface(host_->ctx, {id.data(), id.size()}), calls_->calls());
}

void ProviderObject::arm() {
  if (due_.empty() || due_.front()->deadline >= armed_) return;
  const RuntimeHandle::Use use(*calls_);
  const host::ClockClient time = clock();
  armed_ = due_.front()->deadline;
  const Duration left = std::max(Duration{0}, armed_ - time.now());
  time.start_sleep(left, CallOptions(), Done<void>(*new Alarm(weak_from_this(), bridge_)));
}

/// An alarm that an earlier one has overtaken rings, too; it finds nothing to do.
void ProviderObject::expire(bool in_time) noexcept {
  if (!in_time) return;  // the host stops
  try {
    const RuntimeHandle::Use use(*calls_);
    armed_ = Time::max();
    for (const Time now = clock().now(); !due_.empty() && due_.front()->deadline <= now;) {
      ProviderCall& call = *due_.front();
      due_.pop_front();
      call.due.reset();
      call.task->cancel();
    }
    arm();
  } catch (const Error&) {
    // The host is gone, and its clock with it.
  }
}

}  // namespace trunkline::pyrt
