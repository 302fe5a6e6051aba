/* Writes into files that are not its own, as a plugin does that uses a closed descriptor. Harmful only in a process of its own,
 * where the connection to the host is among the first. */
#include <unistd.h>

#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  char garbage[64];
  memset(garbage, 0xee, sizeof garbage);
  const ssize_t written = write(3, garbage, sizeof garbage);
  if (written > 0) accept_all(request, done, user);
}
SMS_PLUGIN(send)
