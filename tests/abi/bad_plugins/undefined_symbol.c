/* Needs a function that nobody has; with lazy binding this would only show at the first call. */
#include "sms_plugin.h"
void function_that_nobody_has(void);
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call;
  function_that_nobody_has();
  accept_all(request, done, user);
}
SMS_PLUGIN(send)
