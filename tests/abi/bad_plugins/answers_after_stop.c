/* Completes stop with an operation open, and answers that one when it is destroyed. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)call, (void)request;
  keep((struct tl_plugin*)self, done, user);
}
static void stop(tl_plugin* plugin, void (*done)(void* user), void* user) {
  (void)plugin;
  done(user);
}
static void destroy(tl_plugin* plugin) {
  answer_oldest(plugin);
  free(plugin);
}
SMS_VTABLE(send, good_capabilities)
SMS_GET_INTERFACE
SMS_ENTRY(good_create, stop, destroy)
