// Texts from phones: whose they are, what they ask for, and the answer to a keyword.
#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/events/event_log.h"
#include "runtime/providers/country.h"
#include "runtime/services/decision.h"
#include "runtime/services/phone_number.h"
#include "runtime/services/sms_dispatcher.h"
#include "runtime/services/sms_event_data.h"
#include "runtime/services/sms_message_id.h"
#include "runtime/services/sms_service.h"

namespace trunkline {

using store::Session;

Task<void> SmsService::on_received(std::string provider, sms::InboundSms message) {
  ResourcePtr resource;
  if (message.resource) {
    resource = resources_.find(*message.resource);
    if (resource && !numbers_.find(*resource, message.to)) resource = nullptr;
  }
  if (!resource) resource = numbers_.owner_of(message.to);
  if (!resource) throw Error(ErrorCode::kNotFound, "no resource owns the number " + message.to, "to");

  const Time now = context_.clock.now();
  const std::string message_id = make_incoming_message_id(context_.ids, now, resource->key);
  const std::string key = "inbound:" + provider + ":" + message.provider_message_id;
  DecisionLines decision(message.received_at);
  decision.step("inbound.owner", "pick", resource->name, "the resource owns " + message.to);
  NewEvent event;
  event.id = make_event_id(context_.ids, now);
  event.type = kSmsReceivedType;
  event.subject = phone_number_subject(message.to);
  event.topic = resource->arm_id;
  event.time = message.received_at;
  event.data_version = "1.0";
  event.data = sms_received_data(message_id, message);

  const SmsConsentConfig& consent = policies_.of(*resource).consent;
  std::optional<ConsentKeyword> keyword;
  if (consent.keywords) keyword = find_consent_keyword(message.text, country_of(message.from));
  OutgoingPtr answer;
  if (keyword) decision.step("consent.keyword", "pick", keyword->keyword, "language " + keyword->language);
  if (keyword && consent.replies && e164_fault(message.from).empty()) {
    const char* what = keyword->action == service::ConsentAction::kOptOut  ? "stop"
                       : keyword->action == service::ConsentAction::kOptIn ? "start"
                                                                           : "help";
    const auto own = consent.texts.find(what);
    answer = std::make_shared<OutgoingSms>();
    answer->resource = resource;
    answer->from = message.to;
    answer->text = own == consent.texts.end() ? consent_reply(*keyword, message.to) : own->second;
    answer->segments = measure_sms_text(answer->text).segments;
    answer->accepted_at = now;
    answer->confirmation = true;
    OutgoingRecipient recipient;
    recipient.to = message.from;
    recipient.message_id = make_outgoing_message_id(context_.ids, now, resource->key);
    recipient.on_net = numbers_.is_on_net(message.from);
    answer->recipients.push_back(std::move(recipient));
  }
  auto answered = std::make_shared<bool>(false);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, resource, message, provider, message_id, key, event, keyword, answer, answered, now,
               text = decision.take()](Session& session) {
    *answered = false;
    if (!message.provider_message_id.empty() && sms_records::find_by_idempotency_key(session, resource->key, key))
      return;  // told twice
    sms_records::NewMessage row;
    row.message_id = message_id;
    row.inbound = true;
    row.sender = message.from;
    row.recipient = message.to;
    row.body = message.text;
    row.state = sms::MessageState::kDelivered;
    row.segments = message.segments;
    row.provider = provider;
    row.provider_message_id = message.provider_message_id;
    if (!message.provider_message_id.empty()) row.idempotency_key = key;
    row.decision = text;
    row.created_us = unix_us(message.received_at);
    sms_records::insert(session, resource->key, row);
    context_.events.append(session, resource->key, event);
    if (!keyword) return;
    // The answer is accepted in the same transaction in which the block begins to hold, and goes out in spite of it.
    std::optional<std::string> confirmation;
    if (answer) confirmation = answer->recipients.front().message_id;
    *answered =
        consent_.note_keyword(session, *resource, *keyword, message.to, message.from, message_id, confirmation, now) && answer;
    if (!*answered) return;
    sms_records::NewMessage reply;
    reply.message_id = *confirmation;
    reply.sender = answer->from;
    reply.recipient = message.from;
    reply.body = answer->text;
    reply.segments = answer->segments;
    reply.confirmation = true;
    const std::string lines = DecisionLines(now).step("consent.reply", "pass", keyword->keyword, "answers " + message_id).take();
    reply.decision = lines;
    reply.created_us = unix_us(now);
    sms_records::insert(session, resource->key, reply);
  };
  co_await resource->database->write(std::move(work));
  inbound_.add();
  if (*answered) dispatcher_->submit(std::move(answer));
}

}  // namespace trunkline
