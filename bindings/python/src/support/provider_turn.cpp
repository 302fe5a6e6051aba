#include "support/provider_turn.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace trunkline::pyrt {
namespace {

/// So many are completed at a time: the host works on them while Python goes on.
constexpr std::size_t kMostCompleted = 64;
constexpr std::size_t kMostForeseen = 4096;

PyObject* leaked_text(const char* name) {
  PyObject* const text = PyUnicode_InternFromString(name);
  if (!text) throw py::error_already_set();
  return text;
}

/// What was raised before a scope is what was raised after it.
class KeptError {
 public:
  KeptError() { PyErr_Fetch(&type_, &value_, &trace_); }
  KeptError(const KeptError&) = delete;
  ~KeptError() { PyErr_Restore(type_, value_, trace_); }

 private:
  PyObject *type_ = nullptr, *value_ = nullptr, *trace_ = nullptr;
};

/// In a context, for a scope.
class Inner {
 public:
  explicit Inner(PyObject* context) : context_(context) {
    if (PyContext_Enter(context) != 0) throw py::error_already_set();
  }
  Inner(const Inner&) = delete;
  ~Inner() {
    const KeptError raised;
    if (PyContext_Exit(context_) != 0) PyErr_WriteUnraisable(context_);
  }

 private:
  PyObject* const context_;
};

/// How a task looks that nobody has laid hands on.
class Untouched {
 public:
  explicit Untouched(PyObject* task) : task_(task), members_(own(PyObject_GenericGetDict(task, nullptr))) {
    name_ = own(PyObject_CallMethodNoArgs(task_, names().get_name));
    seen_ = look();
  }
  /// False when a coroutine has kept the task, a weak reference to it, or something in it; has cancelled it or waits for its end.
  bool still() const noexcept {
    try {
      if (Py_REFCNT(task_) != seen_.references) return false;
      if (own(PyObject_CallMethodNoArgs(task_, names().get_name)).ptr() != name_.ptr()) return false;
      return look() == seen_ && !truth(names().must_cancel) && !truth(names().callbacks);
    } catch (const py::error_already_set&) {
      return false;  // a task of another kind
    }
  }

 private:
  struct Sight {
    Py_ssize_t references, weak, members;
    bool operator==(const Sight&) const = default;
  };
  struct Names {
    PyObject* get_name = leaked_text("get_name");
    PyObject* must_cancel = leaked_text("_must_cancel");
    PyObject* callbacks = leaked_text("_callbacks");
    PyObject* weakrefs = import("weakref", "getweakrefcount").release().ptr();
  };
  static const Names& names() {
    static const Names leaked;
    return leaked;
  }
  Sight look() const {
    const Py_ssize_t weak = PyLong_AsSsize_t(own(PyObject_CallOneArg(names().weakrefs, task_)).ptr());
    return {Py_REFCNT(task_), weak, PyDict_GET_SIZE(members_.ptr())};
  }
  bool truth(PyObject* name) const {
    const int is = PyObject_IsTrue(own(PyObject_GetAttr(task_, name)).ptr());
    if (is < 0) throw py::error_already_set();
    return is != 0;
  }

  PyObject* const task_;
  const py::object members_;
  py::object name_;
  Sight seen_{};
};

}  // namespace

// ---- of the provider ----

void ProviderObject::enqueue(std::unique_ptr<ProviderCall> call) noexcept {
  waiting_.push_back(std::move(call));
  take_turns(foreseen_);
}

/// Sees to it that the calls that wait are served, by so many turns if there are so many.
void ProviderObject::take_turns(std::size_t wanted) noexcept {
  try {
    for (wanted = std::min(wanted, waiting_.size()); turns_ < wanted;) {
      const py::object turn = ProviderTurn::make(shared_from_this());
      PyObject* const arguments[] = {turn.ptr(), loop_.ptr()};
      own(PyObject_Vectorcall(task_type_.ptr(), arguments, 1, keyword_names_.ptr()));
    }
  } catch (...) {
    if (turns_ == 0) fail_waiting(waiting_.size());  // else those that there are do the work
  }
}

/// In a catch block.
void ProviderObject::fail_waiting(std::size_t most) noexcept {
  for (; most > 0 && !waiting_.empty(); --most) {
    std::unique_ptr<ProviderCall> call = std::move(waiting_.front());
    waiting_.pop_front();
    call->fail(failure(*call));
    completed_.push_back(std::move(call));
  }
  flush();
}

// ---- a turn ----

ProviderTurn::~ProviderTurn() {
  if (!begun_) --object_->turns_;
  clear();
}

bool ProviderTurn::begin() noexcept {
  if (std::exchange(begun_, true)) return false;
  --object_->turns_;
  return true;
}

PySendResult ProviderTurn::send(PyObject* value, PyObject** out) noexcept {
  *out = nullptr;
  try {
    if (coroutine_) {
      PySendResult status = PYGEN_ERROR;
      {
        const Inner inner(context_);
        status = PyIter_Send(coroutine_, value, out);
      }
      if (status != PYGEN_NEXT) clear();
      return status;
    }
    if (begin()) return serve_waiting(out);
    PyErr_SetString(PyExc_RuntimeError, "this turn is over");
  } catch (...) {
    object_->fail_waiting(object_->waiting_.size());
    set_python_error();
  }
  return PYGEN_ERROR;
}

PySendResult ProviderTurn::serve_waiting(PyObject** out) {
  static PyObject* const current_task = import("asyncio", "current_task").release().ptr();  // leaked
  ProviderObject& object = *object_;
  if (!object.waiting_.empty()) {
    const py::object task = own(PyObject_CallOneArg(current_task, object.loop_.ptr()));
    const Untouched untouched(task.ptr());
    while (!object.waiting_.empty()) {
      std::unique_ptr<ProviderCall> call = std::move(object.waiting_.front());
      object.waiting_.pop_front();
      try {
        py::object value;
        const PySendResult status = start(call, value);
        if (status == PYGEN_NEXT || (call && !untouched.still())) {
          *out = value.release().ptr();
          return keep_task(std::move(call), task.ptr(), status);
        }
        if (call) call->take(value.ptr());
      } catch (py::error_already_set& error) {
        if (call && !untouched.still()) {
          error.restore();
          return keep_task(std::move(call), task.ptr(), PYGEN_ERROR);
        }
        if (call) call->fail(object.failure(*call));  // else another task has it, or its destructor has told
      } catch (...) {
        if (call) call->fail(object.failure(*call));
      }
      object.foreseen_ = 1;
      if (call) object.completed_.push_back(std::move(call));
      if (object.completed_.size() >= kMostCompleted) object.flush();
    }
  }
  object.flush();
  *out = Py_NewRef(Py_None);
  return PYGEN_RETURN;
}

/// The first step of a call. Throws what the coroutine raises.
PySendResult ProviderTurn::start(std::unique_ptr<ProviderCall>& call, py::object& value) {
  const py::object context = own(PyContext_CopyCurrent());
  const Inner inner(context.ptr());
  object_->tell(call->call);
  py::object awaitable = call->invoke(object_->operations_[call->operation].method.ptr());
  if (!PyCoro_CheckExact(awaitable.ptr())) {
    object_->await(call, awaitable);
    if (call) value = std::move(awaitable);  // it was the result
    return PYGEN_RETURN;
  }
  PyObject* given = nullptr;
  const PySendResult status = PyIter_Send(awaitable.ptr(), Py_None, &given);
  if (status == PYGEN_ERROR) throw py::error_already_set();
  value = py::reinterpret_steal<py::object>(given);
  if (status == PYGEN_NEXT) {
    coroutine_ = awaitable.release().ptr();
    context_ = Py_NewRef(context.ptr());
  }
  return status;
}

/// The call ends as the task does; the others that wait are for other turns.
PySendResult ProviderTurn::keep_task(std::unique_ptr<ProviderCall> call, PyObject* task, PySendResult status) noexcept {
  const KeptError raised;
  try {
    object_->leave_to(std::move(call), task);
  } catch (...) {
    set_python_error();
    PyErr_WriteUnraisable(task);
  }
  object_->foreseen_ = std::min(2 * object_->foreseen_, kMostForeseen);
  object_->take_turns(object_->foreseen_);
  object_->flush();
  return status;
}

PyObject* ProviderTurn::raise(PyObject* const* arguments, Py_ssize_t count) noexcept {
  static PyObject* const name = leaked_text("throw");
  if (count < 1 || count > 3) {
    PyErr_SetString(PyExc_TypeError, "throw() takes one to three arguments");
    return nullptr;
  }
  try {
    if (coroutine_) {
      std::array<PyObject*, 4> row{coroutine_};
      std::copy_n(arguments, count, row.begin() + 1);
      PyObject* given = nullptr;
      {
        const Inner inner(context_);
        given = PyObject_VectorcallMethod(name, row.data(), static_cast<std::size_t>(count) + 1, nullptr);
      }
      if (!given) clear();
      return given;
    }
    PyObject* const first = arguments[0];
    if (PyExceptionInstance_Check(first))
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(first)), first);
    else
      PyErr_SetObject(first, count > 1 ? arguments[1] : Py_None);
    throw py::error_already_set();
  } catch (...) {
    // Cancelled before it began: with it the call that it would have served, and all when nobody else would serve them.
    if (begin()) object_->fail_waiting(object_->turns_ > 0 ? 1 : object_->waiting_.size());
    set_python_error();
    return nullptr;
  }
}

PyObject* ProviderTurn::close() noexcept {
  if (!coroutine_) return Py_NewRef(Py_None);
  return PyObject_CallMethod(coroutine_, "close", nullptr);
}

PyObject* ProviderTurn::attribute(const char* name) const noexcept {
  if (coroutine_) return PyObject_GetAttrString(coroutine_, name);
  PyErr_SetString(PyExc_AttributeError, name);
  return nullptr;
}

int ProviderTurn::traverse(visitproc visit, void* arg) const {
  Py_VISIT(coroutine_);
  Py_VISIT(context_);
  return 0;
}

void ProviderTurn::clear() noexcept {
  const KeptError raised;
  Py_CLEAR(coroutine_);
  Py_CLEAR(context_);
}

// ---- its Python type ----

namespace {

struct Turn {
  PyObject_HEAD ProviderTurn* turn;
};
ProviderTurn& turn_of(PyObject* self) { return *reinterpret_cast<Turn*>(self)->turn; }

PySendResult send_turn(PyObject* self, PyObject* value, PyObject** out) noexcept { return turn_of(self).send(value, out); }

PyObject* send_method(PyObject* self, PyObject* value) noexcept {
  PyObject* given = nullptr;
  const PySendResult status = turn_of(self).send(value, &given);
  if (status != PYGEN_RETURN) return given;
  // Made here: of a tuple the interpreter would take the items for arguments.
  if (PyObject* stop = PyObject_CallOneArg(PyExc_StopIteration, given)) {
    PyErr_SetObject(PyExc_StopIteration, stop);
    Py_DECREF(stop);
  }
  Py_DECREF(given);
  return nullptr;
}
PyObject* next_turn(PyObject* self) noexcept { return send_method(self, Py_None); }
PyObject* throw_method(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  return turn_of(self).raise(arguments, count);
}
PyObject* close_method(PyObject* self, PyObject*) noexcept { return turn_of(self).close(); }
PyObject* get_attribute(PyObject* self, void* name) noexcept { return turn_of(self).attribute(static_cast<const char*>(name)); }

int traverse_turn(PyObject* self, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(self));
  return reinterpret_cast<Turn*>(self)->turn->traverse(visit, arg);
}
int clear_turn(PyObject* self) noexcept {
  turn_of(self).clear();
  return 0;
}
void free_turn(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  delete reinterpret_cast<Turn*>(self)->turn;
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyGetSetDef shown(const char* name) { return {name, &get_attribute, nullptr, nullptr, const_cast<char*>(name)}; }

PyTypeObject* make_type() {
  static PyMethodDef methods[] = {
      {"send", &send_method, METH_O, nullptr},
      {"throw", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&throw_method)), METH_FASTCALL, nullptr},
      {"close", &close_method, METH_NOARGS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  // What asyncio shows of a task, and debuggers.
  static PyGetSetDef attributes[] = {shown("cr_await"),   shown("cr_code"),      shown("cr_frame"), shown("cr_origin"),
                                     shown("cr_running"), shown("__qualname__"), shown("__name__"), {}};
  PyType_Slot slots[] = {{Py_am_await, reinterpret_cast<void*>(&PyObject_SelfIter)},
                         {Py_am_send, reinterpret_cast<void*>(&send_turn)},
                         {Py_tp_iter, reinterpret_cast<void*>(&PyObject_SelfIter)},
                         {Py_tp_iternext, reinterpret_cast<void*>(&next_turn)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, attributes},
                         {Py_tp_traverse, reinterpret_cast<void*>(&traverse_turn)},
                         {Py_tp_clear, reinterpret_cast<void*>(&clear_turn)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(&free_turn)},
                         {0, nullptr}};
  PyType_Spec spec{"trunkline._native.ProviderTurn", sizeof(Turn), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return reinterpret_cast<PyTypeObject*>(own(PyType_FromSpec(&spec)).release().ptr());
}

}  // namespace

py::object ProviderTurn::make(const std::shared_ptr<ProviderObject>& object) {
  static PyTypeObject* const type = make_type();  // leaked
  auto turn = std::make_unique<ProviderTurn>(object);
  Turn* const self = PyObject_GC_New(Turn, type);
  if (!self) throw py::error_already_set();
  self->turn = turn.release();
  PyObject_GC_Track(self);
  return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(self));
}

}  // namespace trunkline::pyrt
