/* Trunkline plugin ABI, core part. Hand-written; the interface headers beside it are generated. C11 and C++20.
 *
 * Words: the *host* is the Trunkline runtime, a *plugin* is a shared library that exports TL_PLUGIN_ENTRY.
 * Rules (docs/abi.md explains each one):
 *  - Every struct that may grow starts with `struct_size`; fields are only appended. Read a field that is younger than the
 *    struct through TL_HAS. There is no unnamed padding.
 *  - Arguments are borrowed until the operation has completed; results are borrowed for the duration of `done`.
 *  - `done` runs exactly once, on any thread, perhaps before the call returns. `user` is a handle of the host, not a pointer:
 *    never dereference it.
 *  - Errors are made by the host (tl_host.error_new) and handed over to `done`.
 *  - No exception, allocator, or C++ type crosses.
 *
 * Thread tags used in every comment below and in the generated headers:
 *  [lifecycle]  create, stop, destroy; never concurrent for one instance.
 *  [strand]     calls of one instance are serialised, on any OS thread.
 *  [any-thread] may run concurrently.
 */
#ifndef TRUNKLINE_ABI_H
#define TRUNKLINE_ABI_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
#include <type_traits>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TL_ABI_MAJOR 1u
#define TL_ABI_MINOR 0u
#define TL_ABI_VERSION(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
#define TL_ABI_CURRENT TL_ABI_VERSION(TL_ABI_MAJOR, TL_ABI_MINOR)

#if defined(_WIN32)
#define TL_EXPORT __declspec(dllexport)
#else
#define TL_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define TL_ABI_ASSERT(cond) static_assert(cond, "Trunkline ABI layout")
#define TL_TYPEOF_(p) std::remove_cv_t<std::remove_pointer_t<decltype(p)>>
#else
#define TL_ABI_ASSERT(cond) _Static_assert(cond, "Trunkline ABI layout")
#define TL_TYPEOF_(p) __typeof__(*(p))
#endif

/* True when the maker of *p knew `field`. */
#define TL_HAS(p, field) ((p)->struct_size >= offsetof(TL_TYPEOF_(p), field) + sizeof((p)->field))

/* ---- values passed by value; these never change ---- */
typedef uint8_t tl_bool;
typedef int64_t tl_time;     /* nanoseconds since 1970-01-01T00:00:00Z */
typedef int64_t tl_duration; /* nanoseconds */
typedef struct tl_str { const char *data; size_t size; } tl_str;        /* UTF-8, not NUL-terminated; data==NULL: absent */
typedef struct tl_bytes { const uint8_t *data; size_t size; } tl_bytes; /* data==NULL: absent */
typedef struct tl_list { const void *data; size_t count; size_t stride; } tl_list; /* data==NULL: absent */
typedef struct tl_kv { tl_str key; tl_str value; } tl_kv;
typedef struct tl_opt_bool { tl_bool has; tl_bool value; } tl_opt_bool;
typedef struct tl_opt_i32 { tl_bool has; uint8_t reserved[3]; int32_t value; } tl_opt_i32;
typedef struct tl_opt_u32 { tl_bool has; uint8_t reserved[3]; uint32_t value; } tl_opt_u32;
typedef struct tl_opt_i64 { tl_bool has; uint8_t reserved[7]; int64_t value; } tl_opt_i64;
typedef struct tl_opt_u64 { tl_bool has; uint8_t reserved[7]; uint64_t value; } tl_opt_u64;
typedef struct tl_opt_f64 { tl_bool has; uint8_t reserved[7]; double value; } tl_opt_f64;

/* An object that implements an interface: call vtbl->op(self, ...). vtbl==NULL: the interface is not offered. */
typedef struct tl_iface { void *self; const void *vtbl; } tl_iface;

/* Opaque, made and freed by the host; outlives every plugin. */
typedef struct tl_error tl_error;

/* ---- one call ---- */

/* A request to stop, implemented by the host. Valid until the operation has completed. [any-thread] */
typedef struct tl_cancel {
  uint32_t struct_size;
  uint32_t reserved0;
  void *ctx;
  tl_bool (*is_cancelled)(void *ctx);
  /* Calls fn(arg) at most once, perhaps before it returns; the cookie (0: already ran) goes to unsubscribe. */
  uint64_t (*subscribe)(void *ctx, void (*fn)(void *arg), void *arg);
  /* After it returns fn is not running and will not run. */
  void (*unsubscribe)(void *ctx, uint64_t cookie);
} tl_cancel;

/* The context of one operation. Borrowed until `done` has run. */
typedef struct tl_call {
  uint32_t struct_size;
  uint32_t reserved0;
  tl_opt_i64 deadline;     /* tl_time on the host's clock */
  const tl_cancel *cancel; /* NULL: cannot be cancelled */
  tl_str idempotency_key;  /* the same key is the same intent; absent: none */
  tl_str traceparent;      /* W3C trace context; absent: none */
  tl_str resource;         /* name of the communication resource on whose behalf; absent: the runtime itself */
} tl_call;

/* A pull stream. One next() at a time; an empty list means the end. The receiver calls close exactly once, also after the
 * end or an error; after close nothing else is called. [strand] */
typedef struct tl_stream_vtbl {
  uint32_t struct_size;
  uint32_t reserved0;
  void (*next)(void *self, uint32_t max, void (*done)(void *user, const tl_list *items, tl_error *error), void *user);
  void (*close)(void *self);
} tl_stream_vtbl;
typedef struct tl_stream { void *self; const tl_stream_vtbl *vtbl; } tl_stream;

/* ---- host and plugin ---- */
typedef struct tl_host {
  uint32_t struct_size;
  uint32_t abi; /* TL_ABI_VERSION of the host */
  void *ctx;
  /* A new error. code: TL_ERROR_CODE_*. [any-thread] */
  tl_error *(*error_new)(void *ctx, int32_t code, tl_str message);
  /* Adds to an error that was not handed over yet. Keys: "target", "provider_code", "service_code" (text), "retryable"
   * ("true"/"false"), "retry_after_ms", "http_status" (decimal); any other key is kept as a detail. [any-thread] */
  void (*error_set)(void *ctx, tl_error *error, tl_str key, tl_str value);
  /* Reads one of those keys, or "code" and "message"; absent when unset. Borrowed while the error lives. [any-thread] */
  tl_str (*error_get)(void *ctx, const tl_error *error, tl_str key);
  /* Frees an error that is not handed over. Accepts NULL. [any-thread] */
  void (*error_free)(void *ctx, tl_error *error);
  /* A host service or event sink by id, e.g. "trunkline.host.log/1", "trunkline.sms.events/1". [any-thread] */
  tl_iface (*get_interface)(void *ctx, tl_str id);
} tl_host;

typedef struct tl_plugin tl_plugin;

/* The one exported symbol: a const struct, readable before any plugin code runs. */
typedef struct tl_plugin_entry {
  uint32_t struct_size;
  uint32_t abi_built; /* TL_ABI_CURRENT of the headers it was compiled with */
  uint32_t abi_min;   /* least host ABI it works with */
  uint32_t reserved0;
  /* A new instance; config_json was checked against the manifest's schema. On failure sets *error and leaves *out. [lifecycle] */
  int32_t (*create)(const tl_host *host, tl_str config_json, tl_plugin **out, tl_error **error);
  /* The object behind an interface id of the manifest. [any-thread] */
  tl_iface (*get_interface)(tl_plugin *plugin, tl_str id);
  /* Drains: refuses new work, completes all pending operations, then calls done once. [lifecycle] */
  void (*stop)(tl_plugin *plugin, void (*done)(void *user), void *user);
  /* Only after stop has completed; frees the instance. [lifecycle] */
  void (*destroy)(tl_plugin *plugin);
} tl_plugin_entry;

#define TL_PLUGIN_ENTRY "trunkline_plugin_v1"

TL_ABI_ASSERT(sizeof(void *) == 8);
TL_ABI_ASSERT(sizeof(tl_str) == 16);
TL_ABI_ASSERT(sizeof(tl_list) == 24);
TL_ABI_ASSERT(sizeof(tl_opt_i32) == 8);
TL_ABI_ASSERT(sizeof(tl_opt_i64) == 16);
TL_ABI_ASSERT(offsetof(tl_call, deadline) == 8);
TL_ABI_ASSERT(offsetof(tl_call, cancel) == 24);
TL_ABI_ASSERT(offsetof(tl_call, idempotency_key) == 32);
TL_ABI_ASSERT(offsetof(tl_call, traceparent) == 48);
TL_ABI_ASSERT(offsetof(tl_call, resource) == 64);
TL_ABI_ASSERT(sizeof(tl_call) == 80);
TL_ABI_ASSERT(sizeof(tl_cancel) == 40);
TL_ABI_ASSERT(sizeof(tl_stream_vtbl) == 24);
TL_ABI_ASSERT(sizeof(tl_host) == 56);
TL_ABI_ASSERT(offsetof(tl_plugin_entry, create) == 16);
TL_ABI_ASSERT(sizeof(tl_plugin_entry) == 48);

#ifdef __cplusplus
}
#endif
#endif
