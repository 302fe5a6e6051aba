/* Plugins that an application itself is: an object of the process that opens the runtime instead of a library. Hand-written.
 * C11 and C++20.
 *
 * Behind the functions is the same ABI as behind trunkline_plugin_v1, with the same rules; only `create` is told which plugin is
 * meant, because one program may have many.
 */
#ifndef TRUNKLINE_APP_PLUGIN_H
#define TRUNKLINE_APP_PLUGIN_H
#include "trunkline/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_app_plugin {
  uint32_t struct_size;
  uint32_t reserved;
  /* A plugin.json without `library`. Read once. */
  tl_str manifest_json;
  void* context;
  /* As in tl_plugin_entry. [lifecycle] */
  int32_t (*create)(void* context, const tl_host* host, tl_str config_json, tl_plugin** out, tl_error** error);
  tl_iface (*get_interface)(tl_plugin* self, tl_str id);
  void (*stop)(tl_plugin* self, void (*done)(void* user), void* user);
  void (*destroy)(tl_plugin* self);
  /* The context is not needed any more: no instance will be made. Once, also when the plugin was refused; may be NULL. */
  void (*release)(void* context);
} tl_app_plugin;

/* What a host offers plugins of the application alone. */
#define TL_APP_WORK_ID "trunkline.app.work/1"
typedef struct tl_app_work {
  uint32_t struct_size;
  uint32_t reserved;
  /* The instance has something to do that will end without the clock moving: what waits for the runtime to settle waits for it.
   * Said again it changes nothing. [any-thread] */
  void (*busy)(void* self, tl_bool busy);
} tl_app_work;

/* tl_runtime_open with plugins of the application, which the configuration's `providers` name by the ids of their manifests. Each
 * context is taken over, whatever comes of it. Blocks. [any-thread] */
TL_EXPORT int32_t tl_runtime_open_with(tl_str config_yaml, tl_str config_file, const tl_app_plugin* plugins, size_t count,
                                       tl_runtime** out, tl_error** error);

/* Adds a provider to a runtime that is open. provider_json: an item of the configuration's `providers`, whose `plugin` is the id
 * of the manifest. `first`: it is asked before those that are there, whatever the routes say; else after them, where no route
 * decides. The context is taken over, whatever comes of it. 0, or an error code and *error. Blocks. [any-thread] */
TL_EXPORT int32_t tl_runtime_add_provider(tl_runtime* runtime, const tl_app_plugin* plugin, tl_str provider_json, tl_bool first,
                                          tl_error** error);

/* Another object takes over from one that a provider of a runtime is: new calls go to it at once, the one before stands by for
 * `probation_ns` and serves again should the new one fail, then drains for `drain_ns` and is stopped. Negative: 10 s.
 * provider_json as above, with the names that the provider has. When it cannot be made the present one goes on. The context is
 * taken over, whatever comes of it. 0, or an error code and *error. Blocks. [any-thread] */
TL_EXPORT int32_t tl_runtime_replace_provider(tl_runtime* runtime, const tl_app_plugin* plugin, tl_str provider_json,
                                              int64_t probation_ns, int64_t drain_ns, tl_error** error);

/* Gives one result of the conformance kit as JSON: {"name", "outcome", "detail", "seconds", "figures"}. */
typedef void (*tl_conformance_result)(void* user, tl_str check_json);
/* The report in the forms of `trunkline plugin test`; borrowed. */
typedef void (*tl_conformance_done)(void* user, tl_str json, tl_str text, tl_str junit);

/* Runs the conformance kit on a plugin of the application, in this process. options_json: {"config": {…}, "secrets": {name:
 * value}, "interfaces": […], "quirks": {…}, "only": [patterns]}, all of them optional. Each instance is made by the plugin's
 * `create`. `ended` may be NULL; `done` runs before the function returns 0. Blocks. [any-thread] */
TL_EXPORT int32_t tl_conformance_run(const tl_app_plugin* plugin, tl_str options_json, tl_conformance_result ended,
                                     tl_conformance_done done, void* user, tl_error** error);

#ifdef __cplusplus
}
#endif
#endif
