// Python objects as providers: one object behind the C vtables of its interfaces. Hand-written; the generated provide_*.cpp add a
// class for each interface.
//
// Threads. Every instance has a thread with an asyncio loop (made by trunkline._provider) and, for methods that are plain
// functions, worker threads as they are needed. Threads of the host only push to a queue; none of them takes the GIL but for
// create and destroy, which are [lifecycle].
#pragma once
#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/interface.hpp"
#include "support/provider_call.hpp"
#include "trunkline/host_client.hpp"

namespace trunkline::pyrt {

/// How an interface is offered by a Python object.
struct OfferSpec {
  std::string_view id;
  std::size_t operations;
  /// `first`: index of its first operation. `methods`: one for each, None where there is none; for those marked @sync the value.
  std::unique_ptr<Implementation> (*make)(ProviderObject& object, std::size_t first, PyObject* const* methods);
};
void define_offer(const OfferSpec& spec);

/// One instance. Shared by the host, which stops it, and by its Python thread, which ends later.
class ProviderObject final : public Implementation,
                             public LoopBridge::Watcher,
                             public std::enable_shared_from_this<ProviderObject> {
 public:
  ProviderObject(const tl_host* host, std::string plugin_id);
  ~ProviderObject() override;

  // ---- for Python, with the GIL ----
  /// Once for each interface, before attach. `methods`: (name, function or value, is a coroutine function) for each operation.
  void offer(const std::string& interface_id, const py::object& methods);
  /// On the thread of the loop. `hooks`: (stop, end, join, spawn, settled, explain, current call) of trunkline._provider.
  void attach(const py::object& loop, const py::object& hooks, std::size_t most_workers);
  /// A service or event interface of the host.
  py::object client(const std::string& interface_id);
  /// Serves plain functions until the instance ends.
  void work();
  /// The stop hook has run: no operation is accepted any more, and the host is told when those in flight have completed.
  void drain_now();
  /// Nothing is left to do on the loop. Unless something was posted meanwhile the host need not wait for it any more.
  void idle();
  /// The loop is closed.
  void ended();

  // ---- for the host; no GIL ----
  void begin(std::unique_ptr<ProviderCall> call);
  void begin_stop(void (*done)(void*), void* user);
  /// [takes the GIL]
  void end();
  bool is_attached() const { return bridge_ != nullptr; }

 private:
  friend class CallDelivery;
  friend class HookDelivery;
  friend class ProviderTurn;
  friend class Alarm;
  struct Operation {
    std::string name;
    py::object method;
    bool awaits = false;
  };
  enum Hook : std::size_t { kStop, kEnd, kJoin, kSpawn, kSettled, kExplain, kCurrentCall, kHooks };
  class Scope;

  static PyObject* task_done(PyObject* self, PyObject* task) noexcept;
  static PyObject* flush_completed(PyObject* self, PyObject*) noexcept;
  py::object tell(const Call& call) const;
  // Calls of coroutine functions; provider_turn.cpp. [loop's thread]
  void enqueue(std::unique_ptr<ProviderCall> call) noexcept;
  void take_turns(std::size_t wanted) noexcept;
  void fail_waiting(std::size_t most) noexcept;
  void await(std::unique_ptr<ProviderCall>& call, const py::object& awaitable);
  void leave_to(std::unique_ptr<ProviderCall> call, PyObject* task);
  void finish(ProviderCall& call, PyObject* task) noexcept;
  void settle(std::unique_ptr<ProviderCall> call) noexcept;
  void flush() noexcept;
  /// Sees to it that the task is cancelled when its deadline passes. [loop's thread]
  void watch_deadline(ProviderCall& call);
  host::ClockClient clock() const;
  void arm();
  void expire(bool in_time) noexcept;
  /// Null: it goes on, on the loop.
  std::unique_ptr<ProviderCall> run_here(std::unique_ptr<ProviderCall> call) noexcept;
  Error failure(const ProviderCall& call) noexcept;
  void run_hook(Hook hook) noexcept;
  void forget(bool gil) noexcept;
  void posted() noexcept override;
  void delivered(std::size_t count) noexcept override;

  const tl_host* const host_;
  const std::string id_;
  const std::shared_ptr<RuntimeHandle> calls_;  // to the host
  std::vector<std::unique_ptr<Implementation>> parts_;
  std::vector<Operation> operations_;  // fixed once attached; the objects are touched with the GIL only
  py::object loop_, task_type_, keyword_names_, flush_;
  py::object hooks_[kHooks];
  std::shared_ptr<LoopBridge> bridge_;
  // Of the loop's thread.
  std::deque<std::unique_ptr<ProviderCall>> waiting_;  // for a turn
  std::size_t turns_ = 0;                              // that have been made and not begun
  std::size_t foreseen_ = 1;                           // how many turns calls are thought to need: one each, or one for all
  std::vector<std::unique_ptr<ProviderCall>> completed_;
  std::list<ProviderCall*> due_;  // by deadline; nearly all have the same timeout, so a call goes to the end
  Time armed_ = Time::max();      // when the alarm rings

  void (*stopped_)(void*) = nullptr;  // written by begin_stop before its hook is posted
  void* stopped_user_ = nullptr;

  std::mutex mutex_;  // guards what follows
  std::condition_variable ready_;
  std::deque<std::unique_ptr<ProviderCall>> queue_;
  std::size_t idle_ = 0, workers_ = 0, most_workers_ = 1;
  bool ended_ = false;

  std::mutex work_mutex_;  // guards what follows
  tl_iface work_{};        // vtbl==NULL: the host does not ask, or is gone
  std::uint64_t posted_ = 0, delivered_ = 0;
  bool busy_ = false;
  bool checking_ = false;  // of the loop's thread
};

/// What the generated classes do with each operation.
template <class R, class... Args>
void begin(ProviderObject& object, std::size_t operation, const Call& call, Completion<R> done, Args... args) {
  object.begin(std::make_unique<ProviderCallOf<R, Args...>>(operation, call, std::move(done), std::move(args)...));
}
/// The answer of an operation marked @sync: taken once, None is the default.
template <class T>
void constant(const char* name, PyObject* object, T& value) {
  if (object != Py_None) argument(name, object, value);
}

/// A plugin of the application. `plugin` has manifest (JSON text) and create(ProviderObject, config). [GIL]
tl_app_plugin app_plugin(const py::object& plugin, std::string& manifest);
/// The Python object of an instance. Defined in module.cpp.
py::object wrap_provider(std::shared_ptr<ProviderObject> object);
/// (json, text, junit) of a run of the conformance kit. [GIL, which is released meanwhile]
py::object run_conformance(const py::object& plugin, const std::string& options_json);

}  // namespace trunkline::pyrt
