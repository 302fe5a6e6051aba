// Calls of Python: blocking ones, which Ctrl-C ends, and those that end in an asyncio future. Hand-written.
//
// A call is started with a Done<R>, whoever waits for it; so the code of a client is compiled once for each operation.
#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "support/convert.hpp"
#include "support/errors.hpp"
#include "support/loop.hpp"
#include "support/runtime.hpp"
#include "trunkline/call.hpp"
#include "trunkline/callback.hpp"

namespace trunkline::pyrt {

template <class R>
using Done = abi::Callback<R>;

/// A borrowed callable that starts a call.
class Starter {
 public:
  template <class F>
  explicit Starter(const F& start)
      : context_(&start),
        call_([](const void* context, CallOptions options) { (*static_cast<const F*>(context))(std::move(options)); }) {}
  void operator()(CallOptions options) const { call_(context_, std::move(options)); }

 private:
  const void* context_;
  void (*call_)(const void*, CallOptions);
};

using SteadyTime = std::chrono::steady_clock::time_point;
/// Seconds from now; None: never. A negative one is refused.
std::optional<SteadyTime> time_limit(PyObject* seconds);
[[noreturn]] void raise_timeout(PyObject* seconds);

/// Waits for one completion. The completing thread needs no GIL.
class Latch {
 public:
  void open() noexcept;
  bool is_open();
  /// Without the GIL. False: the time was up. On the main thread it looks for signals meanwhile and throws what they raise, with
  /// the GIL taken back.
  bool wait(std::optional<SteadyTime> until, GilRelease& gil);

 private:
  bool done_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// What a blocking call waits for. Shared, because a wait may be given up before the completion comes.
class PendingCall {
 public:
  bool is_complete() { return latch_.is_open(); }
  /// Without the GIL. False: the time was up.
  bool wait(std::optional<SteadyTime> until, GilRelease& gil) { return latch_.wait(until, gil); }
  /// After a wait that was not in vain; nullptr: it has a result.
  virtual const Error* error() const noexcept = 0;

 protected:
  ~PendingCall() = default;
  Latch latch_;
};
template <class R>
class Pending final : public PendingCall, public abi::Receiver<R> {
 public:
  static std::shared_ptr<Pending> make() {
    auto pending = std::make_shared<Pending>();
    pending->weak_ = pending;
    return pending;
  }
  /// For the call, once. Keeps this until it is completed.
  Done<R> done() {
    self_ = weak_.lock();
    return Done<R>(*this);
  }
  /// After a wait that was not in vain.
  Result<R>& result() { return result_; }
  const Error* error() const noexcept override { return result_.ok() ? nullptr : &result_.error(); }

  void complete(Result<R> result) noexcept override {
    const auto self = std::move(self_);
    result_ = std::move(result);
    latch_.open();
  }

 private:
  std::weak_ptr<Pending> weak_;
  std::shared_ptr<Pending> self_;  // until it is completed
  Result<R> result_;
};

/// A new trunkline.aio future of the running loop, whose cancel() requests the stop.
py::object new_future(const std::stop_source& stop);
void set_future_type(py::object type);
/// Requests the stop of a future's call.
void cancel(const py::object& call);
bool is_done(const py::object& future);
void set_result(const py::object& future, const py::object& value) noexcept;
void set_exception(const py::object& future, const py::object& exception) noexcept;

/// One awaited call. Lives until it is delivered, on the loop's thread; made and destroyed with the GIL.
class AsyncCall : public Delivery {
 public:
  void deliver() noexcept final;

 protected:
  /// The completing side has stored the result. Posts only when the starting side has gone on; *this may be gone afterwards.
  void completed() noexcept;
  virtual const Error* error() const noexcept = 0;
  /// The result as Python sees it, once.
  virtual py::object convert() = 0;

 private:
  friend py::object begin_async(const std::shared_ptr<RuntimeHandle>&, std::unique_ptr<AsyncCall>, Starter);

  py::object future_;
  std::shared_ptr<LoopBridge> bridge_;
  std::optional<RuntimeHandle::InFlight> in_flight_;
  detail::Rendezvous meet_;
};
template <class R, class Convert>
class AsyncCallOf final : public AsyncCall, public abi::Receiver<R> {
 public:
  explicit AsyncCallOf(Convert convert) : convert_(std::move(convert)) {}
  ~AsyncCallOf() override {
    if (owes_) convert_.discard(result_);
  }
  void complete(Result<R> result) noexcept override {
    result_ = std::move(result);
    owes_ = true;
    completed();
  }

 private:
  const Error* error() const noexcept override { return result_.ok() ? nullptr : &result_.error(); }
  py::object convert() override {
    owes_ = false;
    return convert_(result_);
  }

  Convert convert_;
  Result<R> result_;
  bool owes_ = false;  // there is a result that Python has not seen
};

/// Starts a call and gives its future. `start` runs without the GIL and hands `call` on as the receiver.
py::object begin_async(const std::shared_ptr<RuntimeHandle>& runtime, std::unique_ptr<AsyncCall> call, Starter start);

/// Starts a call, whose receiver is `pending`, and waits for it without the GIL. Ctrl-C and the timeout end the wait and ask the
/// other side to stop. An error is raised.
void run_sync(const std::shared_ptr<RuntimeHandle>& runtime, PyObject* timeout, PendingCall& pending, Starter start);

}  // namespace trunkline::pyrt
