// Answers, then lets a C++ exception out.
#include <stdexcept>

#include "sms_plugin.h"
static void send(void*, const tl_call*, const tl_sms_send_request* request, tl_sms_provider_send_done done, void* user) {
  accept_all(request, done, user);
  throw std::runtime_error("too late");
}
SMS_PLUGIN(send)
