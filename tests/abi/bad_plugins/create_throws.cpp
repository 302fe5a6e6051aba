// create lets a C++ exception out.
#include <stdexcept>

#include "sms_plugin.h"
static void send(void*, const tl_call*, const tl_sms_send_request* request, tl_sms_provider_send_done done, void* user) {
  accept_all(request, done, user);
}
static int32_t create(const tl_host*, tl_str, tl_plugin**, tl_error**) { throw std::runtime_error("no route to carrier"); }
SMS_VTABLE(send, good_capabilities)
SMS_GET_INTERFACE
SMS_ENTRY(create, good_stop, good_destroy)
