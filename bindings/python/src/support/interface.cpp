#include "support/interface.hpp"

#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace trunkline::pyrt {
namespace {

struct Instance {
  PyObject_HEAD Interface* interface;
};

/// By type. Leaked, guarded by the GIL; read only when an object is made.
auto& specs() {
  static auto* const map = new std::unordered_map<PyTypeObject*, InterfaceSpec>;
  return *map;
}

/// The types of what hosts offer, by id. Leaked, guarded by the GIL.
auto& host_types() {
  static auto* const map = new std::map<std::string, PyTypeObject*, std::less<>>;
  return *map;
}

PyObject* wrap(PyTypeObject* type, std::unique_ptr<Interface> interface) {
  PyObject* self = type->tp_alloc(type, 0);
  if (self) reinterpret_cast<Instance*>(self)->interface = interface.release();
  return self;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) noexcept {
  const Inside inside;
  try {
    PyObject* runtime = nullptr;
    PyObject* name_object = nullptr;
    static const char* const names[] = {"", "", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO", const_cast<char**>(names), &runtime, &name_object)) return nullptr;
    std::string name;
    argument("name", name_object, name);
    const std::shared_ptr<RuntimeHandle> handle = runtime_of(runtime);
    const InterfaceSpec& spec = specs().at(type);
    const tl_iface target = handle->find(spec.kind, name, spec.id);
    return wrap(type, std::make_unique<Interface>(handle, target));
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

/// None leaves a part as it is.
PyObject* with_options(PyObject* self, Args args, Py_ssize_t count) noexcept {
  return method([&] {
    check_count("with_options", "", 3, count);
    const Interface& interface = Interface::of(self);
    CallContext context = interface.context();
    if (args[0] != Py_None) argument("idempotency_key", args[0], context.idempotency_key);
    if (args[1] != Py_None) argument("traceparent", args[1], context.traceparent);
    if (args[2] != Py_None) argument("resource", args[2], context.resource);
    return own(wrap(Py_TYPE(self), std::make_unique<Interface>(interface, std::move(context))));
  });
}

void free_instance(PyObject* self) noexcept {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<Instance*>(self)->interface;
  type->tp_free(self);
  Py_DECREF(type);
}

template <class T>
T* leak(std::vector<T> values) {
  return (new std::vector<T>(std::move(values)))->data();
}

PyObject* register_types(PyObject* self, PyObject* types) noexcept {
  try {
    reinterpret_cast<void (*)(PyObject*)>(PyCapsule_GetPointer(self, nullptr))(types);
    return Py_NewRef(Py_None);
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}
PyMethodDef g_register{"register", &register_types, METH_O, "Tells the Python classes of the value types."};

}  // namespace

py::object wrap_interface(std::string_view id, std::shared_ptr<RuntimeHandle> runtime, tl_iface target) {
  const auto type = host_types().find(id);
  if (type == host_types().end()) throw Error(ErrorCode::kUnimplemented, "this version does not know " + std::string(id));
  return own(wrap(type->second, std::make_unique<Interface>(std::move(runtime), target)));
}

const Interface& Interface::of(PyObject* self) { return *reinterpret_cast<Instance*>(self)->interface; }

void define_interface(PyObject* module, const InterfaceSpec& spec, const MethodSpec* methods, std::size_t count) {
  std::vector<PyMethodDef> table;
  for (std::size_t i = 0; i < count; ++i)
    table.push_back({methods[i].name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(methods[i].method)),
                     METH_FASTCALL, nullptr});
  table.push_back(
      {"with_options", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&with_options)), METH_FASTCALL, nullptr});
  table.push_back({nullptr, nullptr, 0, nullptr});
  auto* const name = new std::string(text_of(py::object(py::handle(module).attr("__name__")).ptr()) + "." + spec.name);
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(&make)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(&free_instance)},
                         {Py_tp_methods, leak(std::move(table))},
                         {0, nullptr}};
  PyType_Spec type_spec{name->c_str(), sizeof(Instance), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  const py::object type = own(PyType_FromSpec(&type_spec));
  specs().emplace(reinterpret_cast<PyTypeObject*>(type.ptr()), spec);
  if (spec.kind == RuntimeHandle::Kind::kHost) host_types().emplace(spec.id, reinterpret_cast<PyTypeObject*>(type.ptr()));
  py::setattr(module, spec.name, type);
}

PyObject* define_module(PyObject* parent, const char* name, void (*register_types)(PyObject* types)) {
  const std::string full = text_of(py::object(py::handle(parent).attr("__name__")).ptr()) + "." + name;
  PyObject* module = PyImport_AddModule(full.c_str());  // borrowed from sys.modules
  if (!module) throw py::error_already_set();
  py::setattr(parent, name, module);
  const py::object self = own(PyCapsule_New(reinterpret_cast<void*>(register_types), nullptr, nullptr));
  py::setattr(module, "register", own(PyCFunction_New(&g_register, self.ptr())));
  return module;
}

py::object type_of(PyObject* types, const char* name) { return py::reinterpret_borrow<py::dict>(types)[name]; }

void check_count(const char* name, const char* suffix, Py_ssize_t wanted, Py_ssize_t found) {
  if (found == wanted) return;
  PyErr_Format(PyExc_TypeError, "%s%s takes %zd arguments, found %zd", name, suffix, wanted, found);
  throw py::error_already_set();
}

}  // namespace trunkline::pyrt
