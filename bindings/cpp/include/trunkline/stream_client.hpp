// The receiving side of a stream. Hand-written, header-only, C++20.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "trunkline/invocation.hpp"

namespace trunkline {

/// Pulls items from the other side of the ABI. Owns the stream and closes it. Moves; not thread-safe; one next() at a time.
template <class T>
class StreamClient {
 public:
  StreamClient() = default;
  StreamClient(abi::CallCore& core, tl_stream stream) : stream_(stream), core_(&core) {}
  StreamClient(StreamClient&& other) noexcept : stream_(std::exchange(other.stream_, {})), core_(other.core_) {}
  StreamClient& operator=(StreamClient&& other) noexcept {
    std::swap(stream_, other.stream_);
    std::swap(core_, other.core_);
    return *this;
  }
  ~StreamClient() { close(); }

  explicit operator bool() const { return stream_.vtbl != nullptr; }

  /// 1 to `max` items as soon as there are some; none: the end.
  Task<std::vector<T>> next(std::uint32_t max = 100) { return pull(stream_, core_, max); }
  /// The same with done(Result<std::vector<T>>), called once on any thread, perhaps before it returns.
  template <class F>
  void start_next(std::uint32_t max, F done) {
    start(stream_, core_, max, std::move(done));
  }
  /// Also ends a pending next(), with an error or as the end. Idempotent.
  void close() {
    const tl_stream stream = std::exchange(stream_, {});
    if (stream.vtbl) stream.vtbl->close(stream.self);
  }

 private:
  struct Next {
    static constexpr std::string_view kName = "next";
    using Value = std::vector<T>;
  };
  template <class F>
  static void start(tl_stream stream, abi::CallCore* core, std::uint32_t max, F done) {
    using State = abi::OwnedCall<Next, F>;
    if (!stream.vtbl) return done(Result<std::vector<T>>(Error(ErrorCode::kFailedPrecondition, "the stream is closed")));
    abi::CallSlot* slot = abi::CallPool::instance().acquire();
    if (!slot) return done(Result<std::vector<T>>(Error(ErrorCode::kResourceExhausted, "too many calls in flight")));
    abi::emplace<State>(*slot, std::move(done), std::tuple<>());
    const abi::CallHandle handle = abi::publish<State>(*slot, *core);
    stream.vtbl->next(stream.self, max, &abi::Done<State, std::vector<T>>::complete, abi::as_user(handle));
  }
  static Task<std::vector<T>> pull(tl_stream stream, abi::CallCore* core, std::uint32_t max) {
    co_return co_await from_callback<std::vector<T>>([=](auto done) { start(stream, core, max, std::move(done)); });
  }

  tl_stream stream_{};
  abi::CallCore* core_ = nullptr;
};

namespace abi {
template <class T>
struct Returned<StreamClient<T>> {
  using C = tl_stream;
  using View = StreamClient<T>;
  static StreamClient<T> lift(CallCore& core, const tl_stream& c) {
    if (!c.vtbl || !c.vtbl->next || !c.vtbl->close) malformed("result", "a stream without functions");
    return StreamClient<T>(core, c);
  }
  /// Nobody will read it: the receiver closes.
  static void dispose(const tl_stream& c) {
    if (c.vtbl && c.vtbl->close) c.vtbl->close(c.self);
  }
};

}  // namespace abi
}  // namespace trunkline
