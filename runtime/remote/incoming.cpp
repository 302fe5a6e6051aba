#include "runtime/remote/incoming.h"

#include "runtime/remote/frame.h"

namespace trunkline::remote {
namespace {

constexpr int kIndexBits = 24;

struct Notify {
  void (*fn)(void*);
  void* argument;
  void operator()() const { fn(argument); }
};
using Subscription = std::stop_callback<Notify>;

tl_bool is_cancelled(void* context) { return static_cast<const std::stop_token*>(context)->stop_requested(); }
std::uint64_t subscribe(void* context, void (*fn)(void*), void* argument) {
  const auto& token = *static_cast<const std::stop_token*>(context);
  if (token.stop_requested()) {
    fn(argument);
    return 0;
  }
  return reinterpret_cast<std::uint64_t>(new Subscription(token, Notify{fn, argument}));
}
// The destructor waits for a function that runs on another thread, as tl_cancel promises.
void unsubscribe(void*, std::uint64_t cookie) { delete reinterpret_cast<Subscription*>(cookie); }

}  // namespace

void Incoming::make_cancellable() {
  stop = std::stop_source();
  token = stop.get_token();
  cancel = {sizeof cancel, 0, &token, &is_cancelled, &subscribe, &unsubscribe};
  call.cancel = &cancel;
}

IncomingPool& IncomingPool::instance() {
  static auto& pool = *new IncomingPool;  // outlives every thread that may still complete a call
  return pool;
}

Incoming& IncomingPool::acquire() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    Incoming& made = all_.emplace_back();
    made.index = static_cast<std::uint32_t>(all_.size() - 1);
    made.live = true;
    return made;
  }
  Incoming& call = *free_.back();
  free_.pop_back();
  call.live = true;
  return call;
}

void* IncomingPool::handle(const Incoming& call) { return reinterpret_cast<void*>(call.generation << kIndexBits | call.index); }

// With mutex_ held.
Incoming* IncomingPool::find(std::uint64_t handle) {
  const std::uint64_t index = handle & ((std::uint64_t{1} << kIndexBits) - 1);
  if (index >= all_.size()) return nullptr;
  Incoming& call = all_[index];
  return call.live && call.generation == handle >> kIndexBits ? &call : nullptr;
}

Incoming* IncomingPool::claim(void* handle, const wire::Operation* operation) {
  const std::lock_guard lock(mutex_);
  Incoming* const call = find(reinterpret_cast<std::uint64_t>(handle));
  if (!call || call->operation != operation) return nullptr;
  call->live = false;
  return call;
}

void IncomingPool::cancel(void* handle) {
  std::stop_source stop(std::nostopstate);
  {
    const std::lock_guard lock(mutex_);
    if (const Incoming* const call = find(reinterpret_cast<std::uint64_t>(handle))) stop = call->stop;
  }
  stop.request_stop();
}

void IncomingPool::release(Incoming& call) {
  call.peer.reset();
  call.stop = std::stop_source(std::nostopstate);
  call.token = {};
  call.call = {};
  call.item = nullptr;
  call.operation = nullptr;
  constexpr std::size_t kKeptBytes = 16 * 1024;
  give_back(call.body, kKeptBytes);
  call.arena.reset();
  const std::lock_guard lock(mutex_);
  ++call.generation;
  free_.push_back(&call);
}

std::size_t IncomingPool::live() const {
  const std::lock_guard lock(mutex_);
  return all_.size() - free_.size();
}

}  // namespace trunkline::remote
