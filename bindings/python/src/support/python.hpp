// The GIL, the end of the interpreter, references and modules. Hand-written.
#pragma once
// Only the light part of pybind11: with all of it each generated file would take ten seconds longer to compile.
#include <pybind11/pytypes.h>
#include <unistd.h>

#include <string>

#include "support/ending.hpp"

namespace py = pybind11;

namespace trunkline::pyrt {

inline bool finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

/// Gives the GIL away for a scope. When the interpreter is ending, a daemon thread must not come back into it (ending.hpp).
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {}
  GilRelease(const GilRelease&) = delete;
  ~GilRelease() {
    if (!state_) return;
    if (must_rest() || (finalizing() && !on_main_thread())) rest();
    PyEval_RestoreThread(state_);
  }
  /// Runs Python's signal handlers. Throws what they raise (KeyboardInterrupt), with the GIL taken back.
  void check_signals() {
    PyEval_RestoreThread(state_);
    if (PyErr_CheckSignals() != 0) {
      state_ = nullptr;
      throw py::error_already_set();
    }
    state_ = PyEval_SaveThread();
  }
  /// The OS's main thread: Python's main thread, which alone runs signal handlers. Asked anew each time: fork changes the answer.
  static bool on_main_thread() { return ::gettid() == ::getpid(); }

 private:
  PyThreadState* state_;
};

/// Takes the GIL on a thread that may or may not be Python's. False when the interpreter is ending: then nothing of Python's may
/// be touched any more.
class GilAcquire {
 public:
  GilAcquire() : taken_(!finalizing() || GilRelease::on_main_thread()) {
    if (taken_) state_ = PyGILState_Ensure();
  }
  GilAcquire(const GilAcquire&) = delete;
  ~GilAcquire() {
    if (taken_) PyGILState_Release(state_);
  }
  explicit operator bool() const { return taken_; }

 private:
  const bool taken_;
  PyGILState_STATE state_{};
};

/// A new reference from a C API call; NULL becomes the Python exception that is set.
inline py::object own(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

inline py::object import(const char* module, const char* name) {
  const py::object found = own(PyImport_ImportModule(module));
  return own(PyObject_GetAttrString(found.ptr(), name));
}
/// UTF-8 of str(object).
std::string text_of(PyObject* object);

}  // namespace trunkline::pyrt
