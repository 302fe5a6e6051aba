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
    if constexpr (std::is_void_v<T>)
      result_.value();
    else
      return std::move(result_).value();
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
  if (core->entrance_closed()) return Error(ErrorCode::kUnavailable, provider + " was stopped");
  return Error(ErrorCode::kResourceExhausted, "too many calls in flight");
}
/// In a handler: an exception out of the peer, which the ABI forbids but a C++ peer can commit, fails the call unless it has
/// completed.
inline void peer_threw(CallCore& core, CallHandle handle, std::string_view operation) {
  const std::string why = current_error().message;
  core.report(CallIncident::Kind::kException, operation, why);
  CallTable::abandon(
      handle, Error(ErrorCode::kInternal, core.provider + " let an exception out of " + std::string(operation) + ": " + why));
}
inline void not_synchronous(CallCore& core, CallHandle handle, std::string_view operation) {
  Error error(ErrorCode::kInternal, core.provider + " returned from " + std::string(operation) + " before it had completed");
  if (CallTable::abandon(handle, std::move(error))) core.report(CallIncident::Kind::kNotSynchronous, operation);
}

/// A call whose arguments lie in a slot and which has not begun. One type for all operations with the same result, so that what
/// waits for it is compiled once for each result and not once for each operation.
template <class Value>
class PreparedCall {
 public:
  /// Begins the call in `slot`, which it takes over.
  using Launch = CallHandle (*)(tl_iface target, CallCore& core, CallSlot& slot, Callback<Value> done);

  PreparedCall(tl_iface target, CallCore* core, std::shared_ptr<const void> keeps, std::string_view operation, Launch launch)
      : target_(target), core_(core), keeps_(std::move(keeps)), operation_(operation), launch_(launch) {}
  PreparedCall(PreparedCall&& other) noexcept
      : target_(other.target_),
        core_(other.core_),
        keeps_(std::move(other.keeps_)),
        operation_(other.operation_),
        launch_(other.launch_),
        slot_(std::exchange(other.slot_, nullptr)) {}
  ~PreparedCall() {
    if (slot_) discard(*slot_);
  }
  /// Takes a slot over that holds the arguments. Without one the call is refused.
  void hold(CallSlot& slot) { slot_ = &slot; }

  /// At most once. 0: it has failed already.
  CallHandle begin(Callback<Value> done) {
    const Visit visit(core_);
    if (slot_ && visit) return launch_(target_, *core_, *std::exchange(slot_, nullptr), std::move(done));
    done(Result<Value>(refusal(core_, operation_, launch_ != nullptr)));
    return 0;
  }
  /// Begins it and waits. Never on a thread that the other side needs to make progress.
  Value wait() {
    Outcome<Value> outcome;
    begin(Callback<Value>(outcome));
    return outcome.get();
  }
  /// Begins it; it must complete before it returns.
  Value now() {
    Outcome<Value> outcome;
    const CallHandle handle = begin(Callback<Value>(outcome));
    if (!outcome.ready()) not_synchronous(*core_, handle, operation_);
    return outcome.get();
  }

 private:
  tl_iface target_;
  CallCore* core_;
  std::shared_ptr<const void> keeps_;
  std::string_view operation_;
  Launch launch_;  // null: the other side does not have the operation
  CallSlot* slot_ = nullptr;
};

/// A prepared call as a coroutine.
template <class Value>
Task<Value> run_prepared(PreparedCall<Value> call) {
  Awaited<Value> answer;
  call.begin(Callback<Value>(answer));
  co_return co_await answer;
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
  /// Starts a call that owns its arguments.
  template <class Op, class... P>
  void start(CallOptions options, Callback<typename Op::Value> done, P... arguments) const {
    prepare<Op>({}, std::move(options), std::move(arguments)...).begin(std::move(done));
  }
  /// The same for any function, which lies beside the arguments.
  template <class Op, class F, class... P>
  void start(CallOptions options, F done, P... arguments) const {
    const bool offered = slot<Op>(target_) != nullptr;
    const Visit visit(core_);
    CallSlot* held = offered && visit ? CallPool::instance().acquire() : nullptr;
    if (!held) return done(Result<typename Op::Value>(refusal(core_, Op::kName, offered)));
    held->options = std::move(options);
    emplace<OwnedCall<Op, F, P...>>(*held, std::move(done), std::tuple<P...>(std::move(arguments)...));
    launch<OwnedCall<Op, F, P...>>(target_, *core_, *held);
  }
  /// Starts a call with arguments in C form, which the caller keeps alive until the peer has completed it.
  template <class Op, class F, class... C>
  void start_raw(CallOptions options, F done, const C&... arguments) const {
    using State = RawCall<Op, F>;
    const auto function = slot<Op>(target_);
    const Visit visit(core_);
    CallSlot* slot = function && visit ? CallPool::instance().acquire() : nullptr;
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
  /// The same as a coroutine. It holds a slot from here on, and begins the call when it is awaited.
  template <class Op, class... P>
  Task<typename Op::Value> run(CallOptions options, P... arguments) const {
    return run_prepared(prepare<Op>(keeps_, std::move(options), std::move(arguments)...));
  }
  /// The same, blocking. Never on a thread that the other side needs to make progress.
  template <class Op, class... P>
  typename Op::Value wait(CallOptions options, P... arguments) const {
    return prepare<Op>({}, std::move(options), std::move(arguments)...).wait();
  }
  /// An operation marked @sync: it must complete before it returns.
  template <class Op, class... P>
  typename Op::Value now(CallOptions options, P... arguments) const {
    return prepare<Op>({}, std::move(options), std::move(arguments)...).now();
  }

 private:
  // With launch() all the code that an operation has of its own: it is there once, not in each of the three ways to call.
  template <class Op, class... P>
  [[gnu::noinline]] PreparedCall<typename Op::Value> prepare(std::shared_ptr<const void> keeps, CallOptions&& options, P&&... arguments) const {
    using Done = Callback<typename Op::Value>;
    const bool offered = slot<Op>(target_) != nullptr;
    PreparedCall<typename Op::Value> call(target_, core_, std::move(keeps), Op::kName,
                                          offered ? &launch_with<OwnedCall<Op, Done, P...>> : nullptr);
    if (CallSlot* held = offered ? CallPool::instance().acquire() : nullptr) {
      held->options = std::move(options);
      emplace<OwnedCall<Op, Done, P...>>(*held, Done(), std::tuple<P...>(std::move(arguments)...));
      call.hold(*held);
    }
    return call;
  }
  /// Begins the call that lies in a slot. The caller is on a Visit. 0: it has failed already.
  template <class State>
  static CallHandle launch(tl_iface target, CallCore& core, CallSlot& held) {
    using Op = typename State::Operation;
    CallHandle handle = 0;  // 0: the peer does not know of it
    const auto& arguments = static_cast<State*>(held.operation)->arguments;
    try {
      std::apply(
          [&](const auto&... argument) {
            const auto call = [&](auto... lowered) {
              handle = publish<State>(held, core);
              slot<Op>(target)(target.self, &held.call, lowered..., &Done<State, typename Op::Value>::complete, as_user(handle));
            };
            call(lower_parameter(argument, held.arena)...);
          },
          arguments);
    } catch (...) {
      if (handle) {
        peer_threw(core, handle, Op::kName);
      } else {
        static_cast<State*>(held.operation)->fail(current_error());
        discard(held);
      }
    }
    return handle;
  }
  template <class State>
  static CallHandle launch_with(tl_iface target, CallCore& core, CallSlot& held, Callback<typename State::Value> done) {
    static_cast<State*>(held.operation)->done = std::move(done);
    return launch<State>(target, core, held);
  }
  /// The function in the vtable; nullptr when the other side does not have it.
  template <class Op>
  static auto slot(tl_iface target) {
    const auto* vtbl = static_cast<const Vtbl*>(target.vtbl);
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
