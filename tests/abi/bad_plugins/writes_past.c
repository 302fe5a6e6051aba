/* Writes into the host's memory: over the end of the request. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  memset((char*)request + request->struct_size, 0x5a, 8);
  accept_all(request, done, user);
}
SMS_PLUGIN(send)
