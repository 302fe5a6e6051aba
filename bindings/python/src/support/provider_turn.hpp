// Turns: tasks that serve a provider's calls one after the other. Hand-written.
#pragma once
#include <memory>

#include "support/provider.hpp"

namespace trunkline::pyrt {

/// What a task of a provider's loop runs: the calls that wait, one after the other, each in a context of its own. Most coroutines
/// end without having waited for anything; so one task does for many calls. The first one that waits keeps the task, which is its
/// own from then on, and so does one that has left something behind at it: for a coroutine it is as if it had been alone there.
class ProviderTurn {
 public:
  explicit ProviderTurn(std::shared_ptr<ProviderObject> object) : object_(std::move(object)) { ++object_->turns_; }
  ProviderTurn(const ProviderTurn&) = delete;
  ~ProviderTurn();
  /// A coroutine, for a task.
  static py::object make(const std::shared_ptr<ProviderObject>& object);

  PySendResult send(PyObject* value, PyObject** out) noexcept;
  PyObject* raise(PyObject* const* arguments, Py_ssize_t count) noexcept;
  PyObject* close() noexcept;
  /// An attribute of the coroutine that runs, as if this were it.
  PyObject* attribute(const char* name) const noexcept;
  int traverse(visitproc visit, void* argument) const;
  void clear() noexcept;

 private:
  PySendResult serve_waiting(PyObject** out);
  PySendResult start(std::unique_ptr<ProviderCall>& call, py::object& value);
  PySendResult keep_task(std::unique_ptr<ProviderCall> call, PyObject* task, PySendResult status) noexcept;
  /// False when it has begun before.
  bool begin() noexcept;

  const std::shared_ptr<ProviderObject> object_;
  bool begun_ = false;
  // Of the call that has the task.
  PyObject* coroutine_ = nullptr;
  PyObject* context_ = nullptr;
};

}  // namespace trunkline::pyrt
