/* Keeps the first operation and answers it while it handles the second, by which time it is over. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)call;
  struct tl_plugin* plugin = (struct tl_plugin*)self;
  if (is_text(request->text, "first")) {
    keep(plugin, done, user);
    return;
  }
  answer_oldest(plugin);
  accept_all(request, done, user);
}
SMS_PLUGIN(send)
