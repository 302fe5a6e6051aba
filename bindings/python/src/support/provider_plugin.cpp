// Plugins of the application as the host sees them, and the conformance kit on them.
#include "support/provider.hpp"

namespace trunkline::pyrt {
namespace {

/// What tl_app_plugin.context is.
struct Context {
  PyObject* plugin;
  std::string id;
};

/// What tl_plugin is: the host's share of the instance.
using Share = std::shared_ptr<ProviderObject>;
Share& share(tl_plugin* plugin) { return *reinterpret_cast<Share*>(plugin); }

std::int32_t create(void* context, const tl_host* host, tl_str config_json, tl_plugin** out, tl_error** error) noexcept {
  const auto fail = [&](const Error& why) {
    *error = abi::Errors(host).make(why);
    return static_cast<std::int32_t>(why.code);
  };
  const GilAcquire gil;
  if (!gil) return fail(Error(ErrorCode::kUnavailable, "the Python interpreter is ending"));
  const auto& plugin = *static_cast<const Context*>(context);
  auto object = std::make_unique<Share>(std::make_shared<ProviderObject>(host, plugin.id));
  try {
    const py::object self = wrap_provider(*object);
    const py::object config =
        own(to_py(std::string(config_json.data ? config_json.data : "{}", config_json.data ? config_json.size : 2)));
    own(PyObject_CallMethod(plugin.plugin, "create", "OO", self.ptr(), config.ptr()));
    if (!(*object)->is_attached()) throw Error(ErrorCode::kInternal, plugin.id + " was not attached to its loop");
    *out = reinterpret_cast<tl_plugin*>(object.release());
    return 0;
  } catch (...) {
    try {
      const py::object exception = current_exception_object();
      const py::object told = own(PyObject_CallMethod(plugin.plugin, "explain", "O", exception.ptr()));
      const auto row = py::reinterpret_borrow<py::tuple>(told);
      Error why;
      std::int32_t code = 0;
      take(py::object(row[0]).ptr(), code);
      take(py::object(row[1]).ptr(), why.message);
      take(py::object(row[2]).ptr(), why.target);
      why.code = static_cast<ErrorCode>(code);
      (*object)->end();
      return fail(why);
    } catch (...) {
      (*object)->end();
      return fail(Error(ErrorCode::kInternal, plugin.id + " raised what cannot be shown"));
    }
  }
}

tl_iface get_interface(tl_plugin* plugin, tl_str id) noexcept { return share(plugin)->find({id.data, id.size}); }
void stop(tl_plugin* plugin, void (*done)(void*), void* user) noexcept { share(plugin)->begin_stop(done, user); }
void destroy(tl_plugin* plugin) noexcept {
  share(plugin)->end();
  delete &share(plugin);
}
void release(void* context) noexcept {
  auto* const plugin = static_cast<Context*>(context);
  const GilAcquire gil;
  if (gil) Py_DECREF(plugin->plugin);
  delete plugin;
}

}  // namespace

tl_app_plugin app_plugin(const py::object& plugin, std::string& manifest) {
  manifest = text_of(py::object(plugin.attr("manifest")).ptr());
  auto context = std::make_unique<Context>(Context{plugin.ptr(), text_of(py::object(plugin.attr("id")).ptr())});
  Py_INCREF(plugin.ptr());
  return {sizeof(tl_app_plugin),
          0,
          {manifest.data(), manifest.size()},
          context.release(),
          &create,
          &get_interface,
          &stop,
          &destroy,
          &release};
}

py::object run_conformance(const py::object& plugin, const std::string& options_json) {
  std::string manifest;
  const tl_app_plugin app = app_plugin(plugin, manifest);
  struct Texts {
    std::string json, text, junit;
  } texts;
  tl_error* error = nullptr;
  std::int32_t code = 0;
  {
    const GilRelease gil;
    code = tl_conformance_run(
        &app, {options_json.data(), options_json.size()}, nullptr,
        [](void* user, tl_str json, tl_str text, tl_str junit) {
          auto& to = *static_cast<Texts*>(user);
          to.json.assign(json.data, json.size);
          to.text.assign(text.data, text.size);
          to.junit.assign(junit.data, junit.size);
        },
        &texts, &error);
  }
  if (code != 0) throw errors().take(error);
  return own(PyTuple_Pack(3, own(to_py(texts.json)).ptr(), own(to_py(texts.text)).ptr(), own(to_py(texts.junit)).ptr()));
}

}  // namespace trunkline::pyrt
