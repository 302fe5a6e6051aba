/* Built from the header snapshot of 1.0 and never changed once that is released: the proof that old plugins keep working. */
#include "trunkline/sms.h"

static const tl_host* host;

static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  if (request->text.size == 0) {
    const tl_str message = {"nothing to send", 15}, key = {"target", 6}, value = {"text", 4};
    tl_error* error = host->error_new(host->ctx, TL_ERROR_CODE_INVALID_ARGUMENT, message);
    host->error_set(host->ctx, error, key, value);
    done(user, 0, error);
    return;
  }
  tl_sms_send_result results[3] = {0};
  size_t count = request->recipients.count < 3 ? request->recipients.count : 3;
  const char* at = request->recipients.data;
  for (size_t i = 0; i < count; ++i, at += request->recipients.stride) {
    results[i].struct_size = sizeof results[i];
    results[i].message_id = ((const tl_sms_recipient*)at)->message_id;
    results[i].accepted = 1;
    results[i].segments = 1;
  }
  const tl_list list = {results, count, sizeof results[0]};
  done(user, &list, 0);
}

static void capabilities(void* self, const tl_call* call, tl_sms_provider_capabilities_done done, void* user) {
  (void)self, (void)call;
  tl_sms_capabilities result = {0};
  result.struct_size = sizeof result;
  result.max_recipients = 3;
  result.max_segments = 1;
  done(user, &result, 0);
}

static const tl_sms_provider provider = {sizeof provider, 0, send, capabilities};

static int32_t create(const tl_host* given, tl_str config, tl_plugin** out, tl_error** error) {
  (void)config, (void)error;
  host = given;
  *out = (tl_plugin*)&host;
  return 0;
}
static tl_iface get_interface(tl_plugin* plugin, tl_str id) {
  tl_iface found = {plugin, 0};
  if (id.size == sizeof TL_SMS_PROVIDER_ID - 1 && __builtin_memcmp(id.data, TL_SMS_PROVIDER_ID, id.size) == 0)
    found.vtbl = &provider;
  return found;
}
static void stop(tl_plugin* plugin, void (*done)(void* user), void* user) {
  (void)plugin;
  done(user);
}
static void destroy(tl_plugin* plugin) { (void)plugin; }

TL_EXPORT const tl_plugin_entry trunkline_plugin_v1 = {
    sizeof(tl_plugin_entry), TL_ABI_CURRENT, TL_ABI_VERSION(1, 0), 0, create, get_interface, stop, destroy};
