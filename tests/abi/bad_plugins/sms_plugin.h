/* What the small SMS plugins of these tests share: an instance, capabilities and a well-behaved life. Each file defines what
 * it needs and ends in SMS_PLUGIN(...). */
#ifndef TESTS_ABI_SMS_PLUGIN_H
#define TESTS_ABI_SMS_PLUGIN_H
#include <stdlib.h>
#include <string.h>

#include "trunkline/sms.h"

/* One operation that was not answered yet. */
struct pending {
  tl_sms_provider_send_done done;
  void* user;
};

struct tl_plugin {
  const tl_host* host;
  struct pending pending[8];
  unsigned pending_count;
};

static inline tl_str text(const char* s) {
  tl_str out = {s, strlen(s)};
  return out;
}
static inline int is_text(tl_str s, const char* wanted) {
  return s.size == strlen(wanted) && memcmp(s.data, wanted, s.size) == 0;
}

static inline void keep(struct tl_plugin* plugin, tl_sms_provider_send_done done, void* user) {
  if (plugin->pending_count == sizeof plugin->pending / sizeof plugin->pending[0]) abort();
  plugin->pending[plugin->pending_count].done = done;
  plugin->pending[plugin->pending_count++].user = user;
}

/* Answers with one accepted result for each recipient, up to 4. */
static inline void accept_all(const tl_sms_send_request* request, tl_sms_provider_send_done done, void* user) {
  tl_sms_send_result results[4];
  memset(results, 0, sizeof results);
  const size_t count = request->recipients.count < 4 ? request->recipients.count : 4;
  for (size_t i = 0; i < count; ++i) {
    const tl_sms_recipient* recipient =
        (const tl_sms_recipient*)((const char*)request->recipients.data + i * request->recipients.stride);
    results[i].struct_size = sizeof results[i];
    results[i].message_id = recipient->message_id;
    results[i].accepted = 1;
    results[i].segments = 1;
  }
  const tl_list list = {results, count, sizeof results[0]};
  done(user, &list, NULL);
}
/* Answers the oldest kept operation with an empty list. */
static inline void answer_oldest(struct tl_plugin* plugin) {
  if (plugin->pending_count == 0) return;
  const struct pending first = plugin->pending[0];
  memmove(plugin->pending, plugin->pending + 1, --plugin->pending_count * sizeof plugin->pending[0]);
  const tl_list none = {NULL, 0, sizeof(tl_sms_send_result)};
  first.done(first.user, &none, NULL);
}

static inline void good_capabilities(void* self, const tl_call* call, tl_sms_provider_capabilities_done done, void* user) {
  (void)self, (void)call;
  tl_sms_capabilities capabilities;
  memset(&capabilities, 0, sizeof capabilities);
  capabilities.struct_size = sizeof capabilities;
  capabilities.max_recipients = 100;
  capabilities.max_segments = 10;
  capabilities.countries.stride = sizeof(tl_str);
  done(user, &capabilities, NULL);
}

static inline int32_t good_create(const tl_host* host, tl_str config, tl_plugin** out, tl_error** error) {
  (void)config, (void)error;
  struct tl_plugin* plugin = (struct tl_plugin*)calloc(1, sizeof *plugin);
  if (!plugin) return 8;
  plugin->host = host;
  *out = plugin;
  return 0;
}
static inline void good_stop(tl_plugin* plugin, void (*done)(void* user), void* user) {
  while (plugin->pending_count) answer_oldest(plugin);
  done(user);
}
static inline void good_destroy(tl_plugin* plugin) { free(plugin); }

#ifdef __cplusplus
#define SMS_EXTERN extern "C"
#else
#define SMS_EXTERN extern
#endif

#define SMS_VTABLE(send_fn, capabilities_fn) \
  static const tl_sms_provider sms_vtable = {sizeof(tl_sms_provider), 0, send_fn, capabilities_fn};
#define SMS_GET_INTERFACE                                                           \
  static tl_iface get_interface(tl_plugin* plugin, tl_str id) {                     \
    tl_iface out = {NULL, NULL};                                                    \
    if (is_text(id, TL_SMS_PROVIDER_ID)) out.self = plugin, out.vtbl = &sms_vtable; \
    return out;                                                                     \
  }
#define SMS_ENTRY(create_fn, stop_fn, destroy_fn)                 \
  SMS_EXTERN TL_EXPORT const tl_plugin_entry trunkline_plugin_v1; \
  const tl_plugin_entry trunkline_plugin_v1 = {                   \
      sizeof(tl_plugin_entry), TL_ABI_CURRENT, TL_ABI_VERSION(1, 0), 0, create_fn, get_interface, stop_fn, destroy_fn};
/* A plugin that is right but for its send operation. */
#define SMS_PLUGIN(send_fn)              \
  SMS_VTABLE(send_fn, good_capabilities) \
  SMS_GET_INTERFACE                      \
  SMS_ENTRY(good_create, good_stop, good_destroy)
#endif
