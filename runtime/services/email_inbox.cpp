// What comes back and what comes in: reports, bounces as mail, complaints, openings and clicks, mail to mailboxes of ours.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/decision.h"
#include "runtime/services/email_dispatcher.h"
#include "runtime/services/email_event_data.h"
#include "runtime/services/email_records.h"
#include "runtime/services/email_service.h"
#include "trunkline/mail.hpp"

namespace trunkline {
namespace {

using email::EmailState;
using store::Session;

/// The operation in a Message-ID of ours.
std::string operation_of(std::string_view internet_message_id) {
  if (internet_message_id.starts_with('<')) internet_message_id.remove_prefix(1);
  const auto id = Uuid::parse(internet_message_id.substr(0, internet_message_id.find('@')));
  return id ? id->str() : std::string();
}

/// What waits until its mail is known, as it is kept.
std::string early_text(const email::EmailReport& report) {
  nlohmann::json text;
  text["recipient"] = report.recipient;
  text["state"] = static_cast<int>(report.state);
  text["at_us"] = unix_us(report.at);
  if (report.provider_message_id) text["id"] = *report.provider_message_id;
  if (report.status_code) text["code"] = *report.status_code;
  if (report.detail) text["detail"] = *report.detail;
  return text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string early_text(const email::EmailEngagement& engagement) {
  nlohmann::json text;
  text["recipient"] = engagement.recipient;
  text["engagement"] = static_cast<int>(engagement.kind);
  text["at_us"] = unix_us(engagement.at);
  if (engagement.url) text["url"] = *engagement.url;
  if (engagement.user_agent) text["user_agent"] = *engagement.user_agent;
  return text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<std::string> member_of(const nlohmann::json& text, const char* name) {
  const auto found = text.find(name);
  return found == text.end() ? std::nullopt : std::optional<std::string>(found->get<std::string>());
}

email::EmailReport early_report(const nlohmann::json& text) {
  email::EmailReport report;
  report.recipient = text.at("recipient").get<std::string>();
  report.state = static_cast<EmailState>(text.at("state").get<int>());
  report.at = from_unix_us(text.at("at_us").get<std::int64_t>());
  report.provider_message_id = member_of(text, "id");
  report.status_code = member_of(text, "code");
  report.detail = member_of(text, "detail");
  return report;
}

email::EmailEngagement early_engagement(const nlohmann::json& text) {
  email::EmailEngagement engagement;
  engagement.recipient = text.at("recipient").get<std::string>();
  engagement.kind = static_cast<email::EngagementKind>(text.at("engagement").get<int>());
  engagement.at = from_unix_us(text.at("at_us").get<std::int64_t>());
  engagement.url = member_of(text, "url");
  engagement.user_agent = member_of(text, "user_agent");
  return engagement;
}

}  // namespace

std::optional<EmailService::Found> EmailService::find_reported(const std::string& provider, const std::string& message_id,
                                                               const std::optional<std::string>& provider_message_id) {
  if (!message_id.empty()) {
    const auto id = Uuid::parse(message_id);
    if (!id) return std::nullopt;
    // A fork has a copy of the operation; what is reported belongs to the one that sent it, which is older.
    std::optional<Found> found;
    for (const ResourcePtr& resource : resources_.list()) {
      if (found && found->resource->key < resource->key) continue;
      std::optional<std::string> hash;
      resource->database->read(
          [&](Session& session) { hash = email_records::find_request_hash(session, resource->key, id->str()); });
      if (hash) found = Found{resource, id->str()};
    }
    return found;
  }
  if (!provider_message_id) return std::nullopt;
  for (store::Database* database : context_.store.all()) {
    std::optional<email_records::Reference> found;
    database->read(
        [&](Session& session) { found = email_records::find_by_provider_id(session, provider, *provider_message_id); });
    if (!found) continue;
    if (ResourcePtr resource = resources_.find_by_key(found->resource_key))
      return Found{std::move(resource), std::move(found->operation_id)};
  }
  return std::nullopt;
}

Task<void> EmailService::on_report(std::string provider, email::EmailReport report) {
  if (auto found = find_reported(provider, report.message_id, report.provider_message_id))
    co_return co_await apply_report(*std::move(found), std::move(provider), std::move(report));
  if (report.provider_message_id) {  // perhaps the provider is faster than our own note of its answer
    EarlyReports::Id id{provider, *report.provider_message_id};
    co_await early_.keep(id, early_text(report));
    co_return co_await take_early(std::move(id));
  }
  // The resource was dropped, or the provider reports something we never sent: asking it again would not help.
  context_.log.warning("email", "a report for an unknown mail was dropped",
                       {{"provider", provider}, {"message_id", report.message_id}});
}

void EmailService::start_take_early(const std::string& provider, const std::string& provider_message_id) {
  spawn(take_early({provider, provider_message_id}), [this](Result<void> result) {
    if (!result) context_.log.error("email", "keeping a report failed", {{"error", result.error().message}});
  });
}

Task<void> EmailService::take_early(EarlyReports::Id id) {
  const std::optional<Found> found = find_reported(id.provider, {}, id.provider_message_id);
  if (!found) co_return;
  std::vector<EarlyReports::Report> reports = early_.take(id);
  if (reports.empty()) co_return;
  for (const EarlyReports::Report& one : reports) {
    Found copy = *found;
    const nlohmann::json text = nlohmann::json::parse(one.body);
    if (text.contains("engagement"))
      co_await take_engagement(std::move(copy), early_engagement(text));
    else
      co_await apply_report(std::move(copy), id.provider, early_report(text));
  }
  co_await early_.forget(std::move(reports));
}

Task<void> EmailService::apply_report(Found found, std::string provider, email::EmailReport report) {
  const ResourcePtr resource = found.resource;
  auto work = [this, found, provider, report, event_id = make_event_id(context_.ids, report.at)](Session& session) {
    const Resource& owner = *found.resource;
    auto stored = email_records::find(session, owner.key, found.operation_id);
    if (!stored) return;
    auto& recipients = stored->record.recipients;
    auto at = std::find_if(recipients.begin(), recipients.end(),
                           [&](const auto& one) { return iequals(one.address, report.recipient); });
    // A relay may report an address that it was forwarded to; with one recipient it is clear whose it is.
    if (at == recipients.end() && recipients.size() == 1) at = recipients.begin();
    if (at == recipients.end()) return;
    email_records::Change change;
    change.position = static_cast<std::int32_t>(at - recipients.begin());
    change.state = report.state;
    change.status_code = report.status_code;
    change.detail = report.detail;
    change.provider_message_id = report.provider_message_id;
    change.at_us = unix_us(report.at);
    service::EmailOperation head = stored->record;
    head.recipients.assign(1, *at);
    const bool good =
        report.state == EmailState::kDelivered || report.state == EmailState::kExpanded || report.state == EmailState::kSent;
    const bool news = apply_email_change(context_, session, owner, head, stored->traceparent, change, report.at, event_id);
    DecisionLines line(report.at);
    line.step("provider.report", news ? (good ? "pass" : "fail") : "skip", provider,
              at->address + " " + std::string(delivery_status_word(report.state)) + " " + report.status_code.value_or("") + " " +
                  report.detail.value_or("") + (news ? "" : " (not after what is known)"));
    email_records::append_decision(session, owner.key, found.operation_id, line.text());
  };
  co_await resource->database->write(std::move(work));
}

Task<void> EmailService::on_engagement(std::string provider, email::EmailEngagement engagement) {
  if (auto found = find_reported(provider, engagement.message_id, engagement.provider_message_id))
    co_return co_await take_engagement(*std::move(found), std::move(engagement));
  if (engagement.provider_message_id) {
    EarlyReports::Id id{provider, *engagement.provider_message_id};
    co_await early_.keep(id, early_text(engagement));
    co_return co_await take_early(std::move(id));
  }
  context_.log.warning("email", "an engagement with an unknown mail was dropped",
                       {{"provider", provider}, {"message_id", engagement.message_id}});
}

Task<void> EmailService::take_engagement(Found found, email::EmailEngagement engagement) {
  const service::EmailOperation operation = get(*found.resource, found.operation_id);
  co_await log_engagement(found.resource, operation.sender_address, found.operation_id, std::move(engagement));
}

Task<void> EmailService::log_engagement(ResourcePtr resource, std::string sender, std::string operation_id,
                                        email::EmailEngagement engagement) {
  NewEvent event;
  event.id = make_event_id(context_.ids, engagement.at);
  event.type = kEmailEngagementType;
  event.subject = email_subject(sender, operation_id);
  event.topic = resource->arm_id;
  event.time = engagement.at;
  event.data = email_engagement_data(sender, operation_id, engagement);
  co_await context_.events.publish(*resource->database, resource->key, std::move(event));
}

Task<std::optional<EmailLink>> EmailService::use_link(std::string token, EmailLinkKind kind, std::string user_agent) {
  std::optional<EmailLink> link = tracking_.read(token);
  if (!link || link->kind != kind) co_return std::nullopt;
  const ResourcePtr resource = resources_.find_by_key(link->resource_key);
  if (!resource) co_return std::nullopt;
  std::optional<email_records::StoredOperation> stored;
  resource->database->read([&](Session& session) { stored = email_records::find(session, resource->key, link->operation_id); });
  if (!stored || static_cast<std::size_t>(link->position) >= stored->record.recipients.size()) co_return std::nullopt;
  const std::string address = stored->record.recipients[static_cast<std::size_t>(link->position)].address;
  if (kind == EmailLinkKind::kUnsubscribe) {
    co_await suppress(resource, address, stored->record.sender_address, "one click", service::SuppressionReason::kUnsubscribe);
    co_return link;
  }
  email::EmailEngagement engagement;
  engagement.message_id = link->operation_id;
  engagement.recipient = address;
  engagement.kind = kind == EmailLinkKind::kClick ? email::EngagementKind::kClick : email::EngagementKind::kView;
  if (!link->url.empty()) engagement.url = link->url;
  if (!user_agent.empty()) engagement.user_agent = user_agent.substr(0, 512);
  engagement.at = context_.clock.now();
  co_await log_engagement(resource, stored->record.sender_address, link->operation_id, std::move(engagement));
  co_return link;
}

bool EmailService::owns_domain(const Resource& resource, std::string_view domain) {
  for (const std::string& id : resource.arm.linked_domains)
    if (const auto linked = domains_.find_domain_by_id(id); linked && iequals(linked->from_domain, domain)) return true;
  return false;
}

/// The resource that a recipient's domain is linked to; `ours`: its recipients.
ResourcePtr EmailService::owner_of(const email::InboundEmail& message, std::vector<std::string>& ours) {
  std::vector<ResourcePtr> asked = resources_.list();
  if (message.resource) {
    asked.clear();
    if (ResourcePtr named = resources_.find(*message.resource)) asked.push_back(std::move(named));
  }
  for (const ResourcePtr& resource : asked) {
    ours.clear();
    for (const std::string& address : message.to)
      if (owns_domain(*resource, mail::domain_of(address))) ours.push_back(address);
    if (!ours.empty()) return resource;
  }
  return nullptr;
}

/// True: it was a report about mail of ours, and nothing else.
Task<bool> EmailService::take_status_reports(std::string provider, const email::InboundEmail& message) {
  const std::string_view raw(reinterpret_cast<const char*>(message.mime.data()), message.mime.size());
  bool taken = false;
  for (const mail::StatusReport& status : mail::read_status_reports(raw)) {
    std::string operation_id = operation_of(status.envelope_id);
    if (operation_id.empty()) operation_id = operation_of(status.original_message_id);
    if (operation_id.empty()) continue;
    std::optional<Found> found = find_reported(provider, operation_id, std::nullopt);
    if (!found) continue;
    email::EmailReport report;
    report.message_id = operation_id;
    report.recipient = status.recipient;
    report.state = status.state;
    if (!status.status_code.empty()) report.status_code = status.status_code;
    if (!status.diagnostic.empty()) report.detail = status.diagnostic;
    report.at = message.received_at;
    co_await apply_report(*std::move(found), provider, std::move(report));
    taken = true;
  }
  co_return taken;
}

Task<void> EmailService::on_received(std::string provider, email::InboundEmail message) {
  const bool report = co_await take_status_reports(provider, message);
  if (report) co_return;
  auto mail = std::make_shared<service::ReceivedEmail>();
  const ResourcePtr resource = owner_of(message, mail->to);
  if (!resource)
    throw Error(ErrorCode::kNotFound,
                "no resource has the domain of " + (message.to.empty() ? std::string("nobody") : message.to.front()), "to");
  const std::string_view raw(reinterpret_cast<const char*>(message.mime.data()), message.mime.size());
  const mail::Parsed parsed = mail::parse(raw);
  mail->message_id = context_.ids.uuid7(context_.clock.now()).str();
  mail->from = message.from;
  mail->subject = parsed.subject;
  mail->received_at = message.received_at;
  mail->mime = std::move(message.mime);
  NewEvent event;
  event.id = make_event_id(context_.ids, context_.clock.now());
  event.type = kEmailReceivedType;
  event.subject = "recipient/" + mail->to.front() + "/message/" + mail->message_id;
  event.topic = resource->arm_id;
  event.time = message.received_at;
  event.data = email_received_data(*mail, parsed);
  const std::string key = provider + ":" + (message.provider_message_id.empty() ? mail->message_id : message.provider_message_id);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, resource, mail, key, event](Session& session) {
    if (email_records::insert_received(session, resource->key, *mail, key)) context_.events.append(session, resource->key, event);
  };
  co_await resource->database->write(std::move(work));
  received_.add();
}

}  // namespace trunkline
