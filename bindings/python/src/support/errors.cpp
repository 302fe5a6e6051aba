#include "support/errors.hpp"

#include "support/convert.hpp"

namespace trunkline::pyrt {
namespace {

PyObject* g_make = nullptr;  // leaked: errors may be made while the interpreter ends

Error as_error(const ConvertError& error) {
  const std::string where = error.path.empty() ? "The value" : error.path;
  return Error(ErrorCode::kInvalidArgument, where + " " + error.message, error.path);
}

py::object text_exception(PyObject* type, const std::string& message) {
  const py::object text = own(to_py(message));
  return own(PyObject_CallOneArg(type, text.ptr()));
}

py::object as_object(const ConvertError& error) {
  if (error.kind == ConvertError::Kind::kValue) return make_exception(as_error(error));
  return text_exception(PyExc_TypeError, error.path.empty() ? error.message : error.path + ": " + error.message);
}

}  // namespace

void set_error_factory(py::object make) { g_make = make.release().ptr(); }

py::object make_exception(const Error& error) {
  if (!g_make) return text_exception(PyExc_RuntimeError, error.message);
  Row<9> row;
  row.add(to_py(static_cast<std::int32_t>(error.code)));
  row.add(to_py(error.message));
  row.add(to_py(error.target));
  row.add(to_py(error.retryable));
  row.add(error.retry_after ? to_py(std::chrono::duration<double>(*error.retry_after).count()) : Py_NewRef(Py_None));
  row.add(to_py(error.provider_code));
  row.add(to_py(error.http_status));
  row.add(to_py(error.service_code));
  row.add(to_py(error.details));
  return own(PyObject_Vectorcall(g_make, row.data(), row.size(), nullptr));
}

void raise(const Error& error) {
  const py::object exception = make_exception(error);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw py::error_already_set();
}

py::object current_exception_object() {
  try {
    throw;
  } catch (const ConvertError& error) {
    return as_object(error);
  } catch (py::error_already_set& error) {
    return error.value();
  } catch (...) {
    return make_exception(current_error());
  }
}

void set_python_error() noexcept {
  try {
    throw;
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (...) {
    try {
      const py::object exception = current_exception_object();
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
    } catch (...) {
      PyErr_SetString(PyExc_SystemError, "an error that could not be shown");
    }
  }
}

}  // namespace trunkline::pyrt
