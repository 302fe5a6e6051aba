// Errors on their way to Python. Hand-written.
#pragma once
#include "support/python.hpp"
#include "trunkline/error.hpp"

namespace trunkline::pyrt {

/// trunkline._errors.make: (code, message, target, retryable, retry_after, provider_code, http_status, service_code, details) →
/// exception.
void set_error_factory(py::object make);
/// The exception that shows `error`, as a new object.
py::object make_exception(const Error& error);
[[noreturn]] void raise(const Error& error);
/// The exception in flight, thrown by this library, as a Python exception object. Call it inside a catch block, with the GIL.
py::object current_exception_object();
/// Sets it as the thread's Python error. Call it inside a catch block, with the GIL.
void set_python_error() noexcept;

}  // namespace trunkline::pyrt
