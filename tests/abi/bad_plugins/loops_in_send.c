/* Never comes back from a send. */
#include "sms_plugin.h"
static volatile int forever = 1;
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call, (void)request, (void)done, (void)user;
  while (forever) continue;
}
SMS_PLUGIN(send)
