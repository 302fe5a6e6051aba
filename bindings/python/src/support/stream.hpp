// Streams of Python. Hand-written.
#pragma once
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "support/call.hpp"
#include "trunkline/stream_client.hpp"

namespace trunkline::pyrt {

/// Items in batches, pulled: a batch is asked for when the last one was taken, so memory is bounded.
class Stream : public Closable {
 public:
  virtual ~Stream() = default;
  /// A list of 1 to `most` items; an empty one is the end. When the wait is given up, the batch waits for the next call.
  virtual py::object next(std::uint32_t most, PyObject* timeout) = 0;
  virtual py::object next_async(std::uint32_t most) = 0;
  /// Any thread, idempotent. Ends a pending next().
  virtual void close() = 0;
};

template <class T>
class StreamOf final : public Stream {
 public:
  StreamOf(std::shared_ptr<RuntimeHandle> runtime, StreamClient<T> client)
      : runtime_(std::move(runtime)), client_(std::make_unique<StreamClient<T>>(std::move(client))) {}
  ~StreamOf() override {
    const GilRelease gil;
    runtime_->remove(this);
    if (runtime_->closed()) [[maybe_unused]]
      auto* const leaked = client_.release();  // the other side is gone, with its memory
  }

  py::object next(std::uint32_t most, PyObject* timeout) override {
    const auto until = time_limit(timeout);
    const Iterating one(*this);
    bool in_time = false;
    {
      GilRelease gil;
      if (!pending_) {
        const RuntimeHandle::Use use(*runtime_);
        pending_ = Pending<Items>::make();
        start(most, pending_->done());
      }
      in_time = pending_->wait(until, gil);
    }
    if (!in_time) raise(Error(ErrorCode::kDeadlineExceeded, "no item came in time"));
    const auto pending = std::exchange(pending_, nullptr);
    if (!pending->result().ok()) raise(pending->result().error());
    return own(put(pending->result().value()));
  }

  py::object next_async(std::uint32_t most) override {
    auto call = std::make_unique<AsyncCallOf<Items, Batch>>(Batch{});
    auto& receiver = *call;
    const auto begin = [&](CallOptions) { start(most, Done<Items>(receiver)); };
    return begin_async(runtime_, std::move(call), Starter(begin));
  }

  void close() override {
    const GilRelease gil;
    if (!runtime_->closed()) close_for_runtime();
  }
  void close_for_runtime() noexcept override {
    const std::lock_guard lock(mutex_);
    client_->close();
  }

 private:
  using Items = std::vector<T>;
  struct Batch {
    py::object operator()(Result<Items>& result) const { return own(put(result.value())); }
    void discard(Result<Items>&) const noexcept {}
  };
  /// One thread at a time. Guarded by the GIL.
  struct Iterating {
    explicit Iterating(StreamOf& s) : stream(s) {
      if (std::exchange(s.busy_, true)) throw Error(ErrorCode::kFailedPrecondition, "another thread iterates over this stream");
    }
    ~Iterating() { stream.busy_ = false; }
    StreamOf& stream;
  };
  void start(std::uint32_t most, Done<Items> done) {
    const std::lock_guard lock(mutex_);  // `done` may run inside, and does not take it
    client_->start_next(most, std::move(done));
  }

  std::shared_ptr<RuntimeHandle> runtime_;
  std::mutex mutex_;  // guards client_; taken without the GIL
  std::unique_ptr<StreamClient<T>> client_;
  std::shared_ptr<Pending<Items>> pending_;  // of the iterating thread
  bool busy_ = false;
};

/// The Python object that owns a stream.
py::object wrap(std::unique_ptr<Stream> stream);

template <class T>
py::object open_stream(const std::shared_ptr<RuntimeHandle>& runtime, StreamClient<T> client) {
  auto stream = std::make_unique<StreamOf<T>>(runtime, std::move(client));
  runtime->add(stream.get());
  return wrap(std::move(stream));
}

/// A stream that nobody will read.
template <class T>
void discard_stream(const RuntimeHandle& runtime, StreamClient<T> client) noexcept {
  try {
    const RuntimeHandle::Use use(runtime);
    client.close();
  } catch (const Error&) {
    [[maybe_unused]] auto* const leaked = new StreamClient<T>(std::move(client));  // the other side is gone, with its memory
  }
}

}  // namespace trunkline::pyrt
