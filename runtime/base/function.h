// A move-only std::function. std::move_only_function is C++23.
#pragma once
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace trunkline {

template <class Signature>
class UniqueFunction;

/// Owns one callable; calls of an empty one are undefined. Callables up to 6 words live inside it.
template <class R, class... A>
class UniqueFunction<R(A...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}
  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> && std::is_invocable_r_v<R, std::decay_t<F>&, A...>)
      UniqueFunction(F&& f) {
    using Fn = std::decay_t<F>;
    if constexpr (sizeof(Fn) <= sizeof(space_) && alignof(Fn) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Fn>) {
      ::new (static_cast<void*>(space_)) Fn(std::forward<F>(f));
      ops_ = &kInline<Fn>;
    } else {
      ::new (static_cast<void*>(space_)) Fn*(new Fn(std::forward<F>(f)));
      ops_ = &kHeap<Fn>;
    }
  }
  UniqueFunction(UniqueFunction&& other) noexcept : ops_(std::exchange(other.ops_, nullptr)) {
    if (ops_) ops_->move(other.space_, space_);
  }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      ops_ = std::exchange(other.ops_, nullptr);
      if (ops_) ops_->move(other.space_, space_);
    }
    return *this;
  }
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return ops_ != nullptr; }
  R operator()(A... args) { return ops_->call(space_, std::forward<A>(args)...); }
  void reset() {
    if (ops_) std::exchange(ops_, nullptr)->destroy(space_);
  }

 private:
  struct Ops {
    R (*call)(void*, A&&...);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };
  template <class Fn>
  static constexpr Ops kInline{[](void* p, A&&... args) -> R { return (*static_cast<Fn*>(p))(std::forward<A>(args)...); },
                               [](void* from, void* to) noexcept {
                                 ::new (to) Fn(std::move(*static_cast<Fn*>(from)));
                                 static_cast<Fn*>(from)->~Fn();
                               },
                               [](void* p) noexcept { static_cast<Fn*>(p)->~Fn(); }};
  template <class Fn>
  static constexpr Ops kHeap{[](void* p, A&&... args) -> R { return (**static_cast<Fn**>(p))(std::forward<A>(args)...); },
                             [](void* from, void* to) noexcept { ::new (to) Fn*(*static_cast<Fn**>(from)); },
                             [](void* p) noexcept { delete *static_cast<Fn**>(p); }};

  const Ops* ops_ = nullptr;
  alignas(std::max_align_t) std::byte space_[6 * sizeof(void*)];
};

}  // namespace trunkline
