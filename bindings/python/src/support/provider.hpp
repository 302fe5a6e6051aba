// Providers written in Python: how an operation gets from a thread of the runtime to Python code and back. Hand-written; the generated
// provide_*.cpp have a class for each provider interface.
//
// A thread of the runtime never takes the GIL: it copies the arguments into a job and queues it. A thread of the provider's own takes
// jobs in batches, runs the methods with the GIL, and completes the operations without it. So a provider that is slow holds up nobody
// but itself.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "support/convert.hpp"
#include "support/errors.hpp"
#include "trunkline/completion.hpp"
#include "trunkline/plugin_host.hpp"

namespace trunkline::pyrt {

/// What a method may ask about the call that it serves, also after the call is over. [any thread]
class CallState {
 public:
  explicit CallState(const Call& call)
      : deadline(call.deadline()),
        idempotency_key(call.idempotency_key()),
        traceparent(call.traceparent()),
        resource(call.resource()),
        call_(call) {}
  bool cancelled() const {
    const std::lock_guard lock(mutex_);
    return !over_ && call_.cancelled();
  }
  /// See Call::on_cancel; while the call is not over.
  template <class F>
  CancelSubscription on_cancel(F fn) const {
    return call_.on_cancel(std::move(fn));
  }
  /// The host takes the call back.
  void end() {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }

  const std::optional<Time> deadline;
  const std::string idempotency_key, traceparent, resource;

 private:
  mutable std::mutex mutex_;
  const Call call_;
  bool over_ = false;
};

/// One operation that waits for Python. Holds no Python object.
class ProviderJob {
 public:
  ProviderJob(int operation, const Call& call) : operation(operation), state(std::make_shared<CallState>(call)) {}
  ProviderJob(const ProviderJob&) = delete;
  virtual ~ProviderJob() = default;
  /// A new tuple of the arguments, with room for `extra` more. [GIL]
  virtual py::object arguments(Py_ssize_t extra) = 0;
  /// Keeps what the method returned; throws ConvertError. [GIL]
  virtual void take(PyObject* result) = 0;
  /// Completes with what was taken, or with the error. Once. [no GIL]
  virtual void complete() noexcept = 0;

  const int operation;  // index into the provider's methods
  std::uint64_t id = 0;
  const std::shared_ptr<CallState> state;
  std::optional<Error> error;
  CancelSubscription subscription;  // ended before the operation completes
};

template <class R, class... Args>
class JobOf final : public ProviderJob {
 public:
  JobOf(int operation, const Call& call, Completion<R> done, Args... args)
      : ProviderJob(operation, call), done_(std::move(done)), args_(std::move(args)...) {}
  py::object arguments(Py_ssize_t extra) override {
    py::object tuple = own(PyTuple_New(static_cast<Py_ssize_t>(sizeof...(Args)) + extra));
    Py_ssize_t at = 0;
    const auto add = [&](const auto& value) {
      PyObject* item = put(value);
      if (!item) throw py::error_already_set();
      PyTuple_SET_ITEM(tuple.ptr(), at++, item);
    };
    std::apply([&](const Args&... args) { (add(args), ...); }, args_);
    return tuple;
  }
  void take(PyObject* result) override {
    if constexpr (!std::is_void_v<R>) pyrt::take(result, value_.emplace());
  }
  void complete() noexcept override {
    subscription.reset();
    state->end();
    if (error) return done_.reject(*error);
    if constexpr (std::is_void_v<R>) {
      done_.resolve();
    } else {
      try {
        done_.resolve(std::move(*value_));
      } catch (...) {
        done_.reject(current_error());
      }
    }
  }

 private:
  Completion<R> done_;
  std::tuple<Args...> args_;
  std::conditional_t<std::is_void_v<R>, std::monostate, std::optional<R>> value_{};
};

/// The jobs of one provider instance. Shared by the plugin and by the threads that serve it.
class ProviderQueue : public std::enable_shared_from_this<ProviderQueue> {
 public:
  ProviderQueue();
  ProviderQueue(const ProviderQueue&) = delete;
  ~ProviderQueue();  // [GIL]

  /// `methods`: a callable for each operation, None where there is none. `wants_call`: which of them take the call, too. `loop`:
  /// the asyncio loop whose thread serves it, else None. `grow`: starts another thread that calls run(), up to `threads`. [GIL]
  void serve(py::object methods, std::vector<bool> wants_call, py::object loop, py::object grow, int threads);

  /// Any thread, without the GIL.
  void submit(std::unique_ptr<ProviderJob> job);
  /// Refuses what waits and lets the threads go. Any thread, without the GIL.
  void close();

  /// Serves until close(). [GIL, released meanwhile]
  void run();
  /// To be watched by the loop; drain() when it is readable.
  int descriptor() const { return fd_; }
  /// [loop's thread, GIL]
  void drain();
  /// A task of the loop has ended. [loop's thread, GIL]
  void finish(std::uint64_t job, PyObject* task);

 private:
  using Jobs = std::vector<std::unique_ptr<ProviderJob>>;
  py::object call(ProviderJob& job);
  /// Runs a method whose result is there when it returns.
  void execute(ProviderJob& job) noexcept;
  void keep_result(ProviderJob& job, PyObject* result);
  void begin_task(std::unique_ptr<ProviderJob> job) noexcept;
  static void complete(Jobs jobs);
  /// Any thread, without the GIL.
  void cancel(std::uint64_t id);
  void wake();

  std::vector<PyObject*> methods_;  // owned; written by serve only
  std::vector<bool> wants_call_;
  PyObject* loop_ = nullptr;
  PyObject* grow_ = nullptr;
  int most_threads_ = 1;
  const int fd_;

  std::unordered_map<std::uint64_t, std::pair<std::unique_ptr<ProviderJob>, py::object>> tasks_;  // [loop's thread]
  Jobs ended_;                                                                                   // [loop's thread]
  std::atomic<std::uint64_t> next_id_{1};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::unique_ptr<ProviderJob>> waiting_;
  std::vector<std::uint64_t> cancelled_;
  bool closed_ = false;
  int threads_ = 1;
  double average_ns_ = 0;  // of a call of a method
};

/// The host as a Python provider sees it. Fails once the instance is gone. [any thread]
class ProviderHost {
 public:
  explicit ProviderHost(Host host) : host_(host) {}
  /// Waits until nobody uses it, then refuses. [no GIL]
  void close();
  /// While one lives the host may be called. Throws kFailedPrecondition.
  class Use {
   public:
    explicit Use(ProviderHost& host);
    Use(const Use&) = delete;
    ~Use();
    const Host& operator*() const { return host_.host_; }
    const Host* operator->() const { return &host_.host_; }

   private:
    ProviderHost& host_;
  };

 private:
  const Host host_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int uses_ = 0;
  bool closed_ = false;
};

/// An interface that Python can implement; one for each, generated.
struct ProvidedInterface {
  const char* id;
  std::span<const char* const> operations;  // in the order of their indices
  std::span<const char* const> constants;   // operations marked @sync, asked once when an instance is made
  /// `constants`: a dict with their values. [GIL]
  std::unique_ptr<Implementation> (*make)(std::shared_ptr<ProviderQueue> queue, int first_operation, PyObject* constants);
};
/// Tells the host. Converts, then calls without the GIL and waits. [GIL]
struct ProvidedEvent {
  const char* interface_id;
  const char* operation;
  void (*emit)(ProviderHost& host, PyObject* const* args, Py_ssize_t count);
};
std::span<const ProvidedInterface> provided_interfaces();
std::span<const ProvidedEvent> provided_events();

/// A value that a @sync operation returned, from the dict of constants.
template <class T>
T constant(PyObject* constants, const char* name) {
  T value{};
  PyObject* found = PyDict_GetItemString(constants, name);
  if (!found) throw Error(ErrorCode::kInternal, std::string(name) + " gave nothing");
  argument(name, found, value);
  return value;
}

/// Adds ProviderQueue, ProviderHost, Plugin and what belongs to them to the module. [GIL]
void bind_providers(py::handle module);

}  // namespace trunkline::pyrt
