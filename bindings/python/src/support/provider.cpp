#include "support/provider.hpp"

#include <map>
#include <optional>
#include <utility>

namespace trunkline::pyrt {
namespace {

/// By id. Leaked, guarded by the GIL.
auto& offers() {
  static auto* const map = new std::map<std::string_view, OfferSpec>;
  return *map;
}

constexpr const char* kCallName = "trunkline.provider_call";
constexpr const char* kObjectName = "trunkline.provider_object";

void free_call(PyObject* capsule) { delete static_cast<ProviderCall*>(PyCapsule_GetPointer(capsule, kCallName)); }
void free_object(PyObject* capsule) {
  delete static_cast<std::shared_ptr<ProviderObject>*>(PyCapsule_GetPointer(capsule, kObjectName));
}

py::object interned_text(const char* name) { return own(PyUnicode_InternFromString(name)); }

/// Asks for the end of a task, on its loop.
class CancelDelivery final : public Delivery {
 public:
  explicit CancelDelivery(std::shared_ptr<TaskRef> task) : task_(std::move(task)) {}
  void deliver() noexcept override { task_->cancel(); }

 private:
  const std::shared_ptr<TaskRef> task_;
};

}  // namespace

class CallDelivery final : public Delivery {
 public:
  CallDelivery(std::shared_ptr<ProviderObject> object, std::unique_ptr<ProviderCall> call)
      : object_(std::move(object)), call_(std::move(call)) {}
  void deliver() noexcept override { object_->enqueue(std::move(call_)); }

 private:
  const std::shared_ptr<ProviderObject> object_;
  std::unique_ptr<ProviderCall> call_;
};

class HookDelivery final : public Delivery {
 public:
  HookDelivery(std::shared_ptr<ProviderObject> object, ProviderObject::Hook hook) : object_(std::move(object)), hook_(hook) {}
  void deliver() noexcept override { object_->run_hook(hook_); }

 private:
  const std::shared_ptr<ProviderObject> object_;
  const ProviderObject::Hook hook_;
};

/// While it lives, trunkline.current_call() tells of the call; a task that is made meanwhile keeps that.
class ProviderObject::Scope {
 public:
  Scope(const ProviderObject& object, const Call& call)
      : variable_(object.hooks_[kCurrentCall].ptr()), token_(object.tell(call)) {}
  Scope(const Scope&) = delete;
  ~Scope() {
    PyObject *type = nullptr, *value = nullptr, *trace = nullptr;  // the method may have raised
    PyErr_Fetch(&type, &value, &trace);
    if (PyContextVar_Reset(variable_, token_.ptr()) != 0) PyErr_Clear();
    PyErr_Restore(type, value, trace);
  }

 private:
  PyObject* const variable_;
  py::object token_;
};

/// In the context that runs, trunkline.current_call() tells of the call from now on. What was there before is returned.
py::object ProviderObject::tell(const Call& call) const {
  const auto text = [](std::string_view value) {
    return own(PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace"));
  };
  const auto deadline = call.deadline();
  const py::object when = deadline ? own(to_py(*deadline)) : py::none();
  const py::object key = text(call.idempotency_key()), trace = text(call.traceparent()), resource = text(call.resource());
  const py::object told = own(PyTuple_Pack(4, when.ptr(), key.ptr(), trace.ptr(), resource.ptr()));
  return own(PyContextVar_Set(hooks_[kCurrentCall].ptr(), told.ptr()));
}

void TaskRef::cancel() const noexcept {
  if (!task) return;  // it has ended
  if (PyObject* answer = PyObject_CallMethod(task, "cancel", nullptr))
    Py_DECREF(answer);
  else
    PyErr_WriteUnraisable(task);
}

void define_offer(const OfferSpec& spec) { offers().emplace(spec.id, spec); }

ProviderObject::ProviderObject(const tl_host* host, std::string plugin_id)
    : host_(host),
      id_(std::move(plugin_id)),
      calls_(std::make_shared<RuntimeHandle>(nullptr, "the host of " + id_, abi::Errors(host))) {}

// By then the end hook has run, or the instance was never attached; or the interpreter is gone, and its objects are leaked with
// it.
ProviderObject::~ProviderObject() {
  if (finalizing()) forget(false);
}

/// Lets go of every Python object; without the GIL they are leaked.
void ProviderObject::forget(bool gil) noexcept {
  const auto drop = [&](py::object& object) {
    PyObject* const dropped = std::exchange(object, py::object()).release().ptr();
    if (gil) Py_XDECREF(dropped);
  };
  for (py::object* object : {&loop_, &task_type_, &keyword_names_, &flush_}) drop(*object);
  for (py::object& hook : hooks_) drop(hook);
  for (Operation& operation : operations_) drop(operation.method);
  auto dropped = std::exchange(waiting_, {});
  if (dropped.empty()) return;
  std::optional<GilRelease> release;  // they complete as they go
  if (gil) release.emplace();
  dropped.clear();
}

void ProviderObject::offer(const std::string& interface_id, const py::object& methods) {
  const auto spec = offers().find(interface_id);
  if (spec == offers().end()) throw Error(ErrorCode::kInvalidArgument, "there is no interface " + interface_id, "interface");
  const std::size_t first = operations_.size();
  std::vector<PyObject*> values;
  for (const py::handle entry : py::reinterpret_borrow<py::tuple>(methods)) {
    const auto row = py::reinterpret_borrow<py::tuple>(entry);
    Operation& operation = operations_.emplace_back();
    operation.name = text_of(py::object(row[0]).ptr());
    operation.method = row[1];
    operation.awaits = py::object(row[2]).ptr() == Py_True;
    values.push_back(operation.method.ptr());
  }
  if (values.size() != spec->second.operations)
    throw Error(ErrorCode::kInternal, interface_id + ": found " + std::to_string(values.size()) + " operations, wanted " +
                                          std::to_string(spec->second.operations));
  parts_.push_back(spec->second.make(*this, first, values.data()));
  include(*parts_.back());
}

void ProviderObject::attach(const py::object& loop, const py::object& hooks, std::size_t most_workers) {
  loop_ = loop;
  task_type_ = import("asyncio", "Task");
  keyword_names_ = own(PyTuple_Pack(1, interned_text("loop").ptr()));
  for (std::size_t i = 0; i < kHooks; ++i) hooks_[i] = py::reinterpret_borrow<py::tuple>(hooks)[i];
  static PyMethodDef flush{"flush", &flush_completed, METH_NOARGS, "Completes the calls that have ended."};
  auto owned = std::make_unique<std::shared_ptr<ProviderObject>>(shared_from_this());
  const py::object self = own(PyCapsule_New(owned.get(), kObjectName, &free_object));
  owned.release();
  flush_ = own(PyCFunction_New(&flush, self.ptr()));
  bind(host_);
  most_workers_ = std::max<std::size_t>(1, most_workers);
  bridge_ = LoopBridge::current();
  work_ = host_->get_interface(host_->ctx, {TL_APP_WORK_ID, sizeof TL_APP_WORK_ID - 1});
  bridge_->watch(*this);
}

py::object ProviderObject::client(const std::string& interface_id) {
  const RuntimeHandle::Use use(*calls_);
  const tl_iface found = host_->get_interface(host_->ctx, {interface_id.data(), interface_id.size()});
  if (!found.vtbl) throw Error(ErrorCode::kNotFound, "the host does not offer " + interface_id, interface_id);
  return wrap_interface(interface_id, calls_, found);
}

// ---- operations ----

void ProviderObject::begin(std::unique_ptr<ProviderCall> call) {
  const Operation& operation = operations_[call->operation];
  if (operation.method.is_none()) {
    call->fail(Error(ErrorCode::kUnimplemented, operation.name + " is not implemented"));
    return call->complete();
  }
  if (operation.awaits) return bridge_->post(std::make_unique<CallDelivery>(shared_from_this(), std::move(call)));
  bool spawn = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(call));
    spawn = idle_ < queue_.size() && workers_ < most_workers_;
    workers_ += spawn ? 1 : 0;
  }
  ready_.notify_one();
  if (spawn) bridge_->post(std::make_unique<HookDelivery>(shared_from_this(), kSpawn));
}

/// Takes the call over when it goes on; else the call has its result.
void ProviderObject::await(std::unique_ptr<ProviderCall>& call, const py::object& awaitable) {
  py::object task;
  if (PyCoro_CheckExact(awaitable.ptr())) {
    PyObject* const args[] = {awaitable.ptr(), loop_.ptr()};
    task = own(PyObject_Vectorcall(task_type_.ptr(), args, 1, keyword_names_.ptr()));
  } else if (PyObject_HasAttrString(awaitable.ptr(), "__await__")) {
    static PyObject* const ensure_future = import("asyncio", "ensure_future").release().ptr();  // leaked
    task = own(PyObject_CallOneArg(ensure_future, awaitable.ptr()));
  } else {
    return call->take(awaitable.ptr());
  }
  leave_to(std::move(call), task.ptr());
}

/// The call ends with the task, and the task is cancelled with the call.
void ProviderObject::leave_to(std::unique_ptr<ProviderCall> call, PyObject* task) {
  static PyMethodDef done{"done", &task_done, METH_O, "Ends a call with what its task gave."};
  static PyObject* const add_done_callback = interned_text("add_done_callback").release().ptr();  // leaked
  const py::object self = own(PyCapsule_New(call.get(), kCallName, &free_call));
  ProviderCall& going = *call.release();
  if (PyCapsule_SetContext(self.ptr(), this) != 0) throw py::error_already_set();
  going.task = std::make_shared<TaskRef>();
  const py::object callback = own(PyCFunction_New(&done, self.ptr()));
  own(PyObject_CallMethodOneArg(task, add_done_callback, callback.ptr()));
  going.task->task = Py_NewRef(task);
  try {
    watch_deadline(going);
  } catch (const Error&) {
    // The host is gone: nobody waits for the call either.
  }
  going.cancellation =
      going.call.on_cancel([bridge = bridge_, task = going.task] { bridge->post(std::make_unique<CancelDelivery>(task)); });
}

PyObject* ProviderObject::task_done(PyObject* self, PyObject* task) noexcept {
  auto* const object = static_cast<ProviderObject*>(PyCapsule_GetContext(self));
  std::unique_ptr<ProviderCall> call(static_cast<ProviderCall*>(PyCapsule_GetPointer(self, kCallName)));
  PyCapsule_SetDestructor(self, nullptr);
  object->finish(*call, task);
  object->settle(std::move(call));
  return Py_NewRef(Py_None);
}

void ProviderObject::finish(ProviderCall& call, PyObject* task) noexcept {
  static PyObject* const result = PyUnicode_InternFromString("result");  // leaked
  try {
    call.take(own(PyObject_CallMethodNoArgs(task, result)).ptr());
  } catch (...) {
    call.fail(failure(call));
  }
  Py_CLEAR(call.task->task);
  if (call.due) due_.erase(*call.due);
  call.cancellation.reset();
}

/// Calls that end together are completed together: each time the GIL is given away it may be long in coming back.
void ProviderObject::settle(std::unique_ptr<ProviderCall> call) noexcept {
  completed_.push_back(std::move(call));
  if (completed_.size() > 1) return;
  if (!loop_) return flush();                                                  // the end was faster
  static PyObject* const call_soon = PyUnicode_InternFromString("call_soon");  // leaked
  if (PyObject* handle = PyObject_CallMethodOneArg(loop_.ptr(), call_soon, flush_.ptr())) {
    Py_DECREF(handle);
    return;
  }
  PyErr_Clear();  // the loop is closed
  flush();
}

PyObject* ProviderObject::flush_completed(PyObject* self, PyObject*) noexcept {
  const auto object = *static_cast<std::shared_ptr<ProviderObject>*>(PyCapsule_GetPointer(self, kObjectName));
  object->flush();
  return Py_NewRef(Py_None);
}

void ProviderObject::flush() noexcept {
  if (completed_.empty()) return;
  auto batch = std::exchange(completed_, {});
  const GilRelease gil;
  for (const auto& call : batch) call->complete();
  batch.clear();
}

// ---- plain functions ----

void ProviderObject::work() {
  const auto self = shared_from_this();
  std::unique_ptr<ProviderCall> call;
  for (;;) {
    {
      const GilRelease gil;
      if (call) call->complete();
      call.reset();
      std::unique_lock lock(mutex_);
      ++idle_;
      ready_.wait(lock, [this] { return ended_ || !queue_.empty(); });
      --idle_;
      if (!queue_.empty()) {
        call = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    if (!call) return;
    call = run_here(std::move(call));
  }
}

std::unique_ptr<ProviderCall> ProviderObject::run_here(std::unique_ptr<ProviderCall> call) noexcept {
  try {
    const Scope scope(*this, call->call);
    const py::object result = call->invoke(operations_[call->operation].method.ptr());
    if (!PyObject_HasAttrString(result.ptr(), "__await__")) {
      call->take(result.ptr());
    } else {
      // A plain function that gives an awaitable: it is awaited where the others are.
      class AwaitDelivery final : public Delivery {
       public:
        AwaitDelivery(std::shared_ptr<ProviderObject> object, std::unique_ptr<ProviderCall> call, py::object awaitable)
            : object_(std::move(object)), call_(std::move(call)), awaitable_(std::move(awaitable)) {}
        void deliver() noexcept override {
          try {
            const Scope scope(*object_, call_->call);
            object_->await(call_, awaitable_);
          } catch (...) {
            if (call_) call_->fail(object_->failure(*call_));
          }
          if (call_) object_->settle(std::move(call_));
        }

       private:
        const std::shared_ptr<ProviderObject> object_;
        std::unique_ptr<ProviderCall> call_;
        const py::object awaitable_;
      };
      bridge_->post(std::make_unique<AwaitDelivery>(shared_from_this(), std::move(call), result));
    }
  } catch (...) {
    call->fail(failure(*call));
  }
  return call;
}

/// What the method raised, as the host sees it. In a catch block, with the GIL.
Error ProviderObject::failure(const ProviderCall& call) noexcept {
  const std::string where = id_ + "." + operations_[call.operation].name;
  try {
    try {
      throw;
    } catch (const ConvertError& error) {
      const bool type = error.kind == ConvertError::Kind::kType;
      return Error(ErrorCode::kInternal, where + ": " + error.path + (type ? ": " : " ") + error.message, error.path);
    } catch (py::error_already_set& error) {
      // Not every pybind11 does so.
      if (error.trace()) PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
      const py::object place = own(to_py(where));
      const py::object told =
          own(PyObject_CallFunctionObjArgs(hooks_[kExplain].ptr(), error.value().ptr(), place.ptr(), nullptr));
      const auto row = py::reinterpret_borrow<py::tuple>(told);
      Error out;
      std::int32_t code = 0;
      std::optional<double> retry_after;
      take(py::object(row[0]).ptr(), code);
      take(py::object(row[1]).ptr(), out.message);
      take(py::object(row[2]).ptr(), out.target);
      take(py::object(row[3]).ptr(), out.retryable);
      take(py::object(row[4]).ptr(), retry_after);
      take(py::object(row[5]).ptr(), out.provider_code);
      take(py::object(row[6]).ptr(), out.http_status);
      take(py::object(row[7]).ptr(), out.service_code);
      take(py::object(row[8]).ptr(), out.details);
      out.code = static_cast<ErrorCode>(code);
      if (retry_after) out.retry_after = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*retry_after));
      return out;
    }
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal, where + ": an exception that cannot be shown: " + error.what());
  } catch (...) {
    return Error(ErrorCode::kInternal, where + ": an exception that cannot be shown");
  }
}

// ---- the end ----

void ProviderObject::run_hook(Hook hook) noexcept {
  if (PyObject* answer = PyObject_CallNoArgs(hooks_[hook].ptr()))
    Py_DECREF(answer);
  else
    PyErr_WriteUnraisable(hooks_[hook].ptr());
  // They hold this, and this holds them.
  if (hook == kEnd) {
    bridge_->unwatch();
    forget(true);
  }
}

void ProviderObject::begin_stop(void (*done)(void*), void* user) {
  stopped_ = done;
  stopped_user_ = user;
  bridge_->post(std::make_unique<HookDelivery>(shared_from_this(), kStop));
}

void ProviderObject::drain_now() {
  const GilRelease gil;
  drain(stopped_, stopped_user_);
}

// ---- what the host waits for ----

void ProviderObject::posted() noexcept {
  const std::lock_guard lock(work_mutex_);
  ++posted_;
  if (std::exchange(busy_, true) || !work_.vtbl) return;
  static_cast<const tl_app_work*>(work_.vtbl)->busy(work_.self, 1);
}

void ProviderObject::delivered(std::size_t count) noexcept {
  {
    const std::lock_guard lock(work_mutex_);
    delivered_ += count;
  }
  if (checking_ || !hooks_[kSettled]) return;
  checking_ = true;
  run_hook(kSettled);
}

void ProviderObject::idle() {
  checking_ = false;
  const std::lock_guard lock(work_mutex_);
  if (posted_ != delivered_ || !std::exchange(busy_, false) || !work_.vtbl) return;
  static_cast<const tl_app_work*>(work_.vtbl)->busy(work_.self, 0);
}

void ProviderObject::end() {
  const GilAcquire gil;
  if (!gil) return;
  {
    const std::lock_guard lock(work_mutex_);
    if (busy_ && work_.vtbl) static_cast<const tl_app_work*>(work_.vtbl)->busy(work_.self, 0);
    work_ = {};
  }
  calls_->close();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ready_.notify_all();
  if (!bridge_) return;
  const py::object join = hooks_[kJoin];  // the end lets go of it
  bridge_->post(std::make_unique<HookDelivery>(shared_from_this(), kEnd));
  if (PyObject* answer = PyObject_CallNoArgs(join.ptr()))
    Py_DECREF(answer);
  else
    PyErr_WriteUnraisable(join.ptr());
}

/// Frees what the loop was woken by, whoever else still holds this.
void ProviderObject::ended() {
  LoopBridge::sweep();
  bridge_.reset();
}

}  // namespace trunkline::pyrt
