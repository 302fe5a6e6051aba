/* create refuses with an error of its own. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  accept_all(request, done, user);
}
static int32_t create(const tl_host* host, tl_str config, tl_plugin** out, tl_error** error) {
  (void)config, (void)out;
  *error = host->error_new(host->ctx, 16, text("the carrier refused the account"));
  host->error_set(host->ctx, *error, text("provider_code"), text("AUTH-7"));
  return 16;
}
SMS_VTABLE(send, good_capabilities)
SMS_GET_INTERFACE
SMS_ENTRY(create, good_stop, good_destroy)
