#include "runtime/services/email_dispatcher.h"

#include <algorithm>
#include <array>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/services/email_pass.h"
#include "runtime/services/email_rules.h"
#include "runtime/store/database.h"

namespace trunkline {
namespace {

using email::EmailState;
using email_records::Change;
using service::EmailOperationStatus;
using store::Session;

/// Operations that are handed over at the same time.
constexpr std::size_t kMaxActive = 64;
/// Of mail that waits in memory; the rest is read from the store when its turn comes.
constexpr std::size_t kMaxKeptBytes = 64u << 20;
/// After the store refused.
constexpr Duration kStoreRetry = std::chrono::seconds{10};
/// A recipient that waited for an operation in flight is looked at again after this.
constexpr Duration kLookAgain = std::chrono::seconds{1};
/// Attempts with nobody reached after which the caller is told that the mail is on its way all the same.
constexpr std::int32_t kRunningAttempts = 3;

std::size_t size_of(const service::EmailMessage& message) {
  std::size_t size = message.plain_text.value_or("").size() + message.html.value_or("").size() + 1024;
  for (const email::EmailAttachment& file : message.attachments) size += file.content.size();
  return size;
}

bool is_open(EmailOperationStatus status) {
  return status == EmailOperationStatus::kNotStarted || status == EmailOperationStatus::kRunning;
}

}  // namespace

EmailDispatcher::EmailDispatcher(ServiceContext& context, ResourceService& resources, EmailDomainService& domains,
                                 EmailTracking& tracking)
    : context_(context),
      resources_(resources),
      domains_(domains),
      tracking_(tracking),
      sent_(context.metrics.counter("trunkline_email_sent_total", "Mails that a provider took, by recipient.")),
      deferred_(context.metrics.counter("trunkline_email_deferred_total", "Recipients that are to be tried again.")),
      failed_(context.metrics.counter("trunkline_email_failed_total", "Recipients that got no mail.")) {}

EmailDispatcher::~EmailDispatcher() = default;

bool EmailDispatcher::submit(OutgoingEmail outgoing) {
  auto mail = std::make_shared<OutgoingEmail>(std::move(outgoing));
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || !in_flight_.emplace(mail->resource->key, mail->operation_id).second) return false;
    if (mail->message) {
      const std::size_t size = size_of(*mail->message);
      if (kept_bytes_ + size > kMaxKeptBytes)
        mail->message = nullptr;
      else
        kept_bytes_ += size;
    }
    waiting_.push_back(std::move(mail));
    if (workers_ >= kMaxActive) return true;
    ++workers_;
  }
  context_.executor.post([this] {
    spawn(work(), [this](Result<void> result) {
      if (!result) context_.log.error("email", "handing mail over failed", {{"error", result.error().message}});
    });
  });
  return true;
}

EmailDispatcher::MailPtr EmailDispatcher::next() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty() || stopped_) {
    --workers_;
    return nullptr;
  }
  MailPtr mail = std::move(waiting_.front());
  waiting_.pop_front();
  if (mail->message) kept_bytes_ -= size_of(*mail->message);
  return mail;
}

Task<void> EmailDispatcher::work() {
  while (const MailPtr mail = next()) {
    std::optional<Error> failure;
    try {
      co_await deliver(mail);
    } catch (...) {
      failure = current_error();
    }
    {
      const std::lock_guard lock(mutex_);
      in_flight_.erase({mail->resource->key, mail->operation_id});
    }
    if (!failure) continue;
    // The store refused: nothing is known of what the providers said, so it is handed over again once the store is back.
    context_.log.error("email", "a mail could not be settled; trying again",
                       {{"operation_id", mail->operation_id}, {"error", failure->message}});
    context_.clock.schedule_after(kStoreRetry, [this, resource = mail->resource, id = mail->operation_id] {
      resubmit(resource, id, context_.clock.now());
    });
  }
}

/// On disk, so that a later process can tell a mail that was under way from one that waited.
Task<void> EmailDispatcher::begin(MailPtr mail) {
  auto work = [mail](Session& session) {
    for (const OutgoingEmail::Recipient& recipient : mail->recipients)
      email_records::begin(session, mail->resource->key, mail->operation_id, recipient.position);
  };
  co_await mail->resource->database->write(std::move(work));
}

Task<void> EmailDispatcher::deliver(MailPtr mail) {
  const Time now = context_.clock.now();
  if (!mail->message) {
    std::optional<std::string> body;
    mail->resource->database->read(
        [&](Session& session) { body = email_records::find_body(session, mail->resource->key, mail->operation_id); });
    if (!body) co_return;  // settled meanwhile
    mail->message = std::make_shared<const service::EmailMessage>(email_rules::from_json(*body));
  }
  if (mail->was_due) co_await begin(mail);
  const service::EmailMessage& message = *mail->message;
  auto pass = std::make_shared<Pass>(mail, now);
  const SenderLookup sender = domains_.look_up_sender(*mail->resource, message.sender_address);

  email::EmailSendRequest& request = pass->request;
  request.message_id = mail->operation_id;
  request.internet_message_id = mail->internet_message_id;
  request.date = mail->accepted_at;
  request.from.address = message.sender_address;
  if (!sender.sender.display_name.empty()) request.from.display_name = sender.sender.display_name;
  request.to = message.to;
  request.cc = message.cc;
  request.reply_to = message.reply_to;
  request.subject = message.subject;
  request.plain_text = message.plain_text;
  request.html = message.html;
  if (message.headers) request.headers = *message.headers;
  request.attachments = message.attachments;

  if (mail->recovered)
    pass->decision.step(
        "recovery", "again", mail->operation_id,
        "the runtime ended before it knew what became of this mail; a provider may have sent it already, with the same "
        "Message-ID");
  if (drop_suppressed(sender, *pass)) {
    const bool may_track =
        sender.domain.engagement_tracking && !message.disable_tracking && message.html && !message.html->empty();
    std::string base;
    if (may_track || message.unsubscribe) base = tracking_.base_of(*mail->resource);
    if (base.empty() && (may_track || message.unsubscribe))
      pass->decision.step("tracking", "skip", mail->resource->name, "the runtime has no address that links could lead to");
    pass->tracked = may_track && !base.empty();
    pass->unsubscribe = message.unsubscribe && !base.empty();
    if (pass->tracked || pass->unsubscribe)
      co_await send_personal(pass, base);
    else
      co_await send_plain(pass);
  }
  co_await settle(pass);
}

Task<void> EmailDispatcher::settle(std::shared_ptr<Pass> pass) {
  const Time at = context_.clock.now();
  std::vector<std::string> event_ids;
  for (std::size_t i = 0; i < pass->changes.size(); ++i) event_ids.push_back(make_event_id(context_.ids, at));
  auto next = std::make_shared<std::optional<std::int64_t>>();
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, pass, at, event_ids, next](Session& session) {
    const OutgoingEmail& mail = *pass->mail;
    const Resource& resource = *mail.resource;
    next->reset();
    service::EmailOperation head;
    head.operation_id = mail.operation_id;
    head.sender_address = mail.message->sender_address;
    head.internet_message_id = mail.internet_message_id;
    std::size_t suppressed = 0;
    for (std::size_t i = 0; i < pass->changes.size(); ++i) {
      Change change = pass->changes[i];
      for (const OutgoingEmail::Recipient& recipient : mail.recipients)
        if (recipient.position == change.position) {
          service::EmailRecipientStatus one;
          one.address = recipient.address;
          head.recipients.assign(1, std::move(one));
        }
      apply_email_change(context_, session, resource, head, mail.traceparent, change, at, event_ids[i]);
      if (change.next_attempt_us && (!*next || *change.next_attempt_us < **next)) *next = change.next_attempt_us;
    }
    if (!pass->decision.text().empty())
      email_records::append_decision(session, resource.key, mail.operation_id, pass->decision.text());
    if (!is_open(mail.status)) {
      if (!*next && !email_records::has_queued(session, resource.key, mail.operation_id))
        email_records::remove_body(session, resource.key, mail.operation_id);
      return;
    }
    const auto stored = email_records::find(session, resource.key, mail.operation_id);
    if (!stored) return;  // restored or dropped meanwhile
    bool out = pass->answered && *next, waits = false;
    for (const service::EmailRecipientStatus& recipient : stored->record.recipients) {
      const bool queued = recipient.state == EmailState::kQueued;
      waits |= queued;
      out |= queued ? recipient.attempts >= kRunningAttempts : !is_dropped(recipient.state);
      suppressed += recipient.state == EmailState::kSuppressed;
    }
    EmailOperationStatus status = EmailOperationStatus::kRunning;
    std::optional<std::string> code, words;
    if (out) {
      status = EmailOperationStatus::kSucceeded;
    } else if (!waits) {
      status = EmailOperationStatus::kFailed;
      const bool all = suppressed == stored->record.recipients.size();
      code = all ? "EmailDroppedAllRecipientsSuppressed" : "EmailDropped";
      words = all ? "every recipient is on a suppression list" : "nobody took the mail: " + pass->last_problem;
    }
    email_records::set_status(session, resource.key, mail.operation_id, status, code, words, unix_us(at));
    if (!waits) email_records::remove_body(session, resource.key, mail.operation_id);
  };
  co_await pass->mail->resource->database->write(std::move(work));
  std::set<std::pair<std::string, std::string>> taken;
  for (const Change& change : pass->changes)
    if (change.provider && change.provider_message_id) taken.emplace(*change.provider, *change.provider_message_id);
  if (on_taken_)
    for (const auto& [provider, id] : taken) on_taken_(provider, id);
  if (*next) arm(*pass->mail->resource->database, **next);
}

bool EmailDispatcher::resubmit(const ResourcePtr& resource, const std::string& operation_id, Time due, bool recovered) {
  std::optional<email_records::StoredOperation> stored;
  resource->database->read([&](Session& session) { stored = email_records::find(session, resource->key, operation_id); });
  if (!stored) return true;
  OutgoingEmail mail;
  mail.resource = resource;
  mail.operation_id = operation_id;
  mail.recovered = recovered;
  mail.was_due = !recovered;
  mail.internet_message_id = stored->record.internet_message_id;
  mail.traceparent = stored->traceparent;
  mail.accepted_at = stored->record.created_at;
  mail.status = stored->record.status;
  for (std::size_t i = 0; i < stored->record.recipients.size(); ++i) {
    const service::EmailRecipientStatus& recipient = stored->record.recipients[i];
    if (recipient.state != EmailState::kQueued) continue;
    if (recipient.next_attempt_at && *recipient.next_attempt_at > due) continue;
    if (recovered && recipient.next_attempt_at) continue;  // nobody had it: its time comes, or has come
    OutgoingEmail::Recipient one;
    one.position = static_cast<std::int32_t>(i);
    one.address = recipient.address;
    one.attempts = recipient.attempts;
    one.pinned = recipient.provider.value_or("");
    mail.recipients.push_back(std::move(one));
  }
  return mail.recipients.empty() || submit(std::move(mail));
}

void EmailDispatcher::arm(store::Database& database, std::int64_t due_us) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  Timer& timer = timers_[&database];
  if (timer.id != 0 && timer.due_us <= due_us) return;
  if (timer.id != 0) context_.clock.cancel(timer.id);
  timer.due_us = due_us;
  timer.id = context_.clock.schedule_at(from_unix_us(due_us), [this, &database] { fire(database); });
}

void EmailDispatcher::fire(store::Database& database) {
  const Time now = context_.clock.now();
  {
    const std::lock_guard lock(mutex_);
    timers_[&database].id = 0;
  }
  std::vector<email_records::Reference> due;
  std::optional<std::int64_t> next;
  database.read([&](Session& session) {
    due = email_records::due(session, unix_us(now));
    next = email_records::next_attempt(session, unix_us(now));
  });
  bool busy = false;
  for (const email_records::Reference& one : due)
    if (const ResourcePtr resource = resources_.find_by_key(one.resource_key)) busy |= !resubmit(resource, one.operation_id, now);
  // What is due is under way and arms the timer itself.
  if (next && *next > unix_us(now)) arm(database, *next);
  if (busy) arm(database, unix_us(now + kLookAgain));
}

void EmailDispatcher::recover() {
  for (const ResourcePtr& resource : resources_.list()) {
    std::vector<std::string> ids;
    resource->database->read([&](Session& session) { ids = email_records::unfinished(session, resource->key); });
    for (const std::string& id : ids) resubmit(resource, id, context_.clock.now(), true);
  }
  for (store::Database* database : context_.store.all()) {
    std::optional<std::int64_t> next;
    database->read([&](Session& session) { next = email_records::next_attempt(session, 0); });
    if (next) arm(*database, *next);
  }
}

void EmailDispatcher::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (auto& [database, timer] : timers_)
    if (timer.id != 0) context_.clock.cancel(timer.id);
  timers_.clear();
}

}  // namespace trunkline
