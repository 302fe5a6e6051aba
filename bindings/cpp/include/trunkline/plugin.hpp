// What a plugin author includes beside the provider header. Hand-written, header-only, C++20.
//
//   class Carrier : public trunkline::sms::SmsProvider {
//    public:
//     Carrier(trunkline::Host host, std::string_view config_json);
//     trunkline::Task<std::vector<SmsSendResult>> send(trunkline::Call, SmsSendRequest request) override;
//     …
//   };
//   TRUNKLINE_EXPORT_PLUGIN(Carrier)
//
// A class may implement several interfaces (see Implementation) and may have `Task<void> stop()`, which is awaited before the
// operations in flight are waited for. One that implements none itself derives from `virtual Implementation`.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "trunkline/completion.hpp"
#include "trunkline/plugin_host.hpp"

namespace trunkline::abi {

/// One plugin instance: what a tl_plugin is.
template <class Class>
class PluginInstance {
 public:
  static std::int32_t create(const tl_host* host, tl_str config_json, tl_plugin** out, tl_error** error) noexcept {
    try {
      auto instance = std::make_unique<PluginInstance>(host, text(config_json));
      *out = reinterpret_cast<tl_plugin*>(instance.release());
      return 0;
    } catch (...) {
      const Error why = current_error();
      *error = Errors(host).make(why);
      return static_cast<std::int32_t>(why.code);
    }
  }
  static tl_iface get_interface(tl_plugin* plugin, tl_str id) noexcept { return of(plugin)->implementation().find(text(id)); }
  static void stop(tl_plugin* plugin, void (*done)(void*), void* user) noexcept {
    PluginInstance* instance = of(plugin);
    if constexpr (requires(Class & object) {
                    { object.stop() } -> std::same_as<Task<void>>;
                  }) {
      try {
        spawn(instance->object_->stop(),
              [instance, done, user](const Result<void>&) { instance->implementation().drain(done, user); });
        return;
      } catch (...) {  // a stop that cannot even start: drain all the same
      }
    }
    instance->implementation().drain(done, user);
  }
  static void destroy(tl_plugin* plugin) noexcept { delete of(plugin); }

  PluginInstance(const tl_host* host, std::string_view config)
      : calls_("host", Errors(host)), object_(make(Host(host, calls_), config)) {
    implementation().bind(host);
  }

 private:
  static PluginInstance* of(tl_plugin* plugin) { return reinterpret_cast<PluginInstance*>(plugin); }
  static std::unique_ptr<Class> make(Host host, std::string_view config) {
    if constexpr (std::is_constructible_v<Class, Host, std::string_view>)
      return std::make_unique<Class>(host, config);
    else if constexpr (std::is_constructible_v<Class, Host, std::string>)
      return std::make_unique<Class>(host, std::string(config));
    else
      return std::make_unique<Class>(host);
  }
  Implementation& implementation() { return *object_; }

  CallTable calls_;  // outlives object_: its destructor may still complete calls to the host
  std::unique_ptr<Class> object_;
};

template <class Class>
constexpr tl_plugin_entry plugin_entry(std::uint32_t abi_min = TL_ABI_VERSION(TL_ABI_MAJOR, 0)) {
  using Instance = PluginInstance<Class>;
  return {sizeof(tl_plugin_entry), TL_ABI_CURRENT,           abi_min,         0,
          &Instance::create,       &Instance::get_interface, &Instance::stop, &Instance::destroy};
}

}  // namespace trunkline::abi

/// Exports Class as the plugin. Once in a library, at global scope.
#define TRUNKLINE_EXPORT_PLUGIN(Class)                            \
  extern "C" TL_EXPORT const tl_plugin_entry trunkline_plugin_v1; \
  constinit const tl_plugin_entry trunkline_plugin_v1 = ::trunkline::abi::plugin_entry<Class>();
