// The implementing side: objects that offer interfaces, and the duty to complete each operation. Hand-written, header-only,
// C++20.
#pragma once
#include <atomic>
#include <exception>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "trunkline/abi.h"
#include "trunkline/call.hpp"
#include "trunkline/codec.hpp"
#include "trunkline/compiled.hpp"
#include "trunkline/errors.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

/// Base of every class that implements interfaces; each generated base class offers itself here. Keeps count of operations
/// that were begun and not completed, so that stopping can wait for them.
///
/// One object can offer several interfaces: inherit from each, or, where two have operations of the same name, keep one member
/// for each and include() it.
class Implementation {
 public:
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  virtual ~Implementation() = default;

  /// The object behind an interface id; vtbl==nullptr: not offered. [any-thread]
  tl_iface find(std::string_view id) const {
    for (const Offer& offer : offers_)
      if (offer.id == id) return offer.iface;
    return {nullptr, nullptr};
  }
  /// Whose errors are made; without one, errors of this module. Before the first operation. [lifecycle]
  void bind(const tl_host* host) {
    errors_ = abi::Errors(host);
    for (Implementation* part : parts_) part->bind(host);
  }
  const abi::Errors& errors() const { return errors_; }

  /// Refuses new operations and calls done(user) once those in flight have completed, perhaps at once. [lifecycle]
  void drain(void (*done)(void*), void* user) {
    drained_ = done;
    drained_user_ = user;
    draining_.store(true, std::memory_order_release);
    leave();  // the reference of the object itself
  }
  /// Begins an operation; false: it must be refused. leave() ends it in both cases.
  bool enter() noexcept {
    if (whole_) return whole_->enter();
    in_flight_.fetch_add(1, std::memory_order_acq_rel);
    return !draining_.load(std::memory_order_acquire);
  }
  /// The object may be gone afterwards.
  void leave() noexcept {
    if (whole_) return whole_->leave();
    if (in_flight_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (!is_drained_.exchange(true)) drained_(drained_user_);
  }

 protected:
  Implementation() = default;
  void offer(std::string_view id, tl_iface iface) { offers_.push_back({id, iface}); }
  /// Offers what `part` offers; `part` is a member of this object. In the constructor. [lifecycle]
  void include(Implementation& part) {
    part.whole_ = this;
    parts_.push_back(&part);
    offers_.insert(offers_.end(), part.offers_.begin(), part.offers_.end());
  }

 private:
  struct Offer {
    std::string_view id;
    tl_iface iface;
  };
  std::vector<Offer> offers_;
  std::vector<Implementation*> parts_;
  Implementation* whole_ = nullptr;  // counts our operations when this is a part
  abi::Errors errors_;
  std::atomic<std::uint64_t> in_flight_{1};
  std::atomic<bool> draining_{false};
  std::atomic<bool> is_drained_{false};
  void (*drained_)(void*) = nullptr;
  void* drained_user_ = nullptr;
};

namespace abi {

/// Type of `done` for a C++ result.
template <class T>
struct DoneOf {
  using Type = void (*)(void* user, const typename Codec<T>::C* result, tl_error* error);
};
template <>
struct DoneOf<void> {
  using Type = void (*)(void* user, tl_error* error);
};

/// Finds a Completion that an exception on its way to the caller has destroyed, so that the call fails with that exception
/// and not with "dropped". One for each operation that is being started on this thread.
class UnwindScope {
 public:
  explicit UnwindScope(void* user) : user_(user), exceptions_(std::uncaught_exceptions()), outer_(current()) { current() = this; }
  UnwindScope(const UnwindScope&) = delete;
  ~UnwindScope() { current() = outer_; }
  bool returned() const { return returned_; }

  /// Called by a Completion that is destroyed while it is armed. True: the scope answers.
  static bool give_back(void* user) noexcept {
    UnwindScope* scope = current();
    if (!scope || scope->user_ != user || std::uncaught_exceptions() <= scope->exceptions_) return false;
    return scope->returned_ = true;
  }

 private:
  static UnwindScope*& current() noexcept {
    static thread_local constinit UnwindScope* scope = nullptr;
    return scope;
  }
  void* user_;
  int exceptions_;
  bool returned_ = false;
  UnwindScope* outer_;
};

}  // namespace abi

/// The duty to complete one operation exactly once, on any thread. Dropping it fails the operation.
template <class T>
class Completion {
 public:
  using Done = typename abi::DoneOf<T>::Type;

  Completion() = default;
  Completion(Done done, void* user, Implementation* owner) : done_(done), user_(user), owner_(owner) {}
  Completion(Completion&& other) noexcept
      : done_(std::exchange(other.done_, nullptr)), user_(other.user_), owner_(other.owner_) {}
  Completion& operator=(Completion&& other) noexcept {
    std::swap(done_, other.done_);
    std::swap(user_, other.user_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~Completion() {
    if (!done_) return;
    if (abi::UnwindScope::give_back(user_)) return;
    reject(Error(ErrorCode::kInternal, "the operation was dropped"));
  }

  /// True: not completed yet.
  explicit operator bool() const { return done_ != nullptr; }

  void resolve() requires std::is_void_v<T> {
    const Done done = std::exchange(done_, nullptr);
    done(user_, nullptr);
    owner_->leave();
  }
  /// A value, or a stream that is handed over.
  template <class U = T>
  requires(!std::is_void_v<T>) void resolve(U&& value) {
    if constexpr (requires { typename abi::Codec<T>::Owner; })
      resolve_raw(abi::Codec<T>::lower(std::forward<U>(value), *owner_));
    else
      resolve_lowered(value);
  }
  /// A result in C form, borrowed until this returns.
  template <class C>
  requires(!std::is_void_v<T>) void resolve_raw(const C& result) {
    const Done done = std::exchange(done_, nullptr);
    done(user_, &result, nullptr);
    owner_->leave();
  }
  void reject(const Error& error) noexcept {
    const Done done = std::exchange(done_, nullptr);
    tl_error* made = owner_->errors().make(error);
    if constexpr (std::is_void_v<T>)
      done(user_, made);
    else
      done(user_, nullptr, made);
    owner_->leave();
  }
  void complete(Result<T> result) {
    if (!result.ok()) return reject(result.error());
    if constexpr (std::is_void_v<T>)
      resolve();
    else
      resolve(std::move(result).value());
  }

 private:
  template <class U>
  void resolve_lowered(const U& value) {
    abi::Arena arena;
    if constexpr (std::is_same_v<U, T>)
      resolve_raw(abi::Codec<T>::lower(value, arena));
    else {
      const T converted(value);  // must outlive its C form
      resolve_raw(abi::Codec<T>::lower(converted, arena));
    }
  }

  Done done_ = nullptr;
  void* user_ = nullptr;
  Implementation* owner_ = nullptr;
};

namespace abi {

/// Runs one operation of an object: body(Completion<T>) begins it. No exception leaves. One for each result: `body` is erased.
template <class T>
void serve_with(Implementation& owner, typename DoneOf<T>::Type done, void* user, void* body,
                void (*begin)(void* body, Completion<T> completion)) noexcept {
  const bool accepted = owner.enter();
  Completion<T> completion(done, user, &owner);
  if (!accepted) return completion.reject(Error(ErrorCode::kUnavailable, "stopping"));
  UnwindScope scope(user);
  try {
    begin(body, std::move(completion));
  } catch (...) {
    // Unless somebody still holds the completion, it came back here or never left.
    if (completion)
      completion.reject(current_error());
    else if (scope.returned())
      Completion<T>(done, user, &owner).reject(current_error());
  }
}
template <class T, class Body>
void serve(Implementation& owner, typename DoneOf<T>::Type done, void* user, Body body) noexcept {
  serve_with<T>(owner, done, user, &body,
                [](void* erased, Completion<T> completion) { (*static_cast<Body*>(erased))(std::move(completion)); });
}
/// The same for an operation that gives its result at once.
template <class T, class Body>
void serve_now(Implementation& owner, typename DoneOf<T>::Type done, void* user, Body body) noexcept {
  serve<T>(owner, done, user, [&](Completion<T> completion) {
    if constexpr (std::is_void_v<T>) {
      body();
      completion.resolve();
    } else {
      completion.resolve(body());
    }
  });
}
/// Lets a coroutine complete an operation.
template <class T>
void complete_from(Completion<T> done, Task<T> task) {
  spawn(std::move(task), [done = std::move(done)](Result<T> result) mutable { done.complete(std::move(result)); });
}
template <class T, class Make>
void complete_with(Completion<T> done, Make make) {
  Task<T> task = make();
  complete_from(std::move(done), std::move(task));
}
[[noreturn]] inline void unimplemented(const char* operation) {
  throw Error(ErrorCode::kUnimplemented, std::string(operation) + " is not implemented");
}

/// A parameter that must be there, checked.
template <class T>
const typename Codec<T>::C& required(const typename Codec<T>::C* c, const char* name) {
  if (!c) malformed(name, "missing");
  Codec<T>::check(*c, name);
  return *c;
}
/// Any other parameter, checked. T may be an optional.
template <class T>
const auto& checked(const auto& c, const char* name) {
  Member<T>::check(c, name);
  return c;
}

}  // namespace abi
}  // namespace trunkline
