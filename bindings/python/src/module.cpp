// trunkline._native: the hand-written part of the module.
#include <dlfcn.h>
#include <pybind11/pybind11.h>

#include <list>
#include <vector>

#include "generated/modules.hpp"
#include "support/call.hpp"
#include "support/expression.hpp"
#include "support/interface.hpp"
#include "support/provider.hpp"
#include "support/stream.hpp"

#ifndef TRUNKLINE_VERSION
#define TRUNKLINE_VERSION "0.0.0"
#endif

// The other files include only pybind11's light part, whose messages of exceptions need this.
template std::string pybind11::handle::cast<std::string>() const;

namespace trunkline::pyrt {
namespace {

/// File of libtrunkline, next to which the package keeps plugins and the program.
std::string library_path() {
  Dl_info info{};
  if (!::dladdr(reinterpret_cast<const void*>(&tl_runtime_open), &info) || !info.dli_fname) return {};
  return info.dli_fname;
}

/// The configuration that an empty one means, as YAML.
std::string default_config() {
  const tl_str text = tl_runtime_default_config();
  return {text.data, text.size};
}

/// What must happen when the interpreter ends or forks. Set up by the first runtime, so that an import does nothing.
void watch_process() {
  static bool watching = false;
  if (std::exchange(watching, true)) return;
  py::module_::import("atexit").attr("register")(py::cpp_function(&RuntimeHandle::close_all));
  using namespace py::literals;
  py::module_::import("os").attr("register_at_fork")("after_in_child"_a = py::cpp_function(&RuntimeHandle::after_fork_in_child));
}

}  // namespace

std::shared_ptr<RuntimeHandle> runtime_of(PyObject* object) {
  if (!py::isinstance<RuntimeHandle>(object)) throw py::type_error("expected a trunkline._native.Runtime");
  return py::handle(object).cast<std::shared_ptr<RuntimeHandle>>();
}

py::object wrap_provider(std::shared_ptr<ProviderObject> object) { return py::cast(std::move(object)); }
py::object wrap(std::unique_ptr<Stream> stream) { return py::cast(std::move(stream)); }

}  // namespace trunkline::pyrt

PYBIND11_MODULE(_native, module) {
  using namespace trunkline::pyrt;
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const ConvertError&) {
      set_python_error();
    } catch (const trunkline::Error&) {
      set_python_error();
    }
  });
  module.attr("library_version") = TRUNKLINE_VERSION;
  module.def("library_path", &library_path);
  module.def("default_config", &default_config);
  module.def("evaluate", &evaluate, py::arg("template_json"), py::arg("context_json"));
  module.def("set_error_factory", &set_error_factory, py::arg("make"));
  module.def("set_future_type", &set_future_type, py::arg("future"));
  module.def("cancel", &cancel, py::arg("call"));

  py::class_<RuntimeHandle, std::shared_ptr<RuntimeHandle>>(module, "Runtime")
      .def(py::init([](const std::string& config, const std::string& config_file, const py::list& plugins) {
             watch_process();
             const Inside inside;
             std::list<std::string> manifests;
             std::vector<tl_app_plugin> apps;
             for (const py::handle plugin : plugins)
               apps.push_back(app_plugin(py::reinterpret_borrow<py::object>(plugin), manifests.emplace_back()));
             return RuntimeHandle::open(config, config_file, apps);
           }),
           py::arg("config"), py::arg("config_file"), py::arg("plugins"))
      .def(
          "add_provider",
          [](RuntimeHandle& self, const py::object& plugin, const std::string& provider, bool first) {
            const Inside inside;
            std::string manifest;
            self.add_provider(app_plugin(plugin, manifest), provider, first);
          },
          py::arg("plugin"), py::arg("provider"), py::arg("first"))
      .def(
          "replace_provider",
          [](RuntimeHandle& self, const py::object& plugin, const std::string& provider, std::int64_t probation,
             std::int64_t drain) {
            const Inside inside;
            std::string manifest;
            self.replace_provider(app_plugin(plugin, manifest), provider, probation, drain);
          },
          py::arg("plugin"), py::arg("provider"), py::arg("probation"), py::arg("drain"))
      .def_property_readonly("closed", &RuntimeHandle::closed)
      .def("close", [](RuntimeHandle& self) {
        const Inside inside;
        self.close();
      });
  py::class_<ProviderObject, std::shared_ptr<ProviderObject>>(module, "ProviderInstance")
      .def("offer", &ProviderObject::offer)
      .def("attach", &ProviderObject::attach)
      .def("client", &ProviderObject::client)
      .def("work", &ProviderObject::work)
      .def("drain", &ProviderObject::drain_now)
      .def("idle", &ProviderObject::idle)
      .def("ended", &ProviderObject::ended);
  module.def(
      "run_conformance",
      [](const py::object& plugin, const std::string& options) {
        const Inside inside;
        return run_conformance(plugin, options);
      },
      py::arg("plugin"), py::arg("options"));
  py::class_<Stream>(module, "Stream")
      .def(
          "next",
          [](Stream& self, std::uint32_t most, py::handle timeout) {
            const Inside inside;
            return self.next(most, timeout.ptr());
          },
          py::arg("most"), py::arg("timeout"))
      .def(
          "next_async",
          [](Stream& self, std::uint32_t most) {
            const Inside inside;
            return self.next_async(most);
          },
          py::arg("most"))
      .def("close", [](Stream& self) {
        const Inside inside;
        self.close();
      });
  bind_all(module.ptr());
}
