// Base of the generated clients. Hand-written, header-only, C++20.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>

#include "trunkline/callback.hpp"
#include "trunkline/compiled.hpp"
#include "trunkline/invocation.hpp"
#include "trunkline/stream_client.hpp"

namespace trunkline::abi {

/// The result of a call that a thread waits for.
template <class T>
class Outcome final : public Receiver<T> {
 public:
  void complete(Result<T> result) noexcept override {
    result_ = std::move(result);
    ready_.store(true, std::memory_order_release);
    ready_.notify_one();
  }
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  T get() {
    ready_.wait(false, std::memory_order_acquire);
    if constexpr (std::is_void_v<T>) result_.value();
    else return std::move(result_).value();
  }

 private:
  std::atomic<bool> ready_{false};
  Result<T> result_;
};

// What every operation does alike is not a template: there are hundreds of operations.

/// Why a call could not begin. `offered`: the other side has the operation.
inline Error refusal(const CallCore* core, std::string_view operation, bool offered) {
  const std::string provider = core ? core->provider : "nothing";
  if (!offered) return Error(ErrorCode::kUnimplemented, provider + " does not offer " + std::string(operation));
  return Error(ErrorCode::kResourceExhausted, "too many calls in flight");
}
/// In a handler: an exception out of the peer, which the ABI forbids but a C++ peer can commit, fails the call unless it has
/// completed.
inline void peer_threw(CallCore& core, CallHandle handle, std::string_view operation) {
  const std::string why = current_error().message;
  core.report(CallIncident::Kind::kException, operation, why);
  CallTable::abandon(handle, Error(ErrorCode::kInternal, core.provider + " let an exception out of " + std::string(operation) + ": " + why));
}
inline void not_synchronous(CallCore& core, CallHandle handle, std::string_view operation) {
  Error error(ErrorCode::kInternal, core.provider + " returned from " + std::string(operation) + " before it had completed");
  if (CallTable::abandon(handle, std::move(error))) core.report(CallIncident::Kind::kNotSynchronous, operation);
}

/// Base of generated clients. A small value: copy it freely; the table must outlive it. [any-thread]
/// `keeps`: what must stay while a call may be begun; a call that runs as a coroutine keeps it until it has completed.
template <class Vtbl>
class Client {
 public:
  Client() = default;
  Client(tl_iface target, CallTable& table, std::shared_ptr<const void> keeps = {})
      : target_(target), core_(&table.core()), keeps_(std::move(keeps)) {}

  /// False: the other side does not offer the interface; every call fails with kUnimplemented.
  explicit operator bool() const { return target_.vtbl != nullptr; }
  tl_iface raw() const { return target_; }

 protected:
  /// Starts a call that owns its arguments. 0: it has failed already.
  template <class Op, class F, class... P>
  CallHandle start(CallOptions options, F done, P... arguments) const {
    using State = OwnedCall<Op, F, P...>;
    const auto function = slot<Op>();
    CallSlot* slot = function ? CallPool::instance().acquire() : nullptr;
    if (!slot) {
      done(Result<typename Op::Value>(refusal(core_, Op::kName, function != nullptr)));
      return 0;
    }
    slot->options = std::move(options);
    auto* state = emplace<State>(*slot, std::move(done), std::tuple<P...>(std::move(arguments)...));
    const auto lower_all = [&](const P&... argument) { return std::tuple{lower_parameter(argument, slot->arena)...}; };
    using Lowered = decltype(std::apply(lower_all, std::as_const(state->arguments)));
    std::optional<Lowered> lowered;
    try {
      lowered.emplace(std::apply(lower_all, std::as_const(state->arguments)));
    } catch (...) {
      state->fail(current_error());
      discard(*slot);
      return 0;
    }
    const CallHandle handle = publish<State>(*slot, *core_);
    try {
      std::apply([&](auto... c) { function(target_.self, &slot->call, c..., &Done<State, typename Op::Value>::complete, as_user(handle)); },
                 *lowered);
    } catch (...) {
      peer_threw(*core_, handle, Op::kName);
    }
    return handle;
  }
  /// Starts a call with arguments in C form, which the caller keeps alive until the peer has completed it.
  template <class Op, class F, class... C>
  void start_raw(CallOptions options, F done, const C&... arguments) const {
    using State = RawCall<Op, F>;
    const auto function = slot<Op>();
    CallSlot* slot = function ? CallPool::instance().acquire() : nullptr;
    if (!slot) {
      State{std::move(done)}.fail(refusal(core_, Op::kName, function != nullptr));
      return;
    }
    slot->options = std::move(options);
    emplace<State>(*slot, std::move(done));
    const CallHandle handle = publish<State>(*slot, *core_);
    try {
      function(target_.self, &slot->call, arguments..., &Done<State, typename Op::Value>::complete, as_user(handle));
    } catch (...) {
      peer_threw(*core_, handle, Op::kName);
    }
  }
  /// The same as a coroutine.
  template <class Op, class... P>
  Task<typename Op::Value> run(CallOptions options, P... arguments) const {
    return run_on<Op>(*this, std::move(options), std::tuple<P...>(std::move(arguments)...));
  }
  /// The same, blocking. Never on a thread that the other side needs to make progress.
  template <class Op, class... P>
  typename Op::Value wait(CallOptions options, P... arguments) const {
    Outcome<typename Op::Value> outcome;
    start<Op>(std::move(options), Callback<typename Op::Value>(outcome), std::move(arguments)...);
    return outcome.get();
  }
  /// An operation marked @sync: it must complete before it returns.
  template <class Op, class... P>
  typename Op::Value now(CallOptions options, P... arguments) const {
    Outcome<typename Op::Value> outcome;
    const CallHandle handle = start<Op>(std::move(options), Callback<typename Op::Value>(outcome), std::move(arguments)...);
    if (!outcome.ready()) not_synchronous(*core_, handle, Op::kName);
    return outcome.get();
  }

 private:
  template <class Op>
  static Task<typename Op::Value> run_on(Client self, CallOptions options, auto arguments) {
    Awaited<typename Op::Value> answer;
    std::apply(
        [&](auto&... argument) {
          self.template start<Op>(std::move(options), Callback<typename Op::Value>(answer), std::move(argument)...);
        },
        arguments);
    co_return co_await answer;
  }
  /// The function in the vtable; nullptr when the other side does not have it.
  template <class Op>
  auto slot() const {
    const auto* vtbl = static_cast<const Vtbl*>(target_.vtbl);
    using Function = std::remove_cvref_t<decltype(vtbl->*Op::kSlot)>;
    if (!vtbl) return Function{nullptr};
    const auto end = reinterpret_cast<const char*>(&(vtbl->*Op::kSlot)) - reinterpret_cast<const char*>(vtbl) + sizeof(Function);
    return vtbl->struct_size >= end ? vtbl->*Op::kSlot : Function{nullptr};
  }
  tl_iface target_{};
  CallCore* core_ = nullptr;
  std::shared_ptr<const void> keeps_;
};

}  // namespace trunkline::abi
