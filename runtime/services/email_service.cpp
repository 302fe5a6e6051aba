#include "runtime/services/email_service.h"

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/crypto/hash.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/decision.h"
#include "runtime/services/email_dispatcher.h"
#include "runtime/services/email_records.h"
#include "runtime/services/email_rules.h"
#include "trunkline/mail.hpp"

namespace trunkline {
namespace {

using service::EmailOperation;
using store::Session;

Error no_operation(std::string_view id) {
  return {ErrorCode::kNotFound, "there is no send operation " + std::string(id.substr(0, 80)), "operationId"};
}

bool is_managed(const SenderLookup& sender) { return sender.domain.management == DomainManagement::kAzureManaged; }

/// What shares the limits of sending.
std::string limit_scope(const Resource& resource) {
  return resource.arm.subscription.empty() ? std::string(kDefaultSubscription) : resource.arm.subscription;
}

}  // namespace

EmailService::EmailService(ServiceContext& context, ResourceService& resources, EmailDomainService& domains, bool rate_limits)
    : context_(context),
      resources_(resources),
      domains_(domains),
      tracking_(context, resources),
      limits_(rate_limits),
      dispatcher_(std::make_unique<EmailDispatcher>(context, resources, domains, tracking_)),
      early_(context, "email"),
      accepted_(context.metrics.counter("trunkline_email_accepted_total", "Mails accepted for sending.")),
      received_(context.metrics.counter("trunkline_email_received_total", "Mails received.")) {
  dispatcher_->set_on_taken([this](const std::string& provider, const std::string& provider_message_id) {
    if (early_.any()) start_take_early(provider, provider_message_id);
  });
}

EmailService::~EmailService() = default;

SenderLookup EmailService::check_sender(const Resource& resource, const std::string& address) {
  SenderLookup sender = domains_.look_up_sender(resource, address);
  const std::string domain(mail::domain_of(address));
  switch (sender.verdict) {
    case SenderLookup::Verdict::kDomainNotLinked:
      throw Error(ErrorCode::kNotFound,
                  "The domain '" + domain + "' of senderAddress is not linked to the resource '" + resource.name + "'.",
                  "senderAddress")
          .with_service_code("DomainNotLinked");
    case SenderLookup::Verdict::kDomainNotVerified:
      throw Error(ErrorCode::kInvalidArgument,
                  "The domain '" + domain + "' of senderAddress is not verified: it needs Domain, SPF, DKIM and DKIM2.",
                  "senderAddress")
          .with_service_code("DomainValidationError");
    case SenderLookup::Verdict::kUnknownUsername:
      throw Error(ErrorCode::kInvalidArgument,
                  "The domain '" + domain + "' has no sender username '" + address.substr(0, address.rfind('@')) + "'.",
                  "senderAddress")
          .with_service_code("InvalidSenderUserName");
    case SenderLookup::Verdict::kAllowed:
      break;
  }
  return sender;
}

Task<EmailOperation> EmailService::send(ResourcePtr resource, EmailSubmission submission) {
  const Time now = context_.clock.now();
  {
    // Refused requests count as well, as far as it is known whose they are.
    const SenderLookup sender = domains_.look_up_sender(*resource, submission.message.sender_address);
    limits_.count(EmailUse::kSend, is_managed(sender), now, limit_scope(*resource));
  }
  email_rules::check(submission.message);
  check_sender(*resource, submission.message.sender_address);
  std::string operation_id;
  if (submission.message.operation_id) {
    const auto given = Uuid::parse(*submission.message.operation_id);
    if (!given)
      throw Error(ErrorCode::kInvalidArgument,
                  "Operation-Id: '" + submission.message.operation_id->substr(0, 80) + "' is no GUID", "Operation-Id");
    operation_id = given->str();
  } else {
    operation_id = context_.ids.uuid4().str();
  }

  auto message = std::make_shared<const service::EmailMessage>(std::move(submission.message));
  const std::string body = email_rules::to_json(*message);
  const crypto::Digest digest = crypto::sha256(body);
  const std::string hash = base64_encode(crypto::as_text(digest));
  const std::vector<std::string> recipients = email_rules::recipients(*message);
  const std::string internet_id = "<" + operation_id + "@" + std::string(mail::domain_of(message->sender_address)) + ">";
  DecisionLines decision(now);
  decision.step("sender.allowed", "pass", message->sender_address)
      .step("message.valid", "pass", std::to_string(body.size()) + " bytes",
            std::to_string(recipients.size()) + " recipient(s), " + std::to_string(message->attachments.size()) + " file(s)");

  struct Result {
    bool repeated = false;
    bool conflict = false;
  };
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, message, operation_id, internet_id, recipients, now, body, hash, lines = decision.take(),
               traceparent = submission.traceparent](Session& session) {
    Result result;
    if (const auto earlier = email_records::find_request_hash(session, resource->key, operation_id)) {
      result.repeated = true;
      result.conflict = *earlier != hash;
      return result;
    }
    email_records::NewOperation row;
    row.operation_id = operation_id;
    row.sender = message->sender_address;
    row.subject = message->subject;
    row.internet_message_id = internet_id;
    row.request_hash = hash;
    if (!traceparent.empty()) row.traceparent = traceparent;
    row.decision = lines;
    row.body = body;
    row.recipients = &recipients;
    row.created_us = unix_us(now);
    email_records::insert(session, resource->key, row);
    return result;
  };
  const Result result = co_await resource->database->write_value<Result>(std::move(work));
  if (result.conflict)
    throw Error(ErrorCode::kAlreadyExists, "The operation id '" + operation_id + "' was used before for another mail.",
                "Operation-Id")
        .with_service_code("OperationIdAlreadyExists");
  if (result.repeated) {
    EmailOperation earlier = get(*resource, operation_id);
    earlier.repeated = true;
    co_return earlier;
  }
  accepted_.add();

  OutgoingEmail mail;
  mail.resource = resource;
  mail.operation_id = operation_id;
  mail.internet_message_id = internet_id;
  mail.traceparent = submission.traceparent;
  mail.accepted_at = now;
  mail.message = message;
  EmailOperation operation;
  operation.operation_id = operation_id;
  operation.status = service::EmailOperationStatus::kRunning;
  operation.sender_address = message->sender_address;
  operation.subject = message->subject;
  operation.internet_message_id = internet_id;
  operation.created_at = operation.updated_at = std::chrono::floor<std::chrono::microseconds>(now);
  for (const std::string& address : recipients) {
    service::EmailRecipientStatus& status = operation.recipients.emplace_back();
    status.address = address;
    status.state = email::EmailState::kQueued;
    status.updated_at = operation.created_at;
    OutgoingEmail::Recipient& recipient = mail.recipients.emplace_back();
    recipient.position = static_cast<std::int32_t>(mail.recipients.size()) - 1;
    recipient.address = address;
  }
  dispatcher_->submit(std::move(mail));
  co_return operation;
}

EmailOperation EmailService::get(const Resource& resource, std::string_view operation_id) {
  const auto id = Uuid::parse(operation_id);
  if (!id) throw no_operation(operation_id);
  std::optional<email_records::StoredOperation> stored;
  resource.database->read([&](Session& session) { stored = email_records::find(session, resource.key, id->str()); });
  if (!stored) throw no_operation(operation_id);
  return std::move(stored->record);
}

EmailOperation EmailService::get_limited(const Resource& resource, std::string_view operation_id) {
  EmailOperation operation = get(resource, operation_id);
  const SenderLookup sender = domains_.look_up_sender(resource, operation.sender_address);
  limits_.count(EmailUse::kGetStatus, is_managed(sender), context_.clock.now(), limit_scope(resource));
  return operation;
}

service::EmailPage EmailService::list(const Resource& resource, std::int32_t limit,
                                      const std::optional<std::string>& continuation) {
  if (limit < 1 || limit > 1000)
    throw Error(ErrorCode::kInvalidArgument, "limit is " + std::to_string(limit) + ", wanted 1 to 1000", "limit");
  service::EmailPage page;
  resource.database->read(
      [&](Session& session) { page.items = email_records::list(session, resource.key, limit + 1, continuation); });
  if (page.items.size() > static_cast<std::size_t>(limit)) {
    page.items.pop_back();
    page.continuation = std::to_string(unix_us(page.items.back().created_at)) + "." + page.items.back().operation_id;
  }
  return page;
}

DecisionRecord EmailService::explain(const Resource& resource, std::string_view operation_id) {
  const auto id = Uuid::parse(operation_id);
  if (!id) throw no_operation(operation_id);
  std::optional<email_records::StoredOperation> stored;
  resource.database->read([&](Session& session) { stored = email_records::find(session, resource.key, id->str()); });
  if (!stored) throw no_operation(operation_id);
  return parse_decision(stored->record.operation_id, stored->decision);
}

std::vector<service::Suppression> EmailService::suppressions(const Resource& resource) {
  std::vector<service::Suppression> all;
  resource.database->read([&](Session& session) { all = email_records::suppressions(session, resource.key); });
  const Time now = context_.clock.now();
  std::erase_if(all, [&](const service::Suppression& one) { return one.expires_at && *one.expires_at <= now; });
  return all;
}

Task<void> EmailService::suppress(ResourcePtr resource, std::string address, std::string sender, std::string note,
                                  service::SuppressionReason reason) {
  if (!mail::is_address(address)) throw Error(ErrorCode::kInvalidArgument, "'" + address + "' is no email address", "address");
  if (!sender.empty() && !mail::is_address(sender))
    throw Error(ErrorCode::kInvalidArgument, "'" + sender + "' is no email address", "senderAddress");
  if (note.size() > 1024) throw Error(ErrorCode::kInvalidArgument, "the note is longer than 1024 bytes", "note");
  email_records::StoredSuppression row;
  row.record.address = to_lower(address);
  row.record.sender_address = to_lower(sender);
  row.record.reason = reason;
  row.record.detail = std::move(note);
  row.record.created_at = context_.clock.now();
  auto work = [resource, row](Session& session) { email_records::put_suppression(session, resource->key, row); };
  co_await resource->database->write(std::move(work));
}

Task<void> EmailService::lift(ResourcePtr resource, std::string address) {
  auto work = [resource, key = to_lower(address)](Session& session) {
    return email_records::remove_suppressions(session, resource->key, key);
  };
  const std::int64_t removed = co_await resource->database->write_value<std::int64_t>(std::move(work));
  if (removed == 0) throw Error(ErrorCode::kNotFound, "the address " + address.substr(0, 320) + " is not suppressed", "address");
}

std::vector<service::ReceivedEmail> EmailService::received_mails(const Resource& resource, std::int32_t limit) {
  if (limit < 1 || limit > 1000)
    throw Error(ErrorCode::kInvalidArgument, "limit is " + std::to_string(limit) + ", wanted 1 to 1000", "limit");
  std::vector<service::ReceivedEmail> all;
  resource.database->read([&](Session& session) { all = email_records::received_mails(session, resource.key, limit); });
  return all;
}

service::ReceivedEmail EmailService::received(const Resource& resource, std::string_view message_id) {
  std::optional<service::ReceivedEmail> found;
  resource.database->read([&](Session& session) { found = email_records::find_received(session, resource.key, message_id); });
  if (!found) throw Error(ErrorCode::kNotFound, "no mail " + std::string(message_id.substr(0, 80)) + " has come", "messageId");
  return *std::move(found);
}

void EmailService::recover() {
  for (const EarlyReports::Id& id : early_.load()) start_take_early(id.provider, id.provider_message_id);
  dispatcher_->recover();
}
void EmailService::stop() {
  early_.stop();
  dispatcher_->stop();
}

void EmailService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  email_records::copy_rows(session, from.key, to.key);
}
void EmailService::drop_rows(Session& session, const Resource& resource) { email_records::drop_rows(session, resource.key); }

}  // namespace trunkline
