// One operation that a Python object was asked for. Hand-written.
//
// It is made by the calling thread, which has no GIL; turned into Python and back with the GIL, on the provider's loop or on one
// of its worker threads; and completed without it.
#pragma once
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "support/convert.hpp"
#include "support/loop.hpp"
#include "trunkline/completion.hpp"

namespace trunkline::pyrt {

class ProviderObject;

/// The task of a call, for whoever cancels it. The pointer is read and written with the GIL.
struct TaskRef {
  PyObject* task = nullptr;
  /// On its loop.
  void cancel() const noexcept;
};

/// Destroyed without having been completed it fails with "the operation was dropped".
class ProviderCall {
 public:
  ProviderCall(std::size_t operation, const Call& call) : operation(operation), call(call) {}
  ProviderCall(const ProviderCall&) = delete;
  virtual ~ProviderCall() = default;

  /// Calls the method with the arguments. [GIL]
  virtual py::object invoke(PyObject* method) = 0;
  /// Keeps what the method gave; ConvertError when it has another shape. [GIL]
  virtual void take(PyObject* result) = 0;
  virtual void fail(Error error) = 0;
  /// Hands over what was kept. Once. [without the GIL]
  virtual void complete() = 0;

  const std::size_t operation;
  const Call call;
  std::shared_ptr<TaskRef> task;
  CancelSubscription cancellation;  // ends before the completion
  // Where it stands among the calls that have a deadline; of the loop's thread.
  Time deadline{};
  std::optional<std::list<ProviderCall*>::iterator> due;
};

template <class R, class... Args>
class ProviderCallOf final : public ProviderCall {
 public:
  ProviderCallOf(std::size_t operation, const Call& call, Completion<R> done, Args... args)
      : ProviderCall(operation, call), done_(std::move(done)), args_(std::move(args)...) {}

  py::object invoke(PyObject* method) override {
    Row<sizeof...(Args)> row;
    std::apply([&](const auto&... args) { (row.add(put(args)), ...); }, args_);
    return own(PyObject_Vectorcall(method, row.data(), row.size(), nullptr));
  }
  void take([[maybe_unused]] PyObject* object) override {
    if constexpr (std::is_void_v<R>) {
      result_ = Result<R>();
    } else {
      R value{};
      argument("result", object, value);
      result_ = Result<R>(std::move(value));
    }
  }
  void fail(Error error) override { result_ = Result<R>(std::move(error)); }
  void complete() override { done_.complete(std::move(result_)); }

 private:
  Completion<R> done_;
  std::tuple<Args...> args_;
  Result<R> result_;
};

}  // namespace trunkline::pyrt
