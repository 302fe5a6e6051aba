/* create succeeds without an instance. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  accept_all(request, done, user);
}
static int32_t create(const tl_host* host, tl_str config, tl_plugin** out, tl_error** error) {
  (void)host, (void)config, (void)out, (void)error;
  return 0;
}
SMS_VTABLE(send, good_capabilities)
SMS_GET_INTERFACE
SMS_ENTRY(create, good_stop, good_destroy)
