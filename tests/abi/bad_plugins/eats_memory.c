/* Takes memory until there is none. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call, (void)request, (void)done, (void)user;
  for (;;) {
    const size_t size = 1 << 20;
    char* more = (char*)malloc(size);
    if (!more) abort();
    memset(more, 1, size);
  }
}
SMS_PLUGIN(send)
