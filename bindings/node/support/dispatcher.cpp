#include "support/dispatcher.hpp"

#include <utility>

namespace trunkline::node {

Dispatcher::Dispatcher(napi_env env, void (*drain)(void* data), void* data) : drain_(drain), data_(data) {
  napi_value name;
  napi_create_string_utf8(env, "trunkline", NAPI_AUTO_LENGTH, &name);
  const auto woken = [](napi_env env_or_null, napi_value, void* context, void*) {
    // Null while the environment is torn down.
    if (env_or_null == nullptr) return;
    auto* self = static_cast<Dispatcher*>(context);
    self->drain_(self->data_);
  };
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, woken, &wake_);
  if (status != napi_ok) throw Error(ErrorCode::kInternal, "Node.js cannot make a thread-safe function");
  napi_unref_threadsafe_function(env, wake_);
}

void Dispatcher::post(Packet packet) {
  // The owner is asked first: nobody else may look at inline_call_.
  if (owner_ == std::this_thread::get_id() && inline_call_ != kNone && packet.call == inline_call_) {
    inline_packet_ = std::make_unique<Packet>(std::move(packet));
    return;
  }
  // Declared before the lock: what the packet holds may only be destroyed once the lock is free.
  std::unique_ptr<Object> dropped;
  std::lock_guard lock(mutex_);
  if (closed_) {
    dropped = std::move(packet.object);
    return;
  }
  const bool wake = packets_.empty();
  if (on_post_) on_post_();
  packets_.push_back(std::move(packet));
  if (wake) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

std::vector<Packet> Dispatcher::take() {
  std::vector<Packet> packets;
  std::lock_guard lock(mutex_);
  packets.swap(packets_);
  return packets;
}

void Dispatcher::close() {
  std::vector<Packet> dropped;
  std::lock_guard lock(mutex_);
  if (closed_) return;
  closed_ = true;
  dropped.swap(packets_);
  napi_release_threadsafe_function(wake_, napi_tsfn_abort);
}

std::unique_ptr<Packet> Dispatcher::end() {
  inline_call_ = kNone;
  return std::move(inline_packet_);
}

}  // namespace trunkline::node
