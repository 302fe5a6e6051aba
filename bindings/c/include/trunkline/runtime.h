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
