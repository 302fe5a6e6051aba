#include <sys/eventfd.h>

#include <algorithm>

#include "support/provider.hpp"

namespace trunkline::pyrt {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 64;                         // jobs that one thread takes at once while methods are quick
constexpr auto kBatchTime = std::chrono::milliseconds(1);  // after which results are not held back any longer
constexpr double kSlowNs = 1e6;                            // a method that takes longer deserves more threads

/// The error that a Python exception stands for: trunkline._providers.describe(exception) knows.
PyObject*& describe_function() {
  static PyObject* function = nullptr;  // leaked: errors may come while the interpreter ends
  return function;
}

Error as_error(const py::object& exception) noexcept {
  try {
    if (!describe_function()) return Error(ErrorCode::kInternal, text_of(exception.ptr()));
    const py::object row = own(PyObject_CallOneArg(describe_function(), exception.ptr()));
    const auto at = [&](Py_ssize_t i) { return PyTuple_GET_ITEM(row.ptr(), i); };
    if (!PyTuple_Check(row.ptr()) || PyTuple_GET_SIZE(row.ptr()) != 8)
      return Error(ErrorCode::kInternal, text_of(exception.ptr()));
    Error error;
    std::int32_t code = 0;
    take(at(0), code);
    error.code = static_cast<ErrorCode>(code);
    take(at(1), error.message);
    take(at(2), error.target);
    take(at(3), error.retryable);
    std::optional<double> retry_after;
    take(at(4), retry_after);
    if (retry_after) error.retry_after = std::chrono::milliseconds(static_cast<std::int64_t>(*retry_after * 1000));
    take(at(5), error.provider_code);
    take(at(6), error.http_status);
    StringMap details;
    take(at(7), details);
    for (auto& [name, value] : details) error.details.emplace(name, value);
    return error;
  } catch (...) {
    PyErr_Clear();
    return Error(ErrorCode::kInternal, "the provider raised an error that cannot be shown");
  }
}

/// The exception in flight. [GIL]
Error error_in_flight(const char* method) noexcept {
  try {
    throw;
  } catch (const ConvertError& error) {
    return Error(ErrorCode::kInternal, std::string(method) + " returned what does not fit: " +
                                           (error.path.empty() ? "" : error.path + ": ") + error.message);
  } catch (py::error_already_set& error) {
    return as_error(error.value());
  } catch (...) {
    return current_error();
  }
}

std::string name_of(PyObject* method) {
  const py::object name = py::reinterpret_steal<py::object>(PyObject_GetAttrString(method, "__qualname__"));
  if (!name) {
    PyErr_Clear();
    return "the method";
  }
  return text_of(name.ptr());
}

struct TaskEnd {
  std::shared_ptr<ProviderQueue> queue;
  std::uint64_t job;
};
PyObject* task_ended(PyObject* capsule, PyObject* task) {
  auto* end = static_cast<TaskEnd*>(PyCapsule_GetPointer(capsule, "trunkline.task"));
  end->queue->finish(end->job, task);
  Py_RETURN_NONE;
}
PyMethodDef g_task_ended{"task_ended", &task_ended, METH_O, nullptr};

}  // namespace

void set_describe(py::object function) { describe_function() = function.release().ptr(); }
/// Defined in provider_plugin.cpp.
py::object call_object(std::shared_ptr<CallState> state);

ProviderQueue::ProviderQueue() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
ProviderQueue::~ProviderQueue() {
  ::close(fd_);
  if (finalizing()) return;
  for (PyObject* method : methods_) Py_XDECREF(method);
  Py_XDECREF(loop_);
  Py_XDECREF(grow_);
}

void ProviderQueue::serve(py::object methods, std::vector<bool> wants_call, py::object loop, py::object grow, int threads) {
  const py::object sequence = as_sequence(methods.ptr());
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.ptr()); ++i) {
    PyObject* const method = PySequence_Fast_GET_ITEM(sequence.ptr(), i);
    methods_.push_back(method == Py_None ? nullptr : Py_NewRef(method));
  }
  wants_call_ = std::move(wants_call);
  if (!loop.is_none()) loop_ = loop.release().ptr();
  grow_ = grow.release().ptr();
  most_threads_ = threads;
}

void ProviderQueue::submit(std::unique_ptr<ProviderJob> job) {
  const std::shared_ptr<CallState> state = job->state;
  const std::uint64_t id = job->id = next_id_.fetch_add(1);
  // A method that runs cannot be cancelled, it can only ask; a task can.
  if (loop_)
    job->subscription = state->on_cancel([weak = weak_from_this(), id] {
      if (const auto queue = weak.lock()) queue->cancel(id);
    });
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      first = waiting_.empty();
      waiting_.push_back(std::move(job));
    }
  }
  if (job) {
    job->error = Error(ErrorCode::kUnavailable, "the provider is being stopped");
    return job->complete();
  }
  if (loop_) {
    if (first) wake();
    if (state->cancelled()) cancel(id);  // before it was queued
  } else {
    changed_.notify_one();
  }
}

void ProviderQueue::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void ProviderQueue::cancel(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(id);
  }
  wake();
}

void ProviderQueue::close() {
  std::deque<std::unique_ptr<ProviderJob>> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(waiting_);
  }
  changed_.notify_all();
  wake();
  for (const auto& job : left) {
    job->error = Error(ErrorCode::kUnavailable, "the provider is being stopped");
    job->complete();
  }
}

py::object ProviderQueue::call(ProviderJob& job) {
  PyObject* const method = methods_.at(static_cast<std::size_t>(job.operation));
  if (!method) throw Error(ErrorCode::kUnimplemented, "the provider has no such operation");
  const bool wants = wants_call_.at(static_cast<std::size_t>(job.operation));
  const py::object arguments = job.arguments(wants ? 1 : 0);
  if (wants) PyTuple_SET_ITEM(arguments.ptr(), PyTuple_GET_SIZE(arguments.ptr()) - 1, call_object(job.state).release().ptr());
  return own(PyObject_CallObject(method, arguments.ptr()));
}

void ProviderQueue::keep_result(ProviderJob& job, PyObject* result) {
  try {
    job.take(result);
  } catch (...) {
    job.error = error_in_flight(name_of(methods_[static_cast<std::size_t>(job.operation)]).c_str());
  }
}

void ProviderQueue::execute(ProviderJob& job) noexcept {
  try {
    const py::object result = call(job);
    keep_result(job, result.ptr());
  } catch (...) {
    job.error = error_in_flight("the method");
  }
}

void ProviderQueue::complete(Jobs jobs) {
  const GilRelease gil;
  for (const auto& job : jobs) job->complete();
  jobs.clear();
}

void ProviderQueue::run() {
  for (;;) {
    Jobs batch;
    bool more = false, slow = false;
    {
      const GilRelease gil;
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      slow = average_ns_ > kSlowNs;
      const std::size_t count = std::min(waiting_.size(), slow ? std::size_t{1} : kBatch);
      for (std::size_t i = 0; i < count; ++i) {
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
      more = slow && !waiting_.empty() && threads_ < most_threads_;
      if (more) ++threads_;
    }
    if (more) {
      const py::object started = py::reinterpret_steal<py::object>(PyObject_CallNoArgs(grow_));
      if (!started) PyErr_WriteUnraisable(grow_);
    }
    Jobs done;
    auto begun = SteadyClock::now(), held = begun;
    for (auto& job : batch) {
      execute(*job);
      const auto now = SteadyClock::now();
      const double taken = std::chrono::duration<double, std::nano>(now - begun).count();
      done.push_back(std::move(job));
      {
        const std::lock_guard lock(mutex_);
        average_ns_ = average_ns_ * 0.9 + taken * 0.1;
        // One that is slow right away must not wait for the average to know it.
        if (taken > kSlowNs) average_ns_ = std::max(average_ns_, taken);
      }
      if (now - held > kBatchTime) {
        complete(std::exchange(done, {}));
        held = SteadyClock::now();
      }
      begun = SteadyClock::now();
    }
    complete(std::move(done));
  }
}

void ProviderQueue::begin_task(std::unique_ptr<ProviderJob> job) noexcept {
  try {
    const py::object result = call(*job);
    if (!PyCoro_CheckExact(result.ptr())) {
      keep_result(*job, result.ptr());
      ended_.push_back(std::move(job));
      return;
    }
    const py::object task = own(PyObject_CallMethod(loop_, "create_task", "O", result.ptr()));
    auto end = std::make_unique<TaskEnd>(TaskEnd{shared_from_this(), job->id});
    const py::object capsule = own(PyCapsule_New(end.get(), "trunkline.task", [](PyObject* object) {
      delete static_cast<TaskEnd*>(PyCapsule_GetPointer(object, "trunkline.task"));
    }));
    end.release();
    const py::object callback = own(PyCFunction_New(&g_task_ended, capsule.ptr()));
    own(PyObject_CallMethod(task.ptr(), "add_done_callback", "O", callback.ptr()));
    const std::uint64_t id = job->id;
    tasks_.emplace(id, std::pair(std::move(job), task));
  } catch (...) {
    if (!job) return;  // its task will end
    job->error = error_in_flight("the method");
    ended_.push_back(std::move(job));
  }
}

void ProviderQueue::drain() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
  std::deque<std::unique_ptr<ProviderJob>> jobs;
  std::vector<std::uint64_t> cancelled;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(waiting_);
    cancelled.swap(cancelled_);
  }
  for (auto& job : jobs) begin_task(std::move(job));
  for (const std::uint64_t job : cancelled) {
    const auto found = tasks_.find(job);
    if (found == tasks_.end()) continue;
    const py::object answer =
        py::reinterpret_steal<py::object>(PyObject_CallMethod(found->second.second.ptr(), "cancel", nullptr));
    if (!answer) PyErr_Clear();
  }
  if (!ended_.empty()) complete(std::exchange(ended_, {}));
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    over = closed_;
  }
  if (!over) return;
  const py::object stopped = py::reinterpret_steal<py::object>(PyObject_CallMethod(loop_, "stop", nullptr));
  if (!stopped) PyErr_Clear();
}

void ProviderQueue::finish(std::uint64_t job, PyObject* task) {
  auto found = tasks_.find(job);
  if (found == tasks_.end()) return;
  std::unique_ptr<ProviderJob> owned = std::move(found->second.first);
  tasks_.erase(found);
  const py::object result = py::reinterpret_steal<py::object>(PyObject_CallMethod(task, "result", nullptr));
  if (result) {
    keep_result(*owned, result.ptr());
  } else {
    try {
      throw py::error_already_set();
    } catch (...) {
      owned->error = error_in_flight("the method");
    }
  }
  ended_.push_back(std::move(owned));
  if (ended_.size() == 1) wake();  // drain() completes all that end in this turn of the loop at once
}

}  // namespace trunkline::pyrt
