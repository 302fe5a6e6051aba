// The rows of mail: operations, recipients, suppressed addresses, received mail. Only SQL; the rules live in EmailService.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource.h"
#include "trunkline/email.hpp"
#include "trunkline/service.hpp"

namespace trunkline::email_records {

/// Views are borrowed for the call.
struct NewOperation {
  std::string_view operation_id;
  std::string_view sender;
  std::string_view subject;
  std::string_view internet_message_id;
  std::string_view request_hash;
  std::optional<std::string_view> traceparent;
  std::string_view decision;
  /// JSON of the mail.
  std::string_view body;
  const std::vector<std::string>* recipients = nullptr;
  std::int64_t created_us = 0;
};
void insert(store::Session& session, std::int64_t resource_key, const NewOperation& operation);
/// The hash of an earlier request with this id.
std::optional<std::string> find_request_hash(store::Session& session, std::int64_t resource_key, std::string_view operation_id);

struct StoredOperation {
  service::EmailOperation record;
  std::string traceparent;
  std::string decision;
};
std::optional<StoredOperation> find(store::Session& session, std::int64_t resource_key, std::string_view operation_id);
/// Newest first. `before`: a continuation of ours. Errors: kInvalidArgument.
std::vector<service::EmailOperation> list(store::Session& session, std::int64_t resource_key, std::int32_t limit,
                                          const std::optional<std::string>& before);
/// JSON of the mail; nullopt: nothing is left to hand over.
std::optional<std::string> find_body(store::Session& session, std::int64_t resource_key, std::string_view operation_id);
void remove_body(store::Session& session, std::int64_t resource_key, std::string_view operation_id);

/// What changes for one recipient.
struct Change {
  std::int32_t position = 0;
  email::EmailState state = email::EmailState::kUnknown;
  std::optional<std::string> status_code;
  std::optional<std::string> detail;
  std::optional<std::string> provider;
  std::optional<std::string> provider_message_id;
  /// It was handed over once more.
  bool attempted = false;
  std::optional<std::int64_t> next_attempt_us;
  /// Whoever had it said that it did not take it: any provider may be asked next.
  bool unpins = false;
  std::int64_t at_us = 0;
};
/// False: there is no such recipient, or what is known of it already says more.
bool apply(store::Session& session, std::int64_t resource_key, std::string_view operation_id, const Change& change);
/// Until its answer is settled only this provider may be asked; empty: everybody may. Of recipients that are still queued.
void pin(store::Session& session, std::int64_t resource_key, std::string_view operation_id, std::int32_t position,
         std::string_view provider);
/// A recipient that waited to be tried again is under way: if the process ends now, a provider may have the mail.
void begin(store::Session& session, std::int64_t resource_key, std::string_view operation_id, std::int32_t position);
void set_status(store::Session& session, std::int64_t resource_key, std::string_view operation_id,
                service::EmailOperationStatus status, const std::optional<std::string>& error_code,
                const std::optional<std::string>& error_message, std::int64_t at_us);
void append_decision(store::Session& session, std::int64_t resource_key, std::string_view operation_id, std::string_view lines);
/// True: a recipient is still queued.
bool has_queued(store::Session& session, std::int64_t resource_key, std::string_view operation_id);

/// Who a provider's own id means. `recipient` empty: the first recipient with that id.
struct Reference {
  std::int64_t resource_key = 0;
  std::string operation_id;
};
std::optional<Reference> find_by_provider_id(store::Session& session, std::string_view provider,
                                             std::string_view provider_message_id);
/// Operations with a recipient that waits for its first attempt, oldest first.
std::vector<std::string> unfinished(store::Session& session, std::int64_t resource_key);
/// Operations with a recipient whose next attempt has come.
std::vector<Reference> due(store::Session& session, std::int64_t until_us);
/// The next one after `after_us`.
std::optional<std::int64_t> next_attempt(store::Session& session, std::int64_t after_us);

struct StoredSuppression {
  service::Suppression record;
  std::int32_t hits = 0;
};
std::vector<service::Suppression> suppressions(store::Session& session, std::int64_t resource_key);
/// The one for every sender, or for this one; ended ones too.
std::vector<StoredSuppression> find_suppressions(store::Session& session, std::int64_t resource_key, std::string_view address,
                                                 std::string_view sender);
void put_suppression(store::Session& session, std::int64_t resource_key, const StoredSuppression& suppression);
/// Number of rows that were removed.
std::int64_t remove_suppressions(store::Session& session, std::int64_t resource_key, std::string_view address);

/// False: the provider has told of it before.
bool insert_received(store::Session& session, std::int64_t resource_key, const service::ReceivedEmail& mail,
                     std::string_view provider_key);
std::vector<service::ReceivedEmail> received_mails(store::Session& session, std::int64_t resource_key, std::int32_t limit);
std::optional<service::ReceivedEmail> find_received(store::Session& session, std::int64_t resource_key,
                                                    std::string_view message_id);

/// The secret of the resource; `fresh` becomes it when there is none.
std::string ensure_key(store::Session& session, std::int64_t resource_key, std::string_view fresh);
std::optional<std::string> find_key(store::Session& session, std::int64_t resource_key);

void copy_rows(store::Session& session, std::int64_t from, std::int64_t to);
void drop_rows(store::Session& session, std::int64_t resource_key);

}  // namespace trunkline::email_records
