// The rows of email services, domains, senders and suppression lists. Only SQL and JSON; the rules live in EmailDomainService.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/services/email_domain.h"

namespace trunkline::email_domain_records {

// In the system database. `database` is the caller's to set.
std::vector<EmailServiceInfo> services(store::Session& session);
std::int64_t insert_service(store::Session& session, const EmailServiceInfo& service);
void update_service(store::Session& session, const EmailServiceInfo& service);
void remove_service(store::Session& session, std::int64_t key);

// In the database of the data location. Names compare without case; what is stored keeps its own.
std::vector<EmailDomain> domains(store::Session& session, std::int64_t service_key);
std::optional<EmailDomain> find_domain(store::Session& session, std::int64_t service_key, std::string_view name);
void put_domain(store::Session& session, const EmailDomain& domain);
/// With everything below it. False: there was none.
bool remove_domain(store::Session& session, std::int64_t service_key, std::string_view name);

std::vector<EmailSender> senders(store::Session& session, std::int64_t service_key, std::string_view domain);
std::optional<EmailSender> find_sender(store::Session& session, std::int64_t service_key, std::string_view domain,
                                       std::string_view username);
void put_sender(store::Session& session, std::int64_t service_key, std::string_view domain, const EmailSender& sender);
bool remove_sender(store::Session& session, std::int64_t service_key, std::string_view domain, std::string_view username);

std::vector<SuppressionList> lists(store::Session& session, std::int64_t service_key, std::string_view domain);
std::optional<SuppressionList> find_list(store::Session& session, std::int64_t service_key, std::string_view domain,
                                         std::string_view name);
void put_list(store::Session& session, std::int64_t service_key, std::string_view domain, const SuppressionList& list);
/// With its addresses. False: there was none.
bool remove_list(store::Session& session, std::int64_t service_key, std::string_view domain, std::string_view name);

std::vector<SuppressedAddress> addresses(store::Session& session, std::int64_t service_key, std::string_view domain,
                                         std::string_view list);
std::optional<SuppressedAddress> find_address(store::Session& session, std::int64_t service_key, std::string_view domain,
                                              std::string_view list, std::string_view id);
void put_address(store::Session& session, std::int64_t service_key, std::string_view domain, std::string_view list,
                 const SuppressedAddress& address);
bool remove_address(store::Session& session, std::int64_t service_key, std::string_view domain, std::string_view list,
                    std::string_view id);
/// For each list of the domain that holds the address: whose mail it is about (a username, or empty: everybody).
std::vector<std::string> lists_with(store::Session& session, std::int64_t service_key, std::string_view domain,
                                    std::string_view email);

std::vector<SmtpUsername> smtp_usernames(store::Session& session, std::int64_t resource_key);
std::optional<SmtpUsername> find_smtp_username(store::Session& session, std::int64_t resource_key, std::string_view name);
void put_smtp_username(store::Session& session, std::int64_t resource_key, const SmtpUsername& username);
bool remove_smtp_username(store::Session& session, std::int64_t resource_key, std::string_view name);
void copy_smtp_usernames(store::Session& session, std::int64_t from, std::int64_t to);
void drop_smtp_usernames(store::Session& session, std::int64_t resource_key);

}  // namespace trunkline::email_domain_records
