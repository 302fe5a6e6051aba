/* Trunkline as a library: open a runtime in your process and call its services. Hand-written. C11 and C++20.
 *
 * A service is an interface of service.h: look it up once, then call vtbl->op(self, call, …, done, user). The arguments live
 * until `done`, the results during it. `call` may be NULL. Errors of the services and of this header are freed by whoever gets
 * them, with tl_error_free.
 */
#ifndef TRUNKLINE_RUNTIME_H
#define TRUNKLINE_RUNTIME_H
#include "trunkline/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_runtime tl_runtime;

/* Opens a runtime. config_yaml: text of a trunkline.yaml (YAML or JSON). config_file: path of the file it stands in: messages
 * name it, and its relative paths start at the file's directory; absent or empty: at the working directory. A file without a text
 * is read; without both: the embedded defaults, a sandbox in memory. 0, or an error code and *error with everything that is
 * wrong. Blocks. [any-thread] */
TL_EXPORT int32_t tl_runtime_open(tl_str config_yaml, tl_str config_file, tl_runtime** out, tl_error** error);

/* A plugin that is part of the program. The entry has the same shape and duties as that of a library. */
typedef struct tl_builtin_plugin {
  uint32_t struct_size;
  uint32_t reserved0;
  tl_str manifest; /* JSON as in plugin.json, without "library" */
  const tl_plugin_entry* entry;
  void* context; /* may be NULL; outlives the runtime */
} tl_builtin_plugin;
/* The host interface whose `self` is the context, for entries that serve several plugins. It has no operations. */
#define TL_BUILTIN_CONTEXT_ID "trunkline.host.context/1"

typedef struct tl_runtime_options {
  uint32_t struct_size;
  uint32_t reserved0;
  tl_str config_yaml;
  tl_str config_file;
  tl_list plugins; /* of tl_builtin_plugin */
} tl_runtime_options;
/* The same, with plugins that the configuration may name like any other. [any-thread] */
TL_EXPORT int32_t tl_runtime_open_with(const tl_runtime_options* options, tl_runtime** out, tl_error** error);

typedef struct tl_kit_options {
  uint32_t struct_size;
  uint32_t reserved0;
  const tl_builtin_plugin* plugin;
  tl_str config_json; /* of the provider; absent: {} */
  tl_list secrets;    /* of tl_kv: names and values */
  tl_str quirks_json; /* absent: {} */
  tl_list only;       /* of tl_str: checks to run, with `*`; empty: all */
} tl_kit_options;
/* Runs the conformance kit on a plugin of the program, in this process. report(user, json) is called once, before it returns; what a
 * plugin does that crashes or hangs does so here. Blocks. [any-thread] */
TL_EXPORT int32_t tl_runtime_test_plugin(const tl_kit_options* options, void (*report)(void* user, tl_str json), void* user,
                                         tl_error** error);

/* Ends it: pending calls complete first, subscriptions end. Blocks until every provider has stopped, which is at once when
 * nothing hangs; one that does not stop is abandoned after runtime.stop_timeout (10 s), and its calls fail. Not from inside a
 * `done`. No interface of it may be used afterwards. Accepts NULL. [lifecycle] */
TL_EXPORT void tl_runtime_close(tl_runtime* runtime);

/* A service of a communication resource by id, e.g. "trunkline.service.sms/1". resource absent or empty: the first one;
 * "topic:NAME": a custom topic, which offers the services of events alone. vtbl==NULL: no such resource, topic or service.
 * Valid until tl_runtime_close. [any-thread] */
TL_EXPORT tl_iface tl_runtime_service(tl_runtime* runtime, tl_str resource, tl_str id);

/* The interface of a configured provider, e.g. ("sim-a", "trunkline.sms/1"), past the services. vtbl==NULL: no such provider or
 * interface. Valid until tl_runtime_close. [any-thread] */
TL_EXPORT tl_iface tl_runtime_provider(tl_runtime* runtime, tl_str provider, tl_str id);

/* The embedded defaults, to begin one's own file with. Static. [any-thread] */
TL_EXPORT tl_str tl_runtime_default_config(void);

/* Version of the library. Static. [any-thread] */
TL_EXPORT tl_str tl_runtime_version(void);

/* A member of an error: "code" (decimal, TL_ERROR_CODE_*), "message", "target", "provider_code", "service_code", "retryable",
 * "retry_after_ms", "http_status", or a detail. Absent when unset; lives as long as the error. [any-thread] */
TL_EXPORT tl_str tl_error_get(const tl_error* error, tl_str key);

/* Accepts NULL. [any-thread] */
TL_EXPORT void tl_error_free(tl_error* error);

#ifdef __cplusplus
}
#endif
#endif
