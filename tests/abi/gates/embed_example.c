/* The embedding API from plain C: a service is looked up and called, its result read in `done`. The runtime is a stand-in, so
 * that this shows and tests the headers alone. */
#include <stdio.h>

#include "trunkline/embed.h"

static void fake_send(void* self, const tl_call* call, const tl_service_sms_message* message,
                      tl_service_sms_service_send_done done, void* user) {
  (void)self;
  static const char http_accepted = 1;
  if (!call || call->resource.size != 3) {
    done(user, NULL, (tl_error*)&http_accepted); /* any error: the stand-in's errors are never looked into */
    return;
  }
  tl_service_sms_send_outcome outcome = {0};
  outcome.struct_size = sizeof outcome;
  outcome.to = *(const tl_str*)message->to.data;
  outcome.successful = 1;
  outcome.http_status = 202;
  const tl_list list = {&outcome, 1, sizeof outcome};
  done(user, &list, NULL);
}
static const tl_service_sms_service fake_service = {sizeof fake_service, 0, fake_send, NULL, NULL, NULL};

tl_iface tl_runtime_service(tl_runtime* runtime, tl_str resource, tl_str id) {
  const tl_str wanted = tl_text(TL_SERVICE_SMS_SERVICE_ID);
  const int known = id.size == wanted.size && memcmp(id.data, wanted.data, id.size) == 0 && resource.size == 3;
  tl_iface found = {runtime, known ? &fake_service : NULL};
  return found;
}

struct outcome {
  int calls, accepted, failed;
};
static void on_sent(void* user, const tl_list* result, tl_error* error) {
  struct outcome* outcome = user;
  outcome->calls++;
  outcome->failed += error != NULL;
  for (size_t i = 0; result && i < result->count; ++i) {
    const tl_service_sms_send_outcome* one = (const void*)((const char*)result->data + i * result->stride);
    outcome->accepted += one->successful && one->http_status == 202;
  }
}

int main(void) {
  struct outcome outcome = {0};
  const tl_iface sms = tl_service_sms(NULL, tl_text("dev"));
  if (!sms.vtbl || tl_service_identity(NULL, tl_text("dev")).vtbl) return 1;

  const tl_str to = tl_text("+14255550123");
  tl_service_sms_message message = {0};
  message.struct_size = sizeof message;
  message.from = tl_text("+18005550100");
  message.to = (tl_list){&to, 1, sizeof to};
  message.message = tl_text("Hello from C");
  tl_call call = {0};
  call.struct_size = sizeof call;
  call.resource = tl_text("dev");
  if (tl_service_sms_send(sms, &call, &message, on_sent, &outcome) != 0) return 2;
  if (outcome.calls != 1 || outcome.accepted != 1 || outcome.failed != 0) return 3;
  if (tl_service_sms_send(sms, NULL, &message, on_sent, &outcome) != 0 || outcome.failed != 1) return 4;
  if (tl_service_sms_get(sms, &call, tl_text("m1"), NULL, NULL) != TL_ERROR_CODE_UNIMPLEMENTED) return 5;
  puts("ok");
  return 0;
}
