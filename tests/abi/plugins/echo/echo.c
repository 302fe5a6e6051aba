/* A carrier in pure C that sends every text back. Its configuration is {"name": "..."}; the carrier's message ids are
 * `name:text`. It uses the host's log, secrets and typed events, and answers a send once the host has taken the echo. */
#include <stdio.h>

#include "../../bad_plugins/sms_plugin.h"
#include "trunkline/host.h"

struct echo {
  struct tl_plugin base; /* first: good_stop and good_destroy see it */
  char name[32];
  char secret[64];
  tl_iface events;
};

/* One send under way. */
struct exchange {
  tl_sms_send_result result;
  char provider_message_id[128];
  tl_sms_provider_send_done done;
  void* user;
};

static void finish(void* user, tl_error* error) {
  struct exchange* exchange = (struct exchange*)user;
  if (error) {
    exchange->done(exchange->user, NULL, error);
  } else {
    const tl_list list = {&exchange->result, 1, sizeof exchange->result};
    exchange->done(exchange->user, &list, NULL);
  }
  free(exchange);
}

static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  struct echo* echo = (struct echo*)self;
  struct exchange* exchange = (struct exchange*)calloc(1, sizeof *exchange);
  if (!exchange || request->recipients.count != 1) {
    free(exchange);
    const tl_host* host = echo->base.host;
    tl_error* error = host->error_new(host->ctx, 3, text("echo takes one recipient"));
    host->error_set(host->ctx, error, text("target"), text("recipients"));
    done(user, NULL, error);
    return;
  }
  const tl_sms_recipient* recipient = (const tl_sms_recipient*)request->recipients.data;
  const int length = snprintf(exchange->provider_message_id, sizeof exchange->provider_message_id, "%s:%.*s", echo->name,
                              (int)request->text.size, request->text.data);
  exchange->done = done;
  exchange->user = user;
  exchange->result.struct_size = sizeof exchange->result;
  exchange->result.message_id = recipient->message_id;
  exchange->result.accepted = 1;
  exchange->result.segments = 1;
  exchange->result.provider_message_id.data = exchange->provider_message_id;
  exchange->result.provider_message_id.size = (size_t)length;

  tl_sms_inbound_sms message;
  memset(&message, 0, sizeof message);
  message.struct_size = sizeof message;
  message.provider_message_id = exchange->result.provider_message_id;
  message.from = recipient->to;
  message.to = request->from;
  message.text = request->text;
  message.segments = 1;
  if (!echo->events.vtbl) {
    finish(exchange, NULL);
    return;
  }
  ((const tl_sms_events*)echo->events.vtbl)->received(echo->events.self, call, &message, finish, exchange);
}

static void take_secret(void* user, const tl_str* result, tl_error* error) {
  struct echo* echo = (struct echo*)user;
  if (error)
    echo->base.host->error_free(echo->base.host->ctx, error);
  else
    snprintf(echo->secret, sizeof echo->secret, "%.*s", (int)result->size, result->data);
}
static void ignore(void* user, tl_error* error) {
  struct echo* echo = (struct echo*)user;
  echo->base.host->error_free(echo->base.host->ctx, error);
}

static int32_t create(const tl_host* host, tl_str config, tl_plugin** out, tl_error** error) {
  struct echo* echo = (struct echo*)calloc(1, sizeof *echo);
  if (!echo) return 8;
  echo->base.host = host;
  /* The host has checked the configuration against the schema: an object whose one member is a short name. */
  char json[128];
  snprintf(json, sizeof json, "%.*s", (int)config.size, config.data);
  if (sscanf(json, "{\"name\":\"%31[a-z]\"}", echo->name) != 1) {
    *error = host->error_new(host->ctx, 3, text("no name"));
    free(echo);
    return 3;
  }
  const tl_iface secrets = host->get_interface(host->ctx, text(TL_HOST_SECRETS_ID));
  if (secrets.vtbl) ((const tl_host_secrets*)secrets.vtbl)->get(secrets.self, NULL, text("token"), take_secret, echo);
  const tl_iface log = host->get_interface(host->ctx, text(TL_HOST_LOG_ID));
  const tl_list none = {NULL, 0, sizeof(tl_kv)};
  if (log.vtbl)
    ((const tl_host_log*)log.vtbl)->write(log.self, NULL, TL_HOST_LOG_LEVEL_INFO, text("echo is up"), none, ignore, echo);
  echo->events = host->get_interface(host->ctx, text(TL_SMS_EVENTS_ID));
  *out = &echo->base;
  return 0;
}

SMS_VTABLE(send, good_capabilities)
SMS_GET_INTERFACE
SMS_ENTRY(create, good_stop, good_destroy)
