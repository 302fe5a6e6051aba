#include "support/call.hpp"

#include <cmath>

namespace trunkline::pyrt {
namespace {

/// How often the main thread looks for signals while it waits. Ctrl-C is to act within 100 ms.
constexpr auto kSignalPoll = std::chrono::milliseconds(40);
constexpr const char* kStopName = "trunkline.stop";

PyObject* g_future_type = nullptr;

PyObject* interned(const char* name) {
  PyObject* text = PyUnicode_InternFromString(name);
  if (!text) throw py::error_already_set();
  return text;
}

void settle(const py::object& future, PyObject* method, const py::object& value) noexcept {
  PyObject* done = PyObject_CallMethodOneArg(future.ptr(), method, value.ptr());
  if (done)
    Py_DECREF(done);
  else
    PyErr_WriteUnraisable(future.ptr());
}

}  // namespace

std::optional<SteadyTime> time_limit(PyObject* seconds) {
  if (seconds == Py_None) return std::nullopt;
  double value = 0;
  argument("timeout", seconds, value);
  if (!(value >= 0))
    throw Error(ErrorCode::kInvalidArgument, "timeout must not be negative: found " + std::to_string(value), "timeout");
  constexpr double kYear = 365.0 * 86400;
  if (value > kYear) return std::nullopt;
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(value));
}

void raise_timeout(PyObject* seconds) {
  raise(Error(ErrorCode::kDeadlineExceeded, "no answer came within " + text_of(seconds) + " s"));
}

void Latch::open() noexcept {
  const std::lock_guard lock(mutex_);  // notified under the lock: the waiting side may free the latch as soon as it sees done_
  done_ = true;
  changed_.notify_one();
}

bool Latch::is_open() {
  const std::lock_guard lock(mutex_);
  return done_;
}

bool Latch::wait(std::optional<SteadyTime> until, GilRelease& gil) {
  if (is_open()) return true;
  const bool watch = GilRelease::on_main_thread();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      auto next = until;
      if (watch) {
        const SteadyTime poll = std::chrono::steady_clock::now() + kSignalPoll;
        next = until ? std::min(*until, poll) : poll;
      }
      const auto done = [this] { return done_; };
      if (!next) {
        changed_.wait(lock, done);
        return true;
      }
      if (changed_.wait_until(lock, *next, done)) return true;
    }
    if (watch) gil.check_signals();
    if (until && std::chrono::steady_clock::now() >= *until) return false;
  }
}

void set_future_type(py::object type) { g_future_type = type.release().ptr(); }

py::object new_future(const std::stop_source& stop) {
  static PyObject* const call_name = interned("_call");
  if (!g_future_type) throw Error(ErrorCode::kFailedPrecondition, "import trunkline.aio first");
  const py::object future = own(PyObject_CallNoArgs(g_future_type));
  auto copy = std::make_unique<std::stop_source>(stop);
  const py::object capsule = own(PyCapsule_New(copy.get(), kStopName, [](PyObject* self) {
    delete static_cast<std::stop_source*>(PyCapsule_GetPointer(self, kStopName));
  }));
  copy.release();
  if (PyObject_SetAttr(future.ptr(), call_name, capsule.ptr()) != 0) throw py::error_already_set();
  return future;
}

void cancel(const py::object& call) {
  auto* stop = static_cast<std::stop_source*>(PyCapsule_GetPointer(call.ptr(), kStopName));
  if (!stop) throw py::error_already_set();
  std::stop_source copy = *stop;
  const GilRelease gil;
  copy.request_stop();
}

bool is_done(const py::object& future) {
  static PyObject* const name = interned("done");
  return own(PyObject_CallMethodNoArgs(future.ptr(), name)).ptr() == Py_True;
}
void set_result(const py::object& future, const py::object& value) noexcept {
  static PyObject* const name = interned("set_result");
  settle(future, name, value);
}
void set_exception(const py::object& future, const py::object& exception) noexcept {
  static PyObject* const name = interned("set_exception");
  settle(future, name, exception);
}

void AsyncCall::completed() noexcept {
  const std::shared_ptr<LoopBridge> bridge = bridge_;  // *this may be gone after arrive_done
  if (meet_.arrive_done()) bridge->post(std::unique_ptr<Delivery>(this));
}

void AsyncCall::deliver() noexcept {
  try {
    if (is_done(future_)) return;
    if (const Error* failed = error()) return set_exception(future_, make_exception(*failed));
    set_result(future_, convert());
  } catch (...) {
    set_exception(future_, current_exception_object());
  }
}

py::object begin_async(const std::shared_ptr<RuntimeHandle>& runtime, std::unique_ptr<AsyncCall> call, Starter start) {
  empty_graveyard();
  const std::stop_source stop;
  call->bridge_ = LoopBridge::current();
  call->future_ = new_future(stop);
  const py::object future = call->future_;
  const RuntimeHandle::Use use(*runtime);
  AsyncCall* const self = call.release();  // the completing or the starting side deletes it
  std::exception_ptr failed;
  {
    const GilRelease gil;
    try {
      CallOptions options;
      options.stop = stop.get_token();
      start(std::move(options));
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
  if (self->meet_.arrive_waiting()) {
    // From now on the completing side owns it; but only this thread delivers it.
    self->in_flight_.emplace(runtime, stop);
    return future;
  }
  // What has completed already is delivered at once.
  const std::unique_ptr<AsyncCall> ended(self);
  ended->deliver();
  return future;
}

void run_sync(const std::shared_ptr<RuntimeHandle>& runtime, PyObject* timeout, PendingCall& pending, Starter start) {
  const std::optional<SteadyTime> until = time_limit(timeout);
  std::stop_source stop;
  bool in_time = false;
  try {
    GilRelease gil;
    {
      const RuntimeHandle::Use use(*runtime);
      CallOptions options;
      options.stop = stop.get_token();
      start(std::move(options));
    }
    if (pending.is_complete()) {
      in_time = true;
    } else {
      const RuntimeHandle::InFlight in_flight(runtime, stop);
      in_time = pending.wait(until, gil);
      if (!in_time) stop.request_stop();
    }
  } catch (py::error_already_set&) {
    const GilRelease gil;  // what listens for the stop may be anybody's code
    stop.request_stop();
    throw;
  }
  if (!in_time) raise_timeout(timeout);
  if (const Error* failed = pending.error()) raise(*failed);
}

}  // namespace trunkline::pyrt
