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
using Receiver = abi::Receiver<R>;
template <class R>
using Done = abi::Callback<R>;

/// A borrowed callable that starts a call.
template <class R>
class Starter {
 public:
  template <class F>
  explicit Starter(const F& start)
      : context_(&start), call_([](const void* context, CallOptions options, Done<R> done) {
          (*static_cast<const F*>(context))(std::move(options), std::move(done));
        }) {}
  void operator()(CallOptions options, Done<R> done) const { call_(context_, std::move(options), std::move(done)); }

 private:
  const void* context_;
  void (*call_)(const void*, CallOptions, Done<R>);
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
template <class R>
class Pending final : public Receiver<R> {
 public:
  static std::shared_ptr<Pending> make() {
    auto pending = std::make_shared<Pending>();
    pending->self_ = pending;
    return pending;
  }
  bool is_complete() { return latch_.is_open(); }
  /// Without the GIL. False: the time was up.
  bool wait(std::optional<SteadyTime> until, GilRelease& gil) { return latch_.wait(until, gil); }
  /// After a wait that was not in vain.
  Result<R>& result() { return result_; }

  void complete(Result<R> result) noexcept override {
    const auto self = std::move(self_);
    result_ = std::move(result);
    latch_.open();
  }

 private:
  std::shared_ptr<Pending> self_;  // until it is completed
  Latch latch_;
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
template <class R, class Convert>
class AsyncCall final : public Delivery, public Receiver<R> {
 public:
  AsyncCall(py::object future, Convert convert, std::shared_ptr<LoopBridge> bridge)
      : future_(std::move(future)), convert_(std::move(convert)), bridge_(std::move(bridge)) {}
  ~AsyncCall() override {
    if (!converted_) convert_.discard(result_);
  }

  /// The completing side. Posts only when the starting side has gone on.
  void complete(Result<R> result) noexcept override {
    const std::shared_ptr<LoopBridge> bridge = bridge_;  // *this may be gone after arrive_done
    result_ = std::move(result);
    if (meet_.arrive_done()) bridge->post(std::unique_ptr<Delivery>(this));
  }
  /// The starting side, after the call was started, on the loop's thread. Delivers at once what has completed already. [GIL]
  static void started(AsyncCall* self, const std::shared_ptr<RuntimeHandle>& runtime, const std::stop_source& stop) {
    if (self->meet_.arrive_waiting()) {
      // From now on the completing side owns it; but only this thread delivers it.
      self->in_flight_.emplace(runtime, stop);
      return;
    }
    const std::unique_ptr<AsyncCall> call(self);
    call->deliver();
  }
  void deliver() noexcept override {
    try {
      if (is_done(future_)) return;
      if (!result_.ok()) return set_exception(future_, make_exception(result_.error()));
      converted_ = true;
      set_result(future_, convert_(result_));
    } catch (...) {
      set_exception(future_, current_exception_object());
    }
  }

 private:
  py::object future_;
  Convert convert_;
  std::shared_ptr<LoopBridge> bridge_;
  Result<R> result_;
  bool converted_ = false;
  std::optional<RuntimeHandle::InFlight> in_flight_;
  detail::Rendezvous meet_;
};

/// Starts a call and gives its future. `start` runs without the GIL.
template <class R, class Convert>
py::object begin_async(const std::shared_ptr<RuntimeHandle>& runtime, Convert convert, Starter<R> start) {
  empty_graveyard();
  auto bridge = LoopBridge::current();
  const std::stop_source stop;
  py::object future = new_future(stop);
  const RuntimeHandle::Use use(*runtime);
  auto* const call = new AsyncCall<R, Convert>(future, std::move(convert), std::move(bridge));
  std::exception_ptr failed;
  {
    const GilRelease gil;
    try {
      CallOptions options;
      options.stop = stop.get_token();
      start(std::move(options), Done<R>(*call));
    } catch (...) {
      failed = std::current_exception();  // the dropped Done has completed the call
    }
  }
  if (failed) {
    try {
      std::rethrow_exception(failed);
    } catch (...) {
      set_exception(future, current_exception_object());
    }
  }
  AsyncCall<R, Convert>::started(call, runtime, stop);
  return future;
}

/// Starts a call and waits for it without the GIL. Ctrl-C and the timeout end the wait and ask the other side to stop.
template <class R>
std::shared_ptr<Pending<R>> run_sync(const std::shared_ptr<RuntimeHandle>& runtime, PyObject* timeout, Starter<R> start) {
  const std::optional<SteadyTime> until = time_limit(timeout);
  const auto pending = Pending<R>::make();
  std::stop_source stop;
  bool in_time = false;
  try {
    GilRelease gil;
    {
      Done<R> done(*pending);
      const RuntimeHandle::Use use(*runtime);
      CallOptions options;
      options.stop = stop.get_token();
      start(std::move(options), std::move(done));
    }
    if (pending->is_complete()) {
      in_time = true;
    } else {
      const RuntimeHandle::InFlight in_flight(runtime, stop);
      in_time = pending->wait(until, gil);
      if (!in_time) stop.request_stop();
    }
  } catch (py::error_already_set&) {
    const GilRelease gil;  // what listens for the stop may be anybody's code
    stop.request_stop();
    throw;
  }
  if (!in_time) raise_timeout(timeout);
  if (!pending->result().ok()) raise(pending->result().error());
  return pending;
}

}  // namespace trunkline::pyrt
