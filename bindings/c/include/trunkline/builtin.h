/* Runtimes with plugins that are part of the program, and the conformance kit for those. Hand-written. C11 and C++20. */
#ifndef TRUNKLINE_BUILTIN_H
#define TRUNKLINE_BUILTIN_H
#include "trunkline/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

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
/* As tl_runtime_open, with plugins that the configuration may name like any other. [any-thread] */
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

#ifdef __cplusplus
}
#endif
#endif
