// The plugin that stands for a class or an object of Python, and what Python sees of its host.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "support/provider.hpp"
#include "support/runtime.hpp"
#include "trunkline/plugin.hpp"

namespace trunkline::pyrt {

void set_describe(py::object function);

// ---- host ----

void ProviderHost::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  idle_.wait(lock, [&] { return uses_ == 0; });
}
ProviderHost::Use::Use(ProviderHost& host) : host_(host) {
  const std::lock_guard lock(host_.mutex_);
  if (host_.closed_) throw Error(ErrorCode::kFailedPrecondition, "the provider was stopped");
  ++host_.uses_;
}
ProviderHost::Use::~Use() {
  const std::lock_guard lock(host_.mutex_);
  if (--host_.uses_ == 0) host_.idle_.notify_all();
}

namespace {

class GilAcquire {
 public:
  GilAcquire() : state_(PyGILState_Ensure()) {}
  GilAcquire(const GilAcquire&) = delete;
  ~GilAcquire() { PyGILState_Release(state_); }

 private:
  const PyGILState_STATE state_;
};

/// One instance: what a tl_plugin of Python is.
class PythonPlugin final : public virtual Implementation {
 public:
  PythonPlugin(Host host, std::string_view config)
      : host_(std::make_shared<ProviderHost>(host)), queue_(std::make_shared<ProviderQueue>()) {
    const tl_host* const raw = host.raw();
    auto* const binding = static_cast<PyObject*>(raw->get_interface(raw->ctx, abi::text(TL_BUILTIN_CONTEXT_ID)).self);
    if (!binding) throw Error(ErrorCode::kInternal, "a plugin of Python was opened without its class");
    const GilAcquire gil;
    try {
      const py::object opened = own(PyObject_CallMethod(binding, "open", "NNN", to_py(std::string(config)),
                                                        py::cast(host_).release().ptr(), py::cast(queue_).release().ptr()));
      make_parts(py::reinterpret_borrow<py::dict>(opened));
    } catch (py::error_already_set& error) {
      queue_->close();  // its threads may serve already
      throw error_of(error.value());
    } catch (const ConvertError& error) {
      queue_->close();
      throw Error(ErrorCode::kInternal, "the provider's " + error.path + ": " + error.message);
    } catch (...) {
      queue_->close();
      throw;
    }
  }
  ~PythonPlugin() override {
    host_->close();
    queue_->close();
    if (finalizing()) {
      leak();
      return;
    }
    const GilAcquire gil;
    if (stop_) Py_DECREF(stop_);
    stop_ = nullptr;
    queue_.reset();
    host_.reset();
  }
  /// The provider's own stop(), if it has one. Begun without waiting for it: operations in flight are drained afterwards.
  Task<void> stop() {
    if (stop_ && !finalizing()) {
      const GilAcquire gil;
      const py::object done = py::reinterpret_steal<py::object>(PyObject_CallNoArgs(stop_));
      if (!done) PyErr_WriteUnraisable(stop_);
    }
    co_return;
  }

 private:
  /// {interface id: {constant: value}}: what the instance offers, in the order of its operations.
  void make_parts(const py::dict& opened) {
    int first = 0;
    const auto offered = py::reinterpret_borrow<py::dict>(own(PyObject_GetItem(opened.ptr(), py::str("interfaces").ptr())));
    for (const auto& item : offered) {
      const std::string id = text_of(item.first.ptr());
      const auto all = provided_interfaces();
      const auto found = std::find_if(all.begin(), all.end(), [&](const ProvidedInterface& one) { return id == one.id; });
      if (found == all.end()) throw Error(ErrorCode::kInternal, "Python cannot implement " + id);
      parts_.push_back(found->make(queue_, first, item.second.ptr()));
      include(*parts_.back());
      first += static_cast<int>(found->operations.size());
    }
    PyObject* const stop = PyDict_GetItemString(opened.ptr(), "stop");
    if (stop && stop != Py_None) stop_ = Py_NewRef(stop);
  }
  static Error error_of(const py::object& exception) {
    const py::object describe = import("trunkline._providers", "describe_text");
    Error error(ErrorCode::kInternal, "");
    const auto row = own(PyObject_CallOneArg(describe.ptr(), exception.ptr()));
    std::int32_t code = 0;
    take(PyTuple_GET_ITEM(row.ptr(), 0), code);
    take(PyTuple_GET_ITEM(row.ptr(), 1), error.message);
    error.code = static_cast<ErrorCode>(code);
    return error;
  }
  // The interpreter is ending: objects of Python cannot be let go of any more.
  void leak() {
    static auto& kept = *new std::vector<std::shared_ptr<void>>;
    kept.push_back(std::move(queue_));
    kept.push_back(std::move(host_));
    stop_ = nullptr;
  }

  std::shared_ptr<ProviderHost> host_;
  std::shared_ptr<ProviderQueue> queue_;
  std::vector<std::unique_ptr<Implementation>> parts_;
  PyObject* stop_ = nullptr;
};

constinit const tl_plugin_entry kEntry = abi::plugin_entry<PythonPlugin>();

// ---- what Python sees ----

std::string secret(ProviderHost& self, const std::string& name) {
  const ProviderHost::Use host(self);
  return host->secrets().get(name);
}

void log(ProviderHost& self, std::int32_t level, const std::string& message, const std::map<std::string, std::string>& fields) {
  const ProviderHost::Use host(self);
  std::optional<Properties> properties;
  if (!fields.empty()) properties.emplace(fields.begin(), fields.end());
  host->log().write(static_cast<host::LogLevel>(level), message, properties);
}

py::object now(ProviderHost& self) {
  const ProviderHost::Use host(self);
  return own(to_py(host->clock().now()));
}

void emit(ProviderHost& self, const std::string& interface, const std::string& operation, const py::args& arguments) {
  for (const ProvidedEvent& event : provided_events()) {
    if (interface != event.interface_id || operation != event.operation) continue;
    std::vector<PyObject*> items;
    for (const auto& item : arguments) items.push_back(item.ptr());
    return event.emit(self, items.data(), static_cast<Py_ssize_t>(items.size()));
  }
  throw Error(ErrorCode::kUnimplemented, interface + " has no " + operation);
}

struct BuiltinPlugin {
  std::string manifest;
  py::object binding;
  tl_builtin_plugin raw() const {
    tl_builtin_plugin plugin{};
    plugin.struct_size = sizeof plugin;
    plugin.manifest = abi::text(manifest);
    plugin.entry = &kEntry;
    plugin.context = binding.ptr();
    return plugin;
  }
};

std::string run_kit(const BuiltinPlugin& plugin, const std::string& config, const std::map<std::string, std::string>& secrets,
                    const std::string& quirks, const std::vector<std::string>& only) {
  const tl_builtin_plugin raw = plugin.raw();
  std::vector<tl_kv> values;
  for (const auto& [name, value] : secrets) values.push_back({abi::text(name), abi::text(value)});
  std::vector<tl_str> patterns;
  for (const std::string& pattern : only) patterns.push_back(abi::text(pattern));
  tl_kit_options options{};
  options.struct_size = sizeof options;
  options.plugin = &raw;
  options.config_json = abi::text(config);
  options.secrets = {values.data(), values.size(), sizeof(tl_kv)};
  options.quirks_json = abi::text(quirks);
  options.only = {patterns.data(), patterns.size(), sizeof(tl_str)};
  std::string report;
  tl_error* error = nullptr;
  {
    const GilRelease gil;
    tl_runtime_test_plugin(
        &options, [](void* user, tl_str json) { static_cast<std::string*>(user)->assign(json.data, json.size); }, &report,
        &error);
  }
  if (error) throw take_library_error(error);
  return report;
}

py::list interfaces() {
  py::list out;
  for (const ProvidedInterface& one : provided_interfaces()) {
    py::list operations, constants;
    for (const char* name : one.operations) operations.append(name);
    for (const char* name : one.constants) constants.append(name);
    out.append(py::make_tuple(one.id, operations, constants));
  }
  return out;
}

}  // namespace

py::object call_object(std::shared_ptr<CallState> state) { return py::cast(std::move(state)); }

std::vector<tl_builtin_plugin> builtin_plugins(const py::object& plugins) {
  std::vector<tl_builtin_plugin> out;
  for (const auto& plugin : plugins) out.push_back(plugin.cast<const BuiltinPlugin&>().raw());
  return out;
}

void bind_providers(py::handle scope) {
  auto module = py::reinterpret_borrow<py::module_>(scope);
  py::class_<CallState, std::shared_ptr<CallState>>(module, "Call")
      .def_property_readonly("cancelled", &CallState::cancelled)
      .def_property_readonly("deadline",
                             [](const CallState& self) { return self.deadline ? own(to_py(*self.deadline)) : py::none(); })
      .def_readonly("idempotency_key", &CallState::idempotency_key)
      .def_readonly("traceparent", &CallState::traceparent)
      .def_readonly("resource", &CallState::resource);
  py::class_<ProviderQueue, std::shared_ptr<ProviderQueue>>(module, "ProviderQueue")
      .def("serve", &ProviderQueue::serve)
      .def("run", &ProviderQueue::run)
      .def("drain", &ProviderQueue::drain)
      .def("descriptor", &ProviderQueue::descriptor);
  py::class_<ProviderHost, std::shared_ptr<ProviderHost>>(module, "ProviderHost")
      .def("secret", &secret)
      .def("log", &log)
      .def("now", &now)
      .def("emit", &emit);
  py::class_<BuiltinPlugin>(module, "BuiltinPlugin")
      .def(py::init([](std::string manifest, py::object binding) {
             return BuiltinPlugin{std::move(manifest), std::move(binding)};
           }),
           py::arg("manifest"), py::arg("binding"));
  module.def("run_kit", &run_kit);
  module.def("provider_interfaces", &interfaces);
  module.def("set_describe", &set_describe);
}

}  // namespace trunkline::pyrt
