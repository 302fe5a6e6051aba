/* Gives a list whose elements are nowhere. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call, (void)request;
  const tl_list list = {(const void*)4096, 3, sizeof(tl_sms_send_result)};
  done(user, &list, NULL);
}
SMS_PLUGIN(send)
