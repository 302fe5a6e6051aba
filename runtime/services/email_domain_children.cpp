// Senders, suppression lists with their addresses, and SMTP usernames.
#include <algorithm>

#include "runtime/clock/clock.h"
#include "runtime/services/email_domain_records.h"
#include "runtime/services/email_domain_service.h"

namespace trunkline {
namespace {

namespace records = email_domain_records;
using store::Session;

constexpr std::size_t kMaxSenders = 100;
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxText = 1024;

/// The part before the @: letters, digits and a few signs.
bool is_username(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("._-+").find(c) != std::string_view::npos;
  });
}

void check_child_name(std::string_view name, const char* target) {
  if (!name.empty() && name.size() <= kMaxName &&
      std::all_of(name.begin(), name.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; }))
    return;
  throw invalid_setting("InvalidResourceName",
                        "'" + std::string(name.substr(0, 80)) + "' is no name here: wanted 1 to 253 letters, digits or '-'",
                        target);
}

void check_text(std::string_view text, const char* target) {
  if (text.size() > kMaxText)
    throw invalid_setting("InvalidPropertyValue",
                          std::string(target) + " has " + std::to_string(text.size()) + " bytes; at most 1024 are allowed",
                          target);
}

bool looks_like_address(std::string_view text) {
  const auto at = text.find('@');
  return text.size() <= 320 && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos && std::none_of(text.begin(), text.end(), is_space);
}

/// Within the transaction: the domain may have gone since the caller looked.
void require_domain(Session& session, std::int64_t service_key, std::string_view domain) {
  if (!records::find_domain(session, service_key, domain))
    throw Error(ErrorCode::kNotFound, "there is no domain '" + std::string(domain) + "'", "domainName")
        .with_service_code("ParentResourceNotFound");
}

/// Keeps when an existing item was created; sets when it changed.
template <class T>
Stored<T> stamp(T wanted, const std::optional<T>& existing, Time now) {
  wanted.created_at = existing ? existing->created_at : now;
  wanted.changed_at = now;
  return {std::move(wanted), !existing};
}

}  // namespace

Task<Stored<EmailSender>> EmailDomainService::put_sender(EmailServicePtr service, std::string domain, EmailSender sender) {
  if (!is_username(sender.username))
    throw invalid_setting(
        "InvalidSenderUserName",
        "'" + sender.username.substr(0, 80) + "' is no sender username: wanted 1 to 253 letters, digits, '.', '_', '-' or '+'",
        "properties.username");
  check_text(sender.display_name, "properties.displayName");
  auto work = [service, domain, sender, now = context_.clock.now()](Session& session) {
    require_domain(session, service->key, domain);
    auto stored = stamp(sender, records::find_sender(session, service->key, domain, sender.username), now);
    if (stored.created && records::senders(session, service->key, domain).size() >= kMaxSenders)
      throw invalid_setting("TooManySenderUsernames", "A domain has at most 100 sender usernames.", "senderUsername");
    records::put_sender(session, service->key, domain, stored.value);
    return stored;
  };
  co_return co_await service->database->write_value<Stored<EmailSender>>(std::move(work));
}

Task<bool> EmailDomainService::remove_sender(EmailServicePtr service, std::string domain, std::string username) {
  auto work = [service, domain, username](Session& session) {
    return records::remove_sender(session, service->key, domain, username);
  };
  co_return co_await service->database->write_value<bool>(std::move(work));
}

std::vector<EmailSender> EmailDomainService::senders(const EmailServiceInfo& service, std::string_view domain) {
  std::vector<EmailSender> found;
  service.database->read([&](Session& session) { found = records::senders(session, service.key, domain); });
  return found;
}

std::optional<EmailSender> EmailDomainService::find_sender(const EmailServiceInfo& service, std::string_view domain,
                                                           std::string_view username) {
  std::optional<EmailSender> found;
  service.database->read([&](Session& session) { found = records::find_sender(session, service.key, domain, username); });
  return found;
}

Task<Stored<SuppressionList>> EmailDomainService::put_list(EmailServicePtr service, std::string domain, SuppressionList list) {
  check_child_name(list.name, "suppressionListName");
  if (!list.list_name.empty() && !is_username(list.list_name))
    throw invalid_setting("InvalidPropertyValue",
                          "listName must be a sender username or empty, not '" + list.list_name.substr(0, 80) + "'",
                          "properties.listName");
  auto work = [service, domain, list, now = context_.clock.now()](Session& session) {
    require_domain(session, service->key, domain);
    auto stored = stamp(list, records::find_list(session, service->key, domain, list.name), now);
    records::put_list(session, service->key, domain, stored.value);
    return stored;
  };
  co_return co_await service->database->write_value<Stored<SuppressionList>>(std::move(work));
}

Task<bool> EmailDomainService::remove_list(EmailServicePtr service, std::string domain, std::string name) {
  auto work = [service, domain, name](Session& session) { return records::remove_list(session, service->key, domain, name); };
  co_return co_await service->database->write_value<bool>(std::move(work));
}

std::vector<SuppressionList> EmailDomainService::lists(const EmailServiceInfo& service, std::string_view domain) {
  std::vector<SuppressionList> found;
  service.database->read([&](Session& session) { found = records::lists(session, service.key, domain); });
  return found;
}

std::optional<SuppressionList> EmailDomainService::find_list(const EmailServiceInfo& service, std::string_view domain,
                                                             std::string_view name) {
  std::optional<SuppressionList> found;
  service.database->read([&](Session& session) { found = records::find_list(session, service.key, domain, name); });
  return found;
}

Task<Stored<SuppressedAddress>> EmailDomainService::put_address(EmailServicePtr service, std::string domain, std::string list,
                                                                SuppressedAddress address) {
  check_child_name(address.id, "addressId");
  if (!looks_like_address(address.email))
    throw invalid_setting("InvalidPropertyValue", "'" + address.email.substr(0, 80) + "' is no email address",
                          "properties.email");
  check_text(address.first_name, "properties.firstName");
  check_text(address.last_name, "properties.lastName");
  check_text(address.notes, "properties.notes");
  auto work = [service, domain, list, address, now = context_.clock.now()](Session& session) {
    require_domain(session, service->key, domain);
    auto stored = stamp(address, records::find_address(session, service->key, domain, list, address.id), now);
    records::put_address(session, service->key, domain, list, stored.value);
    // The list has changed with it.
    if (auto owner = records::find_list(session, service->key, domain, list)) {
      owner->changed_at = now;
      records::put_list(session, service->key, domain, *owner);
    }
    return stored;
  };
  co_return co_await service->database->write_value<Stored<SuppressedAddress>>(std::move(work));
}

Task<bool> EmailDomainService::remove_address(EmailServicePtr service, std::string domain, std::string list, std::string id) {
  auto work = [service, domain, list, id](Session& session) {
    return records::remove_address(session, service->key, domain, list, id);
  };
  co_return co_await service->database->write_value<bool>(std::move(work));
}

std::vector<SuppressedAddress> EmailDomainService::addresses(const EmailServiceInfo& service, std::string_view domain,
                                                             std::string_view list) {
  std::vector<SuppressedAddress> found;
  service.database->read([&](Session& session) { found = records::addresses(session, service.key, domain, list); });
  return found;
}

std::optional<SuppressedAddress> EmailDomainService::find_address(const EmailServiceInfo& service, std::string_view domain,
                                                                  std::string_view list, std::string_view id) {
  std::optional<SuppressedAddress> found;
  service.database->read([&](Session& session) { found = records::find_address(session, service.key, domain, list, id); });
  return found;
}

Task<Stored<SmtpUsername>> EmailDomainService::put_smtp_username(ResourcePtr resource, SmtpUsername username) {
  check_child_name(username.name, "smtpUsername");
  const bool address = looks_like_address(username.username);
  if (!address && !is_username(username.username))
    throw invalid_setting("InvalidPropertyValue",
                          "'" + username.username.substr(0, 80) +
                              "' is no SMTP username: wanted an email address, or letters, digits, "
                              "'.', '_', '-' or '+'",
                          "properties.username");
  auto work = [resource, username, now = context_.clock.now()](Session& session) {
    for (const SmtpUsername& other : records::smtp_usernames(session, resource->key))
      if (!iequals(other.name, username.name) && iequals(other.username, username.username))
        throw Error(ErrorCode::kAlreadyExists, "the SMTP username '" + username.username + "' is that of '" + other.name + "'",
                    "properties.username");
    auto stored = stamp(username, records::find_smtp_username(session, resource->key, username.name), now);
    records::put_smtp_username(session, resource->key, stored.value);
    return stored;
  };
  co_return co_await resource->database->write_value<Stored<SmtpUsername>>(std::move(work));
}

Task<bool> EmailDomainService::remove_smtp_username(ResourcePtr resource, std::string name) {
  auto work = [resource, name](Session& session) { return records::remove_smtp_username(session, resource->key, name); };
  co_return co_await resource->database->write_value<bool>(std::move(work));
}

std::vector<SmtpUsername> EmailDomainService::smtp_usernames(const Resource& resource) {
  std::vector<SmtpUsername> found;
  resource.database->read([&](Session& session) { found = records::smtp_usernames(session, resource.key); });
  return found;
}

std::optional<SmtpUsername> EmailDomainService::find_smtp_username(const Resource& resource, std::string_view name) {
  std::optional<SmtpUsername> found;
  resource.database->read([&](Session& session) { found = records::find_smtp_username(session, resource.key, name); });
  return found;
}

void EmailDomainService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  records::copy_smtp_usernames(session, from.key, to.key);
}

void EmailDomainService::drop_rows(Session& session, const Resource& resource) {
  records::drop_smtp_usernames(session, resource.key);
}

}  // namespace trunkline
