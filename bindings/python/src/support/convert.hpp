// Values between Python and C++. Hand-written; the generated types_*.hpp add one pair of functions for each model.
//
// to_py(value) gives a new reference or throws py::error_already_set. from_py(object, value) throws ConvertError, which knows
// the path to the value at fault. Both run with the GIL held. The overloads of generated types are found by their namespace.
#pragma once
#include <array>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "support/python.hpp"
#include "trunkline/error.hpp"

namespace trunkline::pyrt {

using Bytes = std::vector<std::uint8_t>;
using StringMap = std::map<std::string, std::string>;

/// A Python value that does not fit where it was given. Becomes TypeError, or InvalidArgumentError with the path as its target.
class ConvertError : public std::exception {
 public:
  enum class Kind { kType, kValue };
  ConvertError(Kind kind, std::string message) : kind(kind), message(std::move(message)) {}
  const char* what() const noexcept override { return message.c_str(); }
  void within_field(const char* name) { path = name + (path.empty() || path[0] == '[' ? path : "." + path); }
  void within_item(std::size_t index) {
    path = "[" + std::to_string(index) + "]" + (path.empty() || path[0] == '[' ? path : "." + path);
  }

  Kind kind;
  std::string message;
  std::string path;
};
/// TypeError "expected <wanted>, found <type of object>".
[[noreturn]] void wrong_type(const char* wanted, PyObject* object);

// ---- scalars ----
PyObject* to_py(const std::string& value);
PyObject* to_py(const Bytes& value);
PyObject* to_py(const StringMap& value);
PyObject* to_py(Time value);
PyObject* to_py(Duration value);
inline PyObject* to_py(bool value) { return PyBool_FromLong(value); }
inline PyObject* to_py(std::int32_t value) { return PyLong_FromLong(value); }
inline PyObject* to_py(std::uint32_t value) { return PyLong_FromUnsignedLong(value); }
inline PyObject* to_py(std::int64_t value) { return PyLong_FromLongLong(value); }
inline PyObject* to_py(std::uint64_t value) { return PyLong_FromUnsignedLongLong(value); }
inline PyObject* to_py(double value) { return PyFloat_FromDouble(value); }

void from_py(PyObject* object, std::string& value);
void from_py(PyObject* object, Bytes& value);
void from_py(PyObject* object, StringMap& value);
void from_py(PyObject* object, Time& value);
void from_py(PyObject* object, Duration& value);
void from_py(PyObject* object, bool& value);
void from_py(PyObject* object, std::int32_t& value);
void from_py(PyObject* object, std::uint32_t& value);
void from_py(PyObject* object, std::int64_t& value);
void from_py(PyObject* object, std::uint64_t& value);
void from_py(PyObject* object, double& value);

/// A `json` scalar: text in C++, the decoded value in Python.
PyObject* json_to_py(const std::string& text);
void json_from_py(PyObject* object, std::string& text);
inline PyObject* json_to_py(const std::optional<std::string>& text) { return text ? json_to_py(*text) : Py_NewRef(Py_None); }
inline void json_from_py(PyObject* object, std::optional<std::string>& text) {
  if (object == Py_None)
    text.reset();
  else
    json_from_py(object, text.emplace());
}

// ---- containers ----
template <class T>
PyObject* to_py(const std::vector<T>& values);
template <class T>
PyObject* to_py(const std::optional<T>& value);
template <class T>
void from_py(PyObject* object, std::vector<T>& values);
template <class T>
void from_py(PyObject* object, std::optional<T>& value);

template <class T>
PyObject* to_py(const std::vector<T>& values) {
  py::object list = own(PyList_New(static_cast<Py_ssize_t>(values.size())));
  for (std::size_t i = 0; i < values.size(); ++i) {
    PyObject* item = to_py(values[i]);
    if (!item) throw py::error_already_set();
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), item);
  }
  return list.release().ptr();
}
template <class T>
PyObject* to_py(const std::optional<T>& value) {
  return value ? to_py(*value) : Py_NewRef(Py_None);
}

/// A list or tuple of the items; texts, bytes and dicts are iterable too, but never meant.
py::object as_sequence(PyObject* object);

template <class T>
void from_py(PyObject* object, std::vector<T>& values) {
  const py::object sequence = as_sequence(object);
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence.ptr());
  values.clear();
  values.reserve(static_cast<std::size_t>(count));
  // The list may shrink while a conversion runs foreign code, so its size is read each time.
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.ptr()); ++i) {
    const auto item = py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(sequence.ptr(), i));
    try {
      from_py(item.ptr(), values.emplace_back());
    } catch (ConvertError& error) {
      error.within_item(static_cast<std::size_t>(i));
      throw;
    }
  }
}
template <class T>
void from_py(PyObject* object, std::optional<T>& value) {
  if (object == Py_None)
    value.reset();
  else
    from_py(object, value.emplace());
}

/// A model whose conversion may recurse through Python values: CPython's own limit bounds the depth.
class Nesting {
 public:
  Nesting() {
    if (Py_EnterRecursiveCall(" while a value was converted")) throw py::error_already_set();
  }
  Nesting(const Nesting&) = delete;
  ~Nesting() { Py_LeaveRecursiveCall(); }
};

/// One argument of an operation, so that an error names it.
template <class T>
void argument(const char* name, PyObject* object, T& value) {
  try {
    from_py(object, value);
  } catch (ConvertError& error) {
    error.within_field(name);
    throw;
  }
}
void json_argument(const char* name, PyObject* object, auto& value) {
  try {
    json_from_py(object, value);
  } catch (ConvertError& error) {
    error.within_field(name);
    throw;
  }
}

/// put() and take() reach every overload, wherever it is declared; generated code uses only these.
template <class T>
PyObject* put(const T& value) {
  return to_py(value);
}
template <class T>
void take(PyObject* object, T& value) {
  from_py(object, value);
}

/// New references on their way into a model.
template <std::size_t N>
class Row {
 public:
  Row() = default;
  Row(const Row&) = delete;
  ~Row() {
    for (std::size_t i = 0; i < count_; ++i) Py_DECREF(values_[i]);
  }
  /// Takes over a new reference; NULL throws the Python exception that is set.
  void add(PyObject* value) {
    if (!value) throw py::error_already_set();
    values_[count_++] = value;
  }
  PyObject* const* data() const { return values_.data(); }
  std::size_t size() const { return count_; }
  /// Moves the references into slots.
  void release(PyObject* object, const Py_ssize_t* offsets) noexcept {
    for (std::size_t i = 0; i < N; ++i) *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offsets[i]) = values_[i];
    count_ = 0;
  }

 private:
  std::array<PyObject*, N> values_;
  std::size_t count_ = 0;
};

/// The layout of a generated @dataclass(slots=True). Values are made by writing the slots, which is three times as fast as
/// calling the class and runs no Python code. Never freed: types live as long as the interpreter.
class ModelBase {
 public:
  bool is(PyObject* object) const { return type_ && PyObject_TypeCheck(object, type_); }

 protected:
  friend class Fields;
  void init(py::handle type, const char* const* names, Py_ssize_t* offsets, std::size_t count);
  PyObject* allocate() const;
  PyTypeObject* type_ = nullptr;
};
template <std::size_t N>
class Model : public ModelBase {
 public:
  explicit Model(std::array<const char*, N> names) : names_(names) {}
  void init(py::handle type) { ModelBase::init(type, names_.data(), offsets_.data(), N); }
  PyObject* make(Row<N>& row) const {
    PyObject* object = allocate();
    row.release(object, offsets_.data());
    return object;
  }

 private:
  friend class Fields;
  std::array<const char*, N> names_;
  std::array<Py_ssize_t, N> offsets_{};
};

/// Reads the fields of one model object.
class Fields {
 public:
  template <std::size_t N>
  Fields(const Model<N>& model, PyObject* object) : Fields(model, object, model.names_.data(), model.offsets_.data()) {}

  template <class T>
  void take(std::size_t i, T& value) const {
    with(i, [&](PyObject* field) { pyrt::take(field, value); });
  }
  template <class T>
  void take_json(std::size_t i, T& value) const {
    with(i, [&](PyObject* field) { json_from_py(field, value); });
  }
  template <class T>
  void take_at_least(std::size_t i, std::vector<T>& value, std::size_t least) const {
    with(i, [&](PyObject* field) {
      pyrt::take(field, value);
      if (value.size() < least) too_few(value.size(), least);
    });
  }

 private:
  Fields(const ModelBase& model, PyObject* object, const char* const* names, const Py_ssize_t* offsets);
  template <class F>
  void with(std::size_t i, F convert) const {
    try {
      convert(get(i).ptr());
    } catch (ConvertError& error) {
      error.within_field(names_[i]);
      throw;
    }
  }
  py::object get(std::size_t i) const;
  [[noreturn]] static void too_few(std::size_t found, std::size_t wanted);

  const Nesting nesting_;
  PyObject* const object_;
  const char* const* const names_;
  const Py_ssize_t* const offsets_;
};

/// An IntEnum: its members for the values that it knows, a plain int for any other.
class EnumTable {
 public:
  void init(py::handle type);
  PyObject* get(std::int32_t value) const;

 private:
  std::unordered_map<std::int32_t, PyObject*> members_;
};

}  // namespace trunkline::pyrt
