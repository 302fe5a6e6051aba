/* Answers with results that break the rules; the text of the request says which. */
#include "sms_plugin.h"
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)call;
  struct tl_plugin* plugin = (struct tl_plugin*)self;
  tl_sms_send_result result;
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  result.accepted = 1;
  tl_list list = {&result, 1, sizeof result};
  if (is_text(request->text, "no result")) {
    done(user, NULL, NULL);
  } else if (is_text(request->text, "null list")) {
    list.data = NULL;
    done(user, &list, NULL);
  } else if (is_text(request->text, "zero stride")) {
    list.stride = 0;
    done(user, &list, NULL);
  } else if (is_text(request->text, "odd stride")) {
    list.stride = 3;
    done(user, &list, NULL);
  } else if (is_text(request->text, "huge count")) {
    list.count = (size_t)1 << 60;
    done(user, &list, NULL);
  } else if (is_text(request->text, "zero struct_size")) {
    result.struct_size = 0;
    done(user, &list, NULL);
  } else if (is_text(request->text, "huge struct_size")) {
    result.struct_size = 0xffffffffu;
    done(user, &list, NULL);
  } else if (is_text(request->text, "null text")) {
    result.message_id.data = NULL;
    result.message_id.size = 100;
    done(user, &list, NULL);
  } else if (is_text(request->text, "unknown enum")) {
    result.reason = 77;
    done(user, &list, NULL);
  } else if (is_text(request->text, "result and error")) {
    done(user, &list, plugin->host->error_new(plugin->host->ctx, 14, text("both")));
  } else if (is_text(request->text, "unknown error code")) {
    done(user, NULL, plugin->host->error_new(plugin->host->ctx, 99, text("code 99")));
  } else {
    done(user, &list, NULL);
  }
}
SMS_PLUGIN(send)
