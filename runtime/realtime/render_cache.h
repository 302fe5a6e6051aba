// One rendering of a change for all who are told about it.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <mutex>

#include "runtime/net/stream.h"
#include "runtime/services/chat_stream.h"

namespace trunkline::realtime {

/// Remembers the renderings of the latest changes, since many listeners are told about one change at about the same time. A slot
/// holds the delivery itself, so that its address means nothing else meanwhile. [any-thread]
class RenderCache {
 public:
  using Render = net::SharedBytes (*)(const ChatDelivery&);
  explicit RenderCache(Render render) : render_(render) {}

  net::SharedBytes get(const ChatDeliveryPtr& delivery) {
    Slot& slot = slots_[std::hash<const ChatDelivery*>{}(delivery.get()) / sizeof(void*) % slots_.size()];
    const std::lock_guard lock(slot.mutex);  // held while rendering: those who come meanwhile would render the same
    if (slot.of != delivery) {
      slot.bytes = render_(*delivery);
      slot.of = delivery;
      ++renderings_;
    }
    return slot.bytes;
  }
  std::size_t renderings() const { return renderings_; }

 private:
  struct Slot {
    std::mutex mutex;
    ChatDeliveryPtr of;
    net::SharedBytes bytes;
  };
  const Render render_;
  std::atomic<std::size_t> renderings_{0};
  std::array<Slot, 61> slots_;  // prime: addresses of equal objects have a stride
};

}  // namespace trunkline::realtime
