// Brings completions from any thread to the thread of one JavaScript environment.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "support/object.hpp"
#include "support/wire.hpp"

namespace trunkline::node {

/// What a packet tells; JavaScript's half is in node/trunkline/lib/native.cjs.
enum class PacketKind : std::uint8_t {
  kResult,
  kError,
  // Of providers that are objects of JavaScript. `call`: number of the call; the instance for the others; the plugin for kForget.
  kProviderCall,
  kProviderCancel,
  kProviderCreate,  // `handle`: the plugin
  kProviderStop,
  kProviderEnd,
  kProviderForget,
};

/// The outcome of one call, or a call of a provider.
struct Packet {
  /// The number JavaScript gave the call.
  std::uint32_t call = 0;
  PacketKind kind = PacketKind::kResult;
  /// What a provider's packet is about, besides `call`.
  Handle handle = kNoHandle;
  Writer payload;
  /// What the call made, such as a stream; JavaScript gets a handle.
  std::unique_ptr<Object> object;
  /// What the object must not outlive.
  Handle owner = kNoHandle;
};

/// One for each environment (main thread or worker). Any thread posts; one thread-safe function wakes the environment, once
/// for many packets. Unreferenced: JavaScript refs it while it waits for something, so that an idle runtime never keeps a
/// process alive.
class Dispatcher {
 public:
  /// `drain(data)` runs on the environment's thread after packets came.
  Dispatcher(napi_env env, void (*drain)(void* data), void* data);
  ~Dispatcher() = default;
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Hears of each packet before it is posted, on any thread; it must not post.
  void on_post(std::function<void()> hear) { on_post_ = std::move(hear); }

  /// [any thread] Drops the packet when the environment is gone.
  void post(Packet packet);
  /// [environment's thread]
  std::vector<Packet> take();
  void ref(napi_env env) { napi_ref_threadsafe_function(env, wake_); }
  void unref(napi_env env) { napi_unref_threadsafe_function(env, wake_); }
  /// The last moment at which the thread-safe function may be used. Under the lock, so that no post is in the middle of it.
  void close();

  /// Between begin and end on the environment's thread, a completion that comes inside the call is kept apart: it goes
  /// back as the call's return value instead of through the event loop.
  void begin(std::uint32_t call) { inline_call_ = call; }
  std::unique_ptr<Packet> end();

 private:
  static constexpr std::uint32_t kNone = 0;

  const std::thread::id owner_ = std::this_thread::get_id();
  void (*const drain_)(void* data);
  void* const data_;
  std::function<void()> on_post_;  // set before the first packet
  napi_threadsafe_function wake_ = nullptr;
  // Environment's thread only.
  std::uint32_t inline_call_ = kNone;
  std::unique_ptr<Packet> inline_packet_;

  std::mutex mutex_;
  std::vector<Packet> packets_;
  bool closed_ = false;
};

}  // namespace trunkline::node
