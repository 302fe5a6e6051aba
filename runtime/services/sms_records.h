// The rows of text messages. Only SQL; the rules live in SmsService.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource.h"
#include "runtime/sms/receipts.h"
#include "trunkline/service.hpp"
#include "trunkline/sms.hpp"

namespace trunkline::sms_records {

/// What is stored when a message is accepted. Views are borrowed for the call.
struct NewMessage {
  std::string_view message_id;
  bool inbound = false;
  std::string_view sender;
  std::string_view recipient;
  std::string_view body;
  sms::MessageState state = sms::MessageState::kQueued;
  std::int32_t segments = 1;
  bool wants_report = false;
  std::optional<std::int64_t> report_deadline_us;
  std::optional<std::string_view> tag;
  std::optional<std::string_view> provider;
  std::optional<std::string_view> provider_message_id;
  std::optional<std::string_view> idempotency_key;
  std::optional<std::string_view> request_hash;
  std::optional<std::string_view> traceparent;
  std::string_view decision;
  std::int64_t created_us = 0;
  sms::FailureReason reason = sms::FailureReason::kNone;
  std::optional<std::int64_t> not_before_us;
  bool confirmation = false;
  std::optional<std::int64_t> price_micros;
  std::optional<std::string_view> currency;
};
void insert(store::Session& session, std::int64_t resource_key, const NewMessage& message);

/// An earlier message with the same idempotency key.
struct Earlier {
  std::string message_id;
  std::string request_hash;
};
std::optional<Earlier> find_by_idempotency_key(store::Session& session, std::int64_t resource_key, std::string_view key);

/// A change of state by our own doing. Only leaves states that are not final.
struct Transition {
  sms::MessageState state;
  sms::FailureReason reason = sms::FailureReason::kNone;
  std::optional<std::string> provider;
  std::optional<std::string> provider_message_id;
  std::optional<std::string> provider_code;
  std::optional<std::int32_t> segments;
  /// Lines to append to the decision record.
  std::string decision;
  std::int64_t at_us = 0;
  /// The carrier's own price, or what is configured for it.
  std::optional<std::int64_t> price_micros;
  std::optional<std::string> currency;
  /// Nobody said so: we conclude it.
  bool assumed = false;
};
/// False: there is no such message, or its state is final or already further.
bool apply(store::Session& session, std::int64_t resource_key, std::string_view message_id, const Transition& transition);
/// The same for a final state; what a report of it is made of. nullopt: nothing changed.
struct Finished {
  service::SmsRecord record;  // message_id, from, to, segments and tag only
  bool wants_report = false;
  std::string traceparent;
};
std::optional<Finished> finish(store::Session& session, std::int64_t resource_key, std::string_view message_id,
                               const Transition& transition);
/// What is believed of a message, and what a report of it is made of.
struct Standing {
  MessageStanding message;
  std::int64_t receipts = 0;
  bool has_provider_id = false;
  bool has_deadline = false;
  Finished finished;
};
/// nullopt: there is no such message.
std::optional<Standing> standing(store::Session& session, std::int64_t resource_key, std::string_view message_id);
/// The state is what the receipt says; counts it. `before`: read in the same transaction.
void apply_receipt(store::Session& session, std::int64_t resource_key, std::string_view message_id, const Standing& before,
                   const Receipt& receipt, std::optional<std::string_view> provider_message_id, std::string_view decision);
std::vector<Receipt> receipts(store::Session& session, std::int64_t resource_key, std::string_view message_id);
std::vector<service::SmsReceipt> receipt_records(store::Session& session, std::int64_t resource_key, std::string_view message_id);
/// The receipt alone: whatever it does to the message counts it, so that the message is written once.
void add_receipt(store::Session& session, std::int64_t resource_key, std::string_view message_id, std::int64_t sequence,
                 const Receipt& receipt, std::int64_t received_us, service::ReceiptVerdict verdict);
/// The same, together with what the carrier answered: the message was queued or uncertain, and had no receipt.
void apply_sent_and_receipt(store::Session& session, std::int64_t resource_key, std::string_view message_id,
                            const Transition& sent, const Receipt& receipt, const std::optional<std::string>& provider_message_id,
                            std::string_view decision);
/// A receipt that changes nothing: counted, and the decision record says so.
void append_receipt_decision(store::Session& session, std::int64_t resource_key, std::string_view message_id,
                             std::string_view lines);

/// From uncertain back to queued: the carrier never took it. False: it is not uncertain any more.
bool requeue(store::Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view decision,
             std::int64_t at_us);
/// A carrier that had a message, and why it failed.
struct GivenUp {
  std::string provider;
  sms::FailureReason reason = sms::FailureReason::kNone;
  std::string provider_code;
};
/// From sent or uncertain back to queued, for the next carrier: the one that had it reported that it failed. Counts the receipt.
/// False: it is neither any more.
bool give_up(store::Session& session, std::int64_t resource_key, std::string_view message_id, const Receipt& receipt,
             const std::optional<std::string>& provider_message_id, std::string_view decision);
/// Somebody still works on a call with it: what the carrier answers, or says when asked, is not known.
bool is_handed_over(store::Session& session, std::string_view message_id);
/// In the order in which they failed.
std::vector<GivenUp> given_up(store::Session& session, std::int64_t resource_key, std::string_view message_id);

/// From scheduled or queued to cancelled. False: it is neither, or it was noted for a handover.
bool cancel(store::Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view decision,
            std::int64_t at_us);
std::optional<std::int64_t> next_scheduled(store::Session& session);
/// Neither cancelled nor settled in another way.
bool is_open(store::Session& session, std::int64_t resource_key, std::string_view message_id);

/// What is spent and reserved in a period, `2026-11-26` or `2026-11`.
std::int64_t spent(store::Session& session, std::int64_t resource_key, std::string_view period);
void add_spent(store::Session& session, std::int64_t resource_key, std::string_view period, std::int64_t micros);
/// What was reserved for a message, and when it was accepted.
struct Reservation {
  std::int64_t micros = 0;
  std::int64_t created_us = 0;
};
std::optional<Reservation> reservation(store::Session& session, std::int64_t resource_key, std::string_view message_id);

/// The number of a pool that a person hears from.
std::optional<std::string> sticky_sender(store::Session& session, std::int64_t resource_key, std::string_view pool,
                                         std::string_view recipient);
void set_sticky_sender(store::Session& session, std::int64_t resource_key, std::string_view pool, std::string_view recipient,
                       std::string_view sender, std::int64_t at_us);

/// Appends to the decision record only.
void append_decision(store::Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view lines);

/// A stored row with what only the service needs.
struct StoredMessage {
  service::SmsRecord record;
  bool wants_report = false;
  bool confirmation = false;
  std::optional<std::int64_t> report_deadline_us;
  std::string traceparent;
  std::string decision;
  std::vector<GivenUp> given_up;
};
std::optional<StoredMessage> find(store::Session& session, std::int64_t resource_key, std::string_view message_id);
/// The newest outbound message with a provider's own id: (resource key, message id).
std::optional<std::pair<std::int64_t, std::string>> find_by_provider_id(store::Session& session, std::string_view provider,
                                                                        std::string_view provider_message_id);
/// Newest first; `before` is exclusive.
std::vector<service::SmsRecord> list(store::Session& session, std::int64_t resource_key, std::int32_t limit,
                                     const std::optional<std::string>& before);
/// Every message that is still queued, oldest first.
std::vector<StoredMessage> queued(store::Session& session, std::int64_t resource_key);
/// Makes scheduled messages queued whose time has come, at most `limit`: (resource key, message id).
std::vector<std::pair<std::int64_t, std::string>> release_scheduled(store::Session& session, std::int64_t until_us,
                                                                    std::int32_t limit);
/// Messages with a report deadline at or before `until_us`: (resource key, message id).
std::vector<std::pair<std::int64_t, std::string>> due_reports(store::Session& session, std::int64_t until_us);
std::optional<std::int64_t> next_report_deadline(store::Session& session);
void clear_report_deadline(store::Session& session, std::int64_t resource_key, std::string_view message_id);

/// A call that is about to be made.
struct HandoverCall {
  std::string provider;
  std::vector<std::string> message_ids;
};
std::int64_t add_handover(store::Session& session, const std::vector<HandoverCall>& calls);
void remove_handover(store::Session& session, std::int64_t handover_id);
/// Notes that were not removed: a crash cut them off.
std::vector<std::pair<std::int64_t, std::vector<HandoverCall>>> open_handovers(store::Session& session);

void copy_rows(store::Session& session, std::int64_t from, std::int64_t to);
void drop_rows(store::Session& session, std::int64_t resource_key);

}  // namespace trunkline::sms_records
