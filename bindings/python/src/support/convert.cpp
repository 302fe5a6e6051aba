// The only file that uses the datetime C API: its table is a static of each translation unit.
#include "support/convert.hpp"

#include <datetime.h>
#include <structmember.h>

#include <chrono>
#include <limits>

namespace trunkline::pyrt {
namespace {

using Kind = ConvertError::Kind;

const PyDateTime_CAPI& datetime_api() {
  if (!PyDateTimeAPI) {
    PyDateTime_IMPORT;
    if (!PyDateTimeAPI) throw py::error_already_set();
  }
  return *PyDateTimeAPI;
}

[[noreturn]] void out_of_range(const std::string& found, const std::string& wanted) {
  throw ConvertError(Kind::kValue, "is out of range: found " + found + ", wanted " + wanted);
}

/// For messages.
std::string short_text(PyObject* object) {
  std::string text = text_of(object);
  constexpr std::size_t kLongest = 60;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "…";
  return text;
}

/// An int (or what has __index__) that is no bool.
py::object as_int(PyObject* object) {
  if (PyBool_Check(object) || !PyIndex_Check(object)) wrong_type("int", object);
  return own(PyNumber_Index(object));
}

template <class T>
void signed_from_py(PyObject* object, T& value) {
  const py::object number = as_int(object);
  int overflow = 0;
  const long long wide = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (wide == -1 && !overflow && PyErr_Occurred()) throw py::error_already_set();
  if (overflow || wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max())
    out_of_range(short_text(number.ptr()),
                 std::to_string(std::numeric_limits<T>::min()) + " to " + std::to_string(std::numeric_limits<T>::max()));
  value = static_cast<T>(wide);
}

template <class T>
void unsigned_from_py(PyObject* object, T& value) {
  const py::object number = as_int(object);
  const unsigned long long wide = PyLong_AsUnsignedLongLong(number.ptr());
  const bool failed = wide == static_cast<unsigned long long>(-1) && PyErr_Occurred();
  if (failed) PyErr_Clear();  // negative or too large, nothing else is possible
  if (failed || wide > std::numeric_limits<T>::max())
    out_of_range(short_text(number.ptr()), "0 to " + std::to_string(std::numeric_limits<T>::max()));
  value = static_cast<T>(wide);
}

/// Whole microseconds of a timedelta.
std::int64_t micros_of(PyObject* delta) {
  const std::int64_t days = PyDateTime_DELTA_GET_DAYS(delta), seconds = PyDateTime_DELTA_GET_SECONDS(delta);
  return (days * 86400 + seconds) * 1'000'000 + PyDateTime_DELTA_GET_MICROSECONDS(delta);
}
constexpr std::int64_t kMostMicros = std::numeric_limits<std::int64_t>::max() / 1000;

}  // namespace

std::string text_of(PyObject* object) {
  const py::object text = own(PyObject_Str(object));
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (!data) throw py::error_already_set();
  return {data, static_cast<std::size_t>(size)};
}

void wrong_type(const char* wanted, PyObject* object) {
  throw ConvertError(Kind::kType, std::string("expected ") + wanted + ", found " + Py_TYPE(object)->tp_name);
}

// ---- text and bytes ----
PyObject* to_py(const std::string& value) {
  // Text from a carrier may be broken; a lost character is better than a lost message.
  return PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace");
}
void from_py(PyObject* object, std::string& value) {
  if (!PyUnicode_Check(object)) wrong_type("str", object);
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(object, &size);
  if (!data) {  // a lone surrogate
    PyErr_Clear();
    throw ConvertError(Kind::kValue, "is no valid Unicode text");
  }
  value.assign(data, static_cast<std::size_t>(size));
}
PyObject* to_py(const Bytes& value) {
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(value.data()), static_cast<Py_ssize_t>(value.size()));
}
void from_py(PyObject* object, Bytes& value) {
  if (!PyObject_CheckBuffer(object)) wrong_type("bytes", object);
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_CONTIG_RO) != 0) throw py::error_already_set();
  const auto* data = static_cast<const std::uint8_t*>(view.buf);
  value.assign(data, data + view.len);
  PyBuffer_Release(&view);
}
PyObject* to_py(const StringMap& value) {
  const py::object dict = own(PyDict_New());
  for (const auto& [key, item] : value) {
    const py::object k = own(to_py(key)), v = own(to_py(item));
    if (PyDict_SetItem(dict.ptr(), k.ptr(), v.ptr()) != 0) throw py::error_already_set();
  }
  return Py_NewRef(dict.ptr());
}
void from_py(PyObject* object, StringMap& value) {
  if (!PyDict_Check(object) && !(PyMapping_Check(object) && PyObject_HasAttrString(object, "keys"))) wrong_type("dict", object);
  const py::object items = own(PyMapping_Items(object));
  value.clear();
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.ptr()); ++i) {
    PyObject* const item = PyList_GET_ITEM(items.ptr(), i);  // a tuple of two, in a list that is ours
    std::string key, text;
    from_py(PyTuple_GET_ITEM(item, 0), key);
    try {
      from_py(PyTuple_GET_ITEM(item, 1), text);
    } catch (ConvertError& error) {
      error.within_field(("[" + key + "]").c_str());
      throw;
    }
    value.insert_or_assign(std::move(key), std::move(text));
  }
}

// ---- numbers ----
void from_py(PyObject* object, bool& value) {
  if (!PyBool_Check(object)) wrong_type("bool", object);
  value = object == Py_True;
}
void from_py(PyObject* object, std::int32_t& value) { signed_from_py(object, value); }
void from_py(PyObject* object, std::int64_t& value) { signed_from_py(object, value); }
void from_py(PyObject* object, std::uint32_t& value) { unsigned_from_py(object, value); }
void from_py(PyObject* object, std::uint64_t& value) { unsigned_from_py(object, value); }
void from_py(PyObject* object, double& value) {
  if (PyBool_Check(object) || !(PyFloat_Check(object) || PyIndex_Check(object))) wrong_type("float", object);
  value = PyFloat_AsDouble(object);
  if (value == -1.0 && PyErr_Occurred()) throw py::error_already_set();
}

// ---- time ----
PyObject* to_py(Duration value) {
  using namespace std::chrono;
  const PyDateTime_CAPI& api = datetime_api();
  const auto day = floor<days>(value);
  const auto second = floor<seconds>(value - day);
  const auto micro = floor<microseconds>(value - day - second);
  return api.Delta_FromDelta(static_cast<int>(day.count()), static_cast<int>(second.count()), static_cast<int>(micro.count()), 1,
                             api.DeltaType);
}
void from_py(PyObject* object, Duration& value) {
  datetime_api();
  if (!PyDelta_Check(object)) wrong_type("datetime.timedelta", object);
  const std::int64_t micros = micros_of(object);
  if (micros > kMostMicros || micros < -kMostMicros) out_of_range(short_text(object), "at most 106751 days");
  value = std::chrono::microseconds(micros);
}
PyObject* to_py(Time value) {
  using namespace std::chrono;
  const PyDateTime_CAPI& api = datetime_api();
  const auto day = floor<days>(value);
  const year_month_day date{day};
  const hh_mm_ss time{floor<microseconds>(value - day)};
  return api.DateTime_FromDateAndTime(static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
                                      static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(time.hours().count()),
                                      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                                      static_cast<int>(time.subseconds().count()), api.TimeZone_UTC, api.DateTimeType);
}
void from_py(PyObject* object, Time& value) {
  using namespace std::chrono;
  datetime_api();
  if (!PyDateTime_Check(object)) wrong_type("datetime.datetime", object);
  const py::object offset = own(PyObject_CallMethod(object, "utcoffset", nullptr));
  if (offset.is_none())
    throw ConvertError(Kind::kValue, "is a datetime without time zone: found " + short_text(object) +
                                         ", wanted an aware one such as datetime.now(timezone.utc)");
  const sys_days day =
      year_month_day{year{PyDateTime_GET_YEAR(object)}, month{static_cast<unsigned>(PyDateTime_GET_MONTH(object))},
                     std::chrono::day{static_cast<unsigned>(PyDateTime_GET_DAY(object))}};
  const auto micros = day.time_since_epoch() + hours{PyDateTime_DATE_GET_HOUR(object)} +
                      minutes{PyDateTime_DATE_GET_MINUTE(object)} + seconds{PyDateTime_DATE_GET_SECOND(object)} +
                      microseconds{PyDateTime_DATE_GET_MICROSECOND(object)} - microseconds{micros_of(offset.ptr())};
  if (micros.count() > kMostMicros || micros.count() < -kMostMicros) out_of_range(short_text(object), "the years 1678 to 2261");
  value = Time{Duration{micros}};
}

// ---- json ----
PyObject* json_to_py(const std::string& text) {
  static PyObject* const loads = import("json", "loads").release().ptr();  // leaked: outlives the interpreter's statics
  const py::object encoded = own(to_py(text));
  return own(PyObject_CallOneArg(loads, encoded.ptr())).release().ptr();
}
void json_from_py(PyObject* object, std::string& text) {
  // A compact encoder that keeps Unicode and refuses NaN. Deep or circular values end in an error of its own.
  static PyObject* const encode = [] {
    const py::object options =
        own(Py_BuildValue("{s:O,s:O,s:(ss)}", "ensure_ascii", Py_False, "allow_nan", Py_False, "separators", ",", ":"));
    const py::object none = own(PyTuple_New(0));
    const py::object encoder = own(PyObject_Call(import("json", "JSONEncoder").ptr(), none.ptr(), options.ptr()));
    return own(PyObject_GetAttrString(encoder.ptr(), "encode")).release().ptr();
  }();
  try {
    from_py(own(PyObject_CallOneArg(encode, object)).ptr(), text);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_TypeError)) throw ConvertError(Kind::kType, "is no JSON value: " + short_text(error.value().ptr()));
    if (error.matches(PyExc_ValueError) || error.matches(PyExc_RecursionError))
      throw ConvertError(Kind::kValue, "is no JSON value: " + short_text(error.value().ptr()));
    throw;
  }
}

// ---- containers ----
py::object as_sequence(PyObject* object) {
  if (PyUnicode_Check(object) || PyBytes_Check(object) || PyDict_Check(object) ||
      !(PySequence_Check(object) || PyIter_Check(object) || Py_TYPE(object)->tp_iter))
    wrong_type("list", object);
  return own(PySequence_Fast(object, "expected list"));
}

// ---- models and enums ----
void ModelBase::init(py::handle type, const char* const* names, Py_ssize_t* offsets, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const py::object member = type.attr(names[i]);
    if (!Py_IS_TYPE(member.ptr(), &PyMemberDescr_Type)) throw py::type_error(std::string("no slot: ") + names[i]);
    offsets[i] = reinterpret_cast<PyMemberDescrObject*>(member.ptr())->d_member->offset;
  }
  type_ = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
}
PyObject* ModelBase::allocate() const {
  if (!type_) throw Error(ErrorCode::kInternal, "the Python types of this module were not registered");
  PyObject* object = type_->tp_alloc(type_, 0);
  if (!object) throw py::error_already_set();
  return object;
}
Fields::Fields(const ModelBase& model, PyObject* object, const char* const* names, const Py_ssize_t* offsets)
    : object_(object), names_(names), offsets_(offsets) {
  if (!model.type_) throw Error(ErrorCode::kInternal, "the Python types of this module were not registered");
  if (!model.is(object)) wrong_type(model.type_->tp_name, object);
}
py::object Fields::get(std::size_t i) const {
  PyObject* value = *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object_) + offsets_[i]);
  if (!value) throw ConvertError(Kind::kType, "was deleted");
  return py::reinterpret_borrow<py::object>(value);
}
void Fields::too_few(std::size_t found, std::size_t wanted) {
  throw ConvertError(Kind::kValue,
                     "has too few items: found " + std::to_string(found) + ", wanted at least " + std::to_string(wanted));
}
void EnumTable::init(py::handle type) {
  for (const py::handle member : type)
    members_.insert_or_assign(static_cast<std::int32_t>(PyLong_AsLong(member.ptr())), member.inc_ref().ptr());
}
PyObject* EnumTable::get(std::int32_t value) const {
  const auto found = members_.find(value);
  return found == members_.end() ? PyLong_FromLong(value) : Py_NewRef(found->second);
}

}  // namespace trunkline::pyrt
