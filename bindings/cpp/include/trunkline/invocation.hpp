// How a call gets into its slot, and how its completion becomes a Result. Hand-written, header-only, C++20; used by client.hpp
// and stream_client.hpp.
//
// An operation is described by a struct Op:
//   kName: its name;  kSlot: pointer to its member of the vtable;  Value: the C++ result (void, T or StreamClient<T>)
#pragma once
#include <tuple>
#include <type_traits>

#include "trunkline/call_table.hpp"

namespace trunkline::abi {

/// How a result of type T is read; specialised for streams.
template <class T>
struct Returned {
  using C = typename Codec<T>::C;
  using View = typename Codec<T>::View;
  static T lift(CallCore&, const C& c) {
    Codec<T>::check(c, "result");
    T value{};
    Codec<T>::lift(c, value);
    return value;
  }
  static void dispose(const C&) {}
};
/// Puts a call into a slot. State has `static void complete(...)` (the `done` function), `kType`, and fail(Error).
template <class State, class... A>
State* emplace(CallSlot& slot, A&&... args) {
  if constexpr (sizeof(State) <= CallSlot::kSpace && alignof(State) <= 16) {
    auto* state = ::new (static_cast<void*>(slot.space)) State{std::forward<A>(args)...};
    slot.operation = state;
    slot.destroy = [](CallSlot& s) noexcept { static_cast<State*>(s.operation)->~State(); };
    return state;
  } else {
    auto* state = new State{std::forward<A>(args)...};
    slot.operation = state;
    slot.destroy = [](CallSlot& s) noexcept { delete static_cast<State*>(s.operation); };
    return state;
  }
}

/// Makes the slot known as pending and arms its deadline. From here on another thread may complete it.
inline CallHandle publish(CallSlot& slot, CallCore& core) {
  slot.prepare();
  slot.previous_core.store(slot.core.load(std::memory_order_relaxed), std::memory_order_relaxed);
  slot.core.store(&core, std::memory_order_relaxed);
  core.pending.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t generation = (slot.generation() + 1) & CallSlot::kGenerationMask;
  if (!generation) generation = 1;  // a handle is never 0
  slot.state.store(generation << 3 | static_cast<std::uint64_t>(Phase::kPending), std::memory_order_release);
  const CallHandle handle = generation << CallSlot::kIndexBits | slot.index;
  if (slot.options.deadline && core.tracks_deadlines.load(std::memory_order_acquire)) {
    const Time due = *slot.options.deadline;
    if (core.add_deadline(due, handle)) {
      std::function<void(Time)> hook;
      {
        const std::lock_guard lock(core.mutex);
        hook = core.on_deadline;
      }
      if (hook) hook(due);
    }
  }
  return handle;
}

template <class State>
CallHandle publish(CallSlot& slot, CallCore& core) {
  slot.type.store(&State::kType, std::memory_order_relaxed);
  slot.fail = [](CallSlot& s, Error&& error) noexcept { static_cast<State*>(s.operation)->fail(std::move(error)); };
  return publish(slot, core);
}

inline void* as_user(CallHandle handle) { return reinterpret_cast<void*>(handle); }

/// A completion has arrived: claims its call and checks the guards. Reports what is wrong with it.
inline Claimed claim_done(void* user, const void* type, std::string_view operation) noexcept {
  const Claimed claimed = claim(reinterpret_cast<CallHandle>(user), type, operation);
  if (claimed.how == Claim::kRefused) return claimed;  // nothing in it can be trusted or owned
  // In kLateShared the thread that expires the call releases the slot, perhaps right now.
  if (claimed.how != Claim::kLateShared && !claimed.slot->intact())
    claimed.core->report(CallIncident::Kind::kOverrun, operation, "memory around the arguments was overwritten");
  if (claimed.how != Claim::kLive) claimed.core->report(CallIncident::Kind::kLateDone, operation);
  return claimed;
}
/// A completion: hands on to State::finish(core, result, error) what the caller still waits for.
template <class State, class C>
void on_done(void* user, const C* result, tl_error* error) noexcept {
  const Claimed claimed = claim_done(user, &State::kType, State::name());
  if (claimed.how == Claim::kRefused) return;
  if (claimed.how == Claim::kLive) {
    static_cast<State*>(claimed.slot->operation)->finish(*claimed.core, result, error);
    release_slot(*claimed.slot);
    return;
  }
  if (error)
    claimed.core->errors.free(error);
  else if (result)
    State::dispose(*result);
  if (claimed.how == Claim::kLate) release_slot(*claimed.slot);
}

/// The error of a completion, or nothing when it has a result that may be read.
inline std::optional<Error> completion_error(CallCore& core, std::string_view operation, bool has_result, tl_error* error) {
  if (error) return core.errors.take(error);
  if (has_result) return std::nullopt;
  core.report(CallIncident::Kind::kBadResult, operation, "neither a result nor an error");
  return Error(ErrorCode::kInternal,
               core.provider + " completed " + std::string(operation) + " with neither a result nor an error");
}
inline Error bad_result(CallCore& core, std::string_view operation, const Error& why) {
  core.report(CallIncident::Kind::kBadResult, operation, why.message);
  return Error(ErrorCode::kInternal,
               core.provider + " completed " + std::string(operation) + " with a result that cannot be read: " + why.message);
}
/// Reads a result, or says why it cannot be read.
template <class Value, class C>
Result<Value> read_result(CallCore& core, std::string_view operation, const C& result) noexcept {
  try {
    return Returned<Value>::lift(core, result);
  } catch (const Error& why) {
    return bad_result(core, operation, why);
  } catch (...) {
    return current_error();
  }
}

/// A call that owns its arguments and ends in done(Result<Value>).
template <class Op, class F, class... P>
struct OwnedCall {
  using Operation = Op;
  using Value = typename Op::Value;
  static inline const char kType = 0;
  static constexpr std::string_view name() { return Op::kName; }

  F done;
  std::tuple<P...> arguments;

  void fail(Error&& error) noexcept { done(Result<Value>(std::move(error))); }
  template <class C>
  void finish(CallCore& core, const C* result, tl_error* error) noexcept {
    if (auto failed = completion_error(core, Op::kName, result != nullptr, error)) return done(Result<Value>(std::move(*failed)));
    if constexpr (std::is_void_v<Value>) {
      done(Result<Value>());
    } else {
      done(read_result<Value>(core, Op::kName, *result));
    }
  }
  static void dispose(const auto& result) {
    if constexpr (!std::is_void_v<Value>) Returned<Value>::dispose(result);
  }
};

/// A call whose arguments the caller keeps alive. Ends in done(View, const Error*), or done(const Error*) without a result.
template <class Op, class F>
struct RawCall {
  using Value = typename Op::Value;
  static inline const char kType = 0;
  static constexpr std::string_view name() { return Op::kName; }

  F done;

  void fail(Error&& error) noexcept { tell(&error); }
  template <class C>
  void finish(CallCore& core, const C* result, tl_error* error) noexcept {
    if (auto failed = completion_error(core, Op::kName, result != nullptr, error)) return tell(&*failed);
    if constexpr (std::is_void_v<Value>) {
      done(static_cast<const Error*>(nullptr));
    } else {
      try {
        Codec<Value>::check(*result, "result");
      } catch (const Error& why) {
        const Error bad = bad_result(core, Op::kName, why);
        return tell(&bad);
      }
      done(Codec<Value>::view(*result), static_cast<const Error*>(nullptr));
    }
  }
  static void dispose(const auto&) {}

 private:
  void tell(const Error* error) noexcept {
    if constexpr (std::is_void_v<Value>)
      done(error);
    else
      done(typename Codec<Value>::View{}, error);
  }
};

/// The typed `done` of a State, as the vtable wants it.
template <class State, class Value>
struct Done {
  static void complete(void* user, const typename Returned<Value>::C* result, tl_error* error) noexcept {
    on_done<State>(user, result, error);
  }
};
template <class State>
struct Done<State, void> {
  static void complete(void* user, tl_error* error) noexcept {
    static constexpr char kNothing = 0;
    on_done<State>(user, &kNothing, error);
  }
};

}  // namespace trunkline::abi
