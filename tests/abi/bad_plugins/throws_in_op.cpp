// Lets a C++ exception out of an operation.
#include <stdexcept>

#include "sms_plugin.h"
static void send(void*, const tl_call*, const tl_sms_send_request*, tl_sms_provider_send_done, void*) {
  throw std::runtime_error("carrier link broke");
}
SMS_PLUGIN(send)
