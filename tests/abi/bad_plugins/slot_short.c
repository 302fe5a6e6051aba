/* The table of the interface ends before a required slot. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  accept_all(request, done, user);
}
static const tl_sms_provider sms_vtable = {offsetof(tl_sms_provider, capabilities), 0, send, NULL};
SMS_GET_INTERFACE
SMS_ENTRY(good_create, good_stop, good_destroy)
