// What the generated native classes are made of. Hand-written.
//
// A class is a plain CPython type whose methods are METH_FASTCALL functions: a third of the cost of a pybind11 call, and of its
// compile time. Every class has the same object: a runtime and one interface of it.
#pragma once
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "support/call.hpp"
#include "support/stream.hpp"

namespace trunkline::pyrt {

using Args = PyObject* const*;
using Method = PyObject* (*)(PyObject* self, Args args, Py_ssize_t count);

/// One operation of an interface, without and with "_async".
struct MethodSpec {
  const char* name;
  Method method;
};
struct InterfaceSpec {
  const char* name;
  const char* id;
  RuntimeHandle::Kind kind;
};
/// Defines the class `spec.name(runtime, name)` in a module, with the method with_options(idempotency_key, traceparent, resource).
/// Both live as long as the interpreter.
void define_interface(PyObject* module, const InterfaceSpec& spec, const MethodSpec* methods, std::size_t count);
/// An object of the class that was defined for an interface id. Throws kUnimplemented for an id that has none.
py::object wrap_interface(std::string_view id, std::shared_ptr<RuntimeHandle> runtime, tl_iface target);
/// A submodule that `from trunkline._native import name` finds, with a function register(dict of types).
PyObject* define_module(PyObject* parent, const char* name, void (*register_types)(PyObject* types));
/// An item of the dict that register() was given.
py::object type_of(PyObject* types, const char* name);

/// What a trunkline._native.Runtime holds; TypeError for anything else. Defined in module.cpp.
std::shared_ptr<RuntimeHandle> runtime_of(PyObject* object);

/// What all calls of one object carry; empty: nothing.
struct CallContext {
  std::string idempotency_key;
  std::string traceparent;
  std::string resource;
};

/// An interface of a runtime. Keeps the runtime open.
class Interface {
 public:
  Interface(std::shared_ptr<RuntimeHandle> runtime, tl_iface target) : runtime_(std::move(runtime)), target_(target) {}
  Interface(const Interface& other, CallContext context)
      : runtime_(other.runtime_), target_(other.target_), context_(std::move(context)) {}
  static const Interface& of(PyObject* self);
  const std::shared_ptr<RuntimeHandle>& runtime() const { return runtime_; }
  const CallContext& context() const { return context_; }
  void add_context(CallOptions& options) const {
    options.idempotency_key = context_.idempotency_key;
    options.traceparent = context_.traceparent;
    options.resource = context_.resource;
  }
  template <class Client>
  Client client() const {
    return Client(target_, runtime_->calls());
  }

 private:
  std::shared_ptr<RuntimeHandle> runtime_;
  tl_iface target_;
  CallContext context_;
};

template <class R>
struct IsStream : std::false_type {};
template <class T>
struct IsStream<StreamClient<T>> : std::true_type {};

/// A result on its way to Python. One that never gets there may hold a stream, which dies with its runtime.
template <class R>
struct ToPython {
  std::shared_ptr<RuntimeHandle> runtime;

  py::object operator()(Result<R>& result) const {
    if constexpr (std::is_void_v<R>) {
      result.value();
      return py::none();
    } else if constexpr (IsStream<R>::value) {
      return open_stream(runtime, std::move(result).value());
    } else {
      return own(put(result.value()));
    }
  }
  void discard(Result<R>& result) const noexcept {
    if constexpr (IsStream<R>::value)
      if (result.ok()) discard_stream(*runtime, std::move(result).value());
  }
};

/// TypeError "<name><suffix> takes <wanted> arguments, found <found>".
void check_count(const char* name, const char* suffix, Py_ssize_t wanted, Py_ssize_t found);

/// Runs the body of one method and turns what is thrown into the Python error.
template <class Body>
PyObject* method(Body body) noexcept {
  const Inside inside;
  try {
    return py::object(body()).release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

/// An operation that is being called: its arguments, and how it is started with them. The generated code has a class for each
/// operation; what their calls do alike is compiled once for each result.
template <class R>
class Operation {
 public:
  using Result = R;
  Operation(const char* name, Py_ssize_t count) : name(name), count(count) {}
  /// Converts the arguments.
  virtual void take(Args args) = 0;
  /// Begins it, once.
  virtual void start(const Interface& interface, CallOptions options, Done<R> done) = 0;

  const char* const name;
  const Py_ssize_t count;  // of arguments

 protected:
  ~Operation() = default;
};

template <class R>
PyObject* call_sync(PyObject* self, Args args, Py_ssize_t count, Operation<R>& operation) noexcept {
  return method([&] {
    check_count(operation.name, "", operation.count + 1, count);
    operation.take(args);
    const Interface& interface = Interface::of(self);
    const auto pending = Pending<R>::make();
    const auto begin = [&](CallOptions options) {
      interface.add_context(options);
      operation.start(interface, std::move(options), pending->done());
    };
    run_sync(interface.runtime(), args[operation.count], *pending, Starter(begin));
    return ToPython<R>{interface.runtime()}(pending->result());
  });
}
template <class R>
PyObject* call_async(PyObject* self, Args args, Py_ssize_t count, Operation<R>& operation) noexcept {
  return method([&] {
    check_count(operation.name, "_async", operation.count, count);
    operation.take(args);
    const Interface& interface = Interface::of(self);
    auto call = std::make_unique<AsyncCallOf<R, ToPython<R>>>(ToPython<R>{interface.runtime()});
    auto& receiver = *call;
    const auto begin = [&](CallOptions options) {
      interface.add_context(options);
      operation.start(interface, std::move(options), Done<R>(receiver));
    };
    return begin_async(interface.runtime(), std::move(call), Starter(begin));
  });
}
/// The two methods of an operation: operation(arguments, timeout) and operation_async(arguments).
template <class Op>
PyObject* blocking(PyObject* self, Args args, Py_ssize_t count) noexcept {
  Op operation;
  return call_sync<typename Op::Result>(self, args, count, operation);
}
template <class Op>
PyObject* awaited(PyObject* self, Args args, Py_ssize_t count) noexcept {
  Op operation;
  return call_async<typename Op::Result>(self, args, count, operation);
}

/// An operation marked @sync: it never blocks, so the GIL is kept.
template <class Client, class Call>
py::object call_now(PyObject* self, Call call) {
  const Interface& interface = Interface::of(self);
  const RuntimeHandle::Use use(*interface.runtime());
  if constexpr (std::is_void_v<std::invoke_result_t<Call&, Client>>) {
    call(interface.client<Client>());
    return py::none();
  } else {
    return own(put(call(interface.client<Client>())));
  }
}
}  // namespace trunkline::pyrt
