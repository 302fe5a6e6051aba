// The giving side of a stream. Hand-written, header-only, C++20.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "trunkline/completion.hpp"

namespace trunkline {

/// What an operation that returns a stream gives: a source that the receiver pulls from. next() is never called while one is
/// pending. [strand]
template <class T>
class StreamSource {
 public:
  virtual ~StreamSource() = default;
  /// 1 to `max` items as soon as there are some; none: the end.
  virtual Task<std::vector<T>> next(std::uint32_t max) = 0;
  /// Nobody will read on: end a pending next() soon, in any way. May run beside it.
  virtual void close() {}
};

namespace abi {

/// A stream in C form. Lives until the receiver has closed it and no next() is pending.
template <class T>
class StreamServant {
 public:
  static tl_stream make(std::unique_ptr<StreamSource<T>> source, const Errors& errors) {
    return {new StreamServant(std::move(source), errors), &kVtbl};
  }

 private:
  using Done = void (*)(void* user, const tl_list* items, tl_error* error);

  StreamServant(std::unique_ptr<StreamSource<T>> source, const Errors& errors) : source_(std::move(source)), errors_(errors) {}
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  static void next(void* self, std::uint32_t max, Done done, void* user) noexcept {
    auto* servant = static_cast<StreamServant*>(self);
    servant->references_.fetch_add(1, std::memory_order_relaxed);
    const auto finish = [servant, done, user](Result<std::vector<T>> result) {
      if (result.ok()) {
        Arena arena;
        const tl_list items = Codec<std::vector<T>>::lower(result.value(), arena);
        done(user, &items, nullptr);
      } else {
        done(user, nullptr, servant->errors_.make(result.error()));
      }
      servant->release();
    };
    try {
      spawn(servant->source_->next(max ? max : 1), finish);
    } catch (...) {
      finish(current_error());
    }
  }
  static void close(void* self) noexcept {
    auto* servant = static_cast<StreamServant*>(self);
    try {
      servant->source_->close();
    } catch (...) {  // nobody is left to be told
    }
    servant->release();
  }
  static constexpr tl_stream_vtbl kVtbl{sizeof(tl_stream_vtbl), 0, &next, &close};

  std::unique_ptr<StreamSource<T>> source_;
  Errors errors_;
  std::atomic<int> references_{1};
};

template <class T>
struct Codec<std::unique_ptr<StreamSource<T>>> {
  using C = tl_stream;
  using Owner = Implementation;
  static C lower(std::unique_ptr<StreamSource<T>>&& source, const Implementation& owner) {
    if (!source) throw Error(ErrorCode::kInternal, "an operation gave no stream");
    return StreamServant<T>::make(std::move(source), owner.errors());
  }
};

}  // namespace abi
}  // namespace trunkline
