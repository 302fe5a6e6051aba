#include "runtime/services/email_domain_records.h"

#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"

namespace trunkline::email_domain_records {
namespace {

using nlohmann::json;
using store::Row;
using store::Session;
using store::Statement;

const Statement kServices{
    "SELECT service_key, subscription, resource_group, name, data_location, tags, created_unix_us, changed_unix_us "
    "FROM email_services ORDER BY service_key"};
const Statement kInsertService{
    "INSERT INTO email_services (subscription, resource_group, name, data_location, tags, created_unix_us, changed_unix_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"};
const Statement kUpdateService{"UPDATE email_services SET tags = ?, changed_unix_us = ? WHERE service_key = ?"};
const Statement kRemoveService{"DELETE FROM email_services WHERE service_key = ?"};

const Statement kDomains{"SELECT body FROM email_domains WHERE service_key = ? ORDER BY name"};
const Statement kDomain{"SELECT body FROM email_domains WHERE service_key = ? AND name = ?"};
const Statement kPutDomain{
    "INSERT INTO email_domains (service_key, name, body) VALUES (?, ?, ?) ON CONFLICT (service_key, name) DO UPDATE SET body = "
    "excluded.body"};
const Statement kRemoveDomain{"DELETE FROM email_domains WHERE service_key = ? AND name = ?"};
const Statement kRemoveSenders{"DELETE FROM email_senders WHERE service_key = ? AND domain = ?"};
const Statement kRemoveLists{"DELETE FROM email_suppression_lists WHERE service_key = ? AND domain = ?"};
const Statement kRemoveAllAddresses{"DELETE FROM email_suppressed WHERE service_key = ? AND domain = ?"};

const Statement kSenders{"SELECT body FROM email_senders WHERE service_key = ? AND domain = ? ORDER BY username"};
const Statement kSender{"SELECT body FROM email_senders WHERE service_key = ? AND domain = ? AND username = ?"};
const Statement kPutSender{
    "INSERT INTO email_senders (service_key, domain, username, body) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (service_key, domain, username) DO UPDATE SET body = excluded.body"};
const Statement kRemoveSender{"DELETE FROM email_senders WHERE service_key = ? AND domain = ? AND username = ?"};

const Statement kLists{"SELECT body FROM email_suppression_lists WHERE service_key = ? AND domain = ? ORDER BY name"};
const Statement kList{"SELECT body FROM email_suppression_lists WHERE service_key = ? AND domain = ? AND name = ?"};
const Statement kPutList{
    "INSERT INTO email_suppression_lists (service_key, domain, name, body) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (service_key, domain, name) DO UPDATE SET body = excluded.body"};
const Statement kRemoveList{"DELETE FROM email_suppression_lists WHERE service_key = ? AND domain = ? AND name = ?"};
const Statement kRemoveAddresses{"DELETE FROM email_suppressed WHERE service_key = ? AND domain = ? AND list = ?"};

const Statement kAddresses{
    "SELECT body FROM email_suppressed WHERE service_key = ? AND domain = ? AND list = ? ORDER BY address_id"};
const Statement kAddress{
    "SELECT body FROM email_suppressed WHERE service_key = ? AND domain = ? AND list = ? AND address_id = ?"};
const Statement kPutAddress{
    "INSERT INTO email_suppressed (service_key, domain, list, address_id, email, body) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (service_key, domain, list, address_id) DO UPDATE SET email = excluded.email, body = excluded.body"};
const Statement kRemoveAddress{
    "DELETE FROM email_suppressed WHERE service_key = ? AND domain = ? AND list = ? AND address_id = ?"};
const Statement kListsWith{
    "SELECT l.body FROM email_suppressed s JOIN email_suppression_lists l ON l.service_key = s.service_key AND l.domain = "
    "s.domain "
    "AND l.name = s.list WHERE s.service_key = ? AND s.domain = ? AND s.email = ?"};

const Statement kSmtpUsernames{"SELECT body FROM smtp_usernames WHERE resource_key = ? ORDER BY name"};
const Statement kSmtpUsername{"SELECT body FROM smtp_usernames WHERE resource_key = ? AND name = ?"};
const Statement kPutSmtpUsername{
    "INSERT INTO smtp_usernames (resource_key, name, body) VALUES (?, ?, ?) ON CONFLICT (resource_key, name) DO UPDATE SET body "
    "= excluded.body"};
const Statement kRemoveSmtpUsername{"DELETE FROM smtp_usernames WHERE resource_key = ? AND name = ?"};
const Statement kCopySmtpUsernames{
    "INSERT INTO smtp_usernames (resource_key, name, body) SELECT ?, name, body FROM smtp_usernames WHERE resource_key = ?"};
const Statement kDropSmtpUsernames{"DELETE FROM smtp_usernames WHERE resource_key = ?"};

template <class T>
json stamped(const T& item) {
  json out;
  out["created_us"] = unix_us(item.created_at);
  out["changed_us"] = unix_us(item.changed_at);
  return out;
}
template <class T>
void read_stamps(const json& in, T& item) {
  item.created_at = from_unix_us(in.at("created_us"));
  item.changed_at = from_unix_us(in.at("changed_us"));
}

std::string body_of(const EmailDomain& domain) {
  json out = stamped(domain);
  out["name"] = domain.name;
  out["management"] = static_cast<int>(domain.management);
  out["from_domain"] = domain.from_domain;
  out["mail_from_domain"] = domain.mail_from_domain;
  out["token"] = domain.token;
  out["engagement_tracking"] = domain.engagement_tracking;
  out["tags"] = domain.tags;
  out["proofs"] = json::array();
  for (const DomainVerification& proof : domain.proofs) {
    json item;
    item["asked"] = static_cast<int>(proof.asked);
    item["since_us"] = unix_us(proof.since);
    out["proofs"].push_back(std::move(item));
  }
  return out.dump();
}

EmailDomain read_domain(std::int64_t service_key, std::string_view body) {
  const json in = json::parse(body);
  EmailDomain domain;
  read_stamps(in, domain);
  domain.service_key = service_key;
  domain.name = in.at("name");
  domain.management = static_cast<DomainManagement>(in.at("management").get<int>());
  domain.from_domain = in.at("from_domain");
  domain.mail_from_domain = in.at("mail_from_domain");
  domain.token = in.at("token");
  domain.engagement_tracking = in.at("engagement_tracking");
  domain.tags = in.at("tags").get<std::map<std::string, std::string>>();
  for (std::size_t i = 0; i < domain.proofs.size(); ++i) {
    const json& proof = in.at("proofs").at(i);
    domain.proofs[i].asked = static_cast<DomainVerification::Asked>(proof.at("asked").get<int>());
    domain.proofs[i].since = from_unix_us(proof.at("since_us"));
  }
  return domain;
}

std::string body_of(const EmailSender& sender) {
  json out = stamped(sender);
  out["username"] = sender.username;
  out["display_name"] = sender.display_name;
  return out.dump();
}

EmailSender read_sender(std::string_view body) {
  const json in = json::parse(body);
  EmailSender sender;
  read_stamps(in, sender);
  sender.username = in.at("username");
  sender.display_name = in.at("display_name");
  return sender;
}

std::string body_of(const SuppressionList& list) {
  json out = stamped(list);
  out["name"] = list.name;
  out["list_name"] = list.list_name;
  return out.dump();
}

SuppressionList read_list(std::string_view body) {
  const json in = json::parse(body);
  SuppressionList list;
  read_stamps(in, list);
  list.name = in.at("name");
  list.list_name = in.at("list_name");
  return list;
}

std::string body_of(const SuppressedAddress& address) {
  json out = stamped(address);
  out["id"] = address.id;
  out["email"] = address.email;
  out["first_name"] = address.first_name;
  out["last_name"] = address.last_name;
  out["notes"] = address.notes;
  return out.dump();
}

SuppressedAddress read_address(std::string_view body) {
  const json in = json::parse(body);
  SuppressedAddress address;
  read_stamps(in, address);
  address.id = in.at("id");
  address.email = in.at("email");
  address.first_name = in.at("first_name");
  address.last_name = in.at("last_name");
  address.notes = in.at("notes");
  return address;
}

std::string body_of(const SmtpUsername& username) {
  json out = stamped(username);
  out["name"] = username.name;
  out["username"] = username.username;
  out["application_id"] = username.application_id;
  out["tenant_id"] = username.tenant_id;
  return out.dump();
}

SmtpUsername read_smtp_username(std::string_view body) {
  const json in = json::parse(body);
  SmtpUsername username;
  read_stamps(in, username);
  username.name = in.at("name");
  username.username = in.at("username");
  username.application_id = in.at("application_id");
  username.tenant_id = in.at("tenant_id");
  return username;
}

template <class F>
auto all(Session& session, const Statement& statement, std::initializer_list<store::Value> parameters, F read) {
  std::vector<decltype(read(std::string_view{}))> out;
  session.query(statement, parameters, [&](const Row& row) { out.push_back(read(row.text(0))); });
  return out;
}
template <class F>
auto one(Session& session, const Statement& statement, std::initializer_list<store::Value> parameters, F read) {
  std::optional<decltype(read(std::string_view{}))> out;
  session.query(statement, parameters, [&](const Row& row) { out = read(row.text(0)); });
  return out;
}

}  // namespace

std::vector<EmailServiceInfo> services(Session& session) {
  std::vector<EmailServiceInfo> out;
  session.query(kServices, {}, [&](const Row& row) {
    EmailServiceInfo service;
    service.key = row.integer(0);
    service.subscription = row.text(1);
    service.resource_group = row.text(2);
    service.name = row.text(3);
    service.data_location = row.text(4);
    service.tags = json::parse(row.text(5)).get<std::map<std::string, std::string>>();
    service.created_at = from_unix_us(row.integer(6));
    service.changed_at = from_unix_us(row.integer(7));
    out.push_back(std::move(service));
  });
  return out;
}

std::int64_t insert_service(Session& session, const EmailServiceInfo& s) {
  session.execute(kInsertService, {s.subscription, s.resource_group, s.name, s.data_location, json(s.tags).dump(),
                                   unix_us(s.created_at), unix_us(s.changed_at)});
  return session.last_insert_id();
}
void update_service(Session& session, const EmailServiceInfo& s) {
  session.execute(kUpdateService, {json(s.tags).dump(), unix_us(s.changed_at), s.key});
}
void remove_service(Session& session, std::int64_t key) { session.execute(kRemoveService, {key}); }

std::vector<EmailDomain> domains(Session& session, std::int64_t service_key) {
  return all(session, kDomains, {service_key}, [&](std::string_view body) { return read_domain(service_key, body); });
}
std::optional<EmailDomain> find_domain(Session& session, std::int64_t service_key, std::string_view name) {
  return one(session, kDomain, {service_key, to_lower(name)},
             [&](std::string_view body) { return read_domain(service_key, body); });
}
void put_domain(Session& session, const EmailDomain& domain) {
  session.execute(kPutDomain, {domain.service_key, to_lower(domain.name), body_of(domain)});
}
bool remove_domain(Session& session, std::int64_t service_key, std::string_view name) {
  const std::string folded = to_lower(name);
  for (const Statement* statement : {&kRemoveSenders, &kRemoveLists, &kRemoveAllAddresses})
    session.execute(*statement, {service_key, folded});
  return session.execute(kRemoveDomain, {service_key, folded}) > 0;
}

std::vector<EmailSender> senders(Session& session, std::int64_t service_key, std::string_view domain) {
  return all(session, kSenders, {service_key, to_lower(domain)}, read_sender);
}
std::optional<EmailSender> find_sender(Session& session, std::int64_t service_key, std::string_view domain,
                                       std::string_view username) {
  return one(session, kSender, {service_key, to_lower(domain), to_lower(username)}, read_sender);
}
void put_sender(Session& session, std::int64_t service_key, std::string_view domain, const EmailSender& sender) {
  session.execute(kPutSender, {service_key, to_lower(domain), to_lower(sender.username), body_of(sender)});
}
bool remove_sender(Session& session, std::int64_t service_key, std::string_view domain, std::string_view username) {
  return session.execute(kRemoveSender, {service_key, to_lower(domain), to_lower(username)}) > 0;
}

std::vector<SuppressionList> lists(Session& session, std::int64_t service_key, std::string_view domain) {
  return all(session, kLists, {service_key, to_lower(domain)}, read_list);
}
std::optional<SuppressionList> find_list(Session& session, std::int64_t service_key, std::string_view domain,
                                         std::string_view name) {
  return one(session, kList, {service_key, to_lower(domain), to_lower(name)}, read_list);
}
void put_list(Session& session, std::int64_t service_key, std::string_view domain, const SuppressionList& list) {
  session.execute(kPutList, {service_key, to_lower(domain), to_lower(list.name), body_of(list)});
}
bool remove_list(Session& session, std::int64_t service_key, std::string_view domain, std::string_view name) {
  session.execute(kRemoveAddresses, {service_key, to_lower(domain), to_lower(name)});
  return session.execute(kRemoveList, {service_key, to_lower(domain), to_lower(name)}) > 0;
}

std::vector<SuppressedAddress> addresses(Session& session, std::int64_t service_key, std::string_view domain,
                                         std::string_view list) {
  return all(session, kAddresses, {service_key, to_lower(domain), to_lower(list)}, read_address);
}
std::optional<SuppressedAddress> find_address(Session& session, std::int64_t service_key, std::string_view domain,
                                              std::string_view list, std::string_view id) {
  return one(session, kAddress, {service_key, to_lower(domain), to_lower(list), to_lower(id)}, read_address);
}
void put_address(Session& session, std::int64_t service_key, std::string_view domain, std::string_view list,
                 const SuppressedAddress& address) {
  session.execute(kPutAddress, {service_key, to_lower(domain), to_lower(list), to_lower(address.id), to_lower(address.email),
                                body_of(address)});
}
bool remove_address(Session& session, std::int64_t service_key, std::string_view domain, std::string_view list,
                    std::string_view id) {
  return session.execute(kRemoveAddress, {service_key, to_lower(domain), to_lower(list), to_lower(id)}) > 0;
}
std::vector<std::string> lists_with(Session& session, std::int64_t service_key, std::string_view domain, std::string_view email) {
  return all(session, kListsWith, {service_key, to_lower(domain), to_lower(email)},
             [](std::string_view body) { return read_list(body).list_name; });
}

std::vector<SmtpUsername> smtp_usernames(Session& session, std::int64_t resource_key) {
  return all(session, kSmtpUsernames, {resource_key}, read_smtp_username);
}
std::optional<SmtpUsername> find_smtp_username(Session& session, std::int64_t resource_key, std::string_view name) {
  return one(session, kSmtpUsername, {resource_key, to_lower(name)}, read_smtp_username);
}
void put_smtp_username(Session& session, std::int64_t resource_key, const SmtpUsername& username) {
  session.execute(kPutSmtpUsername, {resource_key, to_lower(username.name), body_of(username)});
}
bool remove_smtp_username(Session& session, std::int64_t resource_key, std::string_view name) {
  return session.execute(kRemoveSmtpUsername, {resource_key, to_lower(name)}) > 0;
}
void copy_smtp_usernames(Session& session, std::int64_t from, std::int64_t to) {
  session.execute(kCopySmtpUsernames, {to, from});
}
void drop_smtp_usernames(Session& session, std::int64_t resource_key) { session.execute(kDropSmtpUsernames, {resource_key}); }

}  // namespace trunkline::email_domain_records
