#include "runtime/services/email_domain_service.h"

#include <algorithm>
#include <mutex>

#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/email_domain_records.h"

namespace trunkline {
namespace {

namespace records = email_domain_records;
using store::Session;

constexpr std::size_t kMaxLinkedDomains = 100;
constexpr std::string_view kManagedName = "AzureManagedDomain";
/// Managed domains are subdomains of a reserved name: mail from them can only be local.
constexpr std::string_view kManagedSuffix = ".mail.trunkline.test";
constexpr std::string_view kDefaultSender = "DoNotReply";

std::string service_key_of(std::string_view subscription, std::string_view group, std::string_view name) {
  return arm_id(subscription, group, "Microsoft.Communication", {{"emailServices", std::string(name)}}).key();
}

bool is_service_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

/// Labels of letters, digits and hyphens, at least two.
bool is_domain_name(std::string_view name) {
  if (name.size() > 253) return false;
  const auto labels = split(name, '.');
  return labels.size() >= 2 && std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
           return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
                  std::all_of(label.begin(), label.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; });
         });
}

Error no_domain(std::string_view name) {
  return Error(ErrorCode::kNotFound, "there is no domain '" + std::string(name) + "'", "domainName")
      .with_service_code("ResourceNotFound");
}

}  // namespace

EmailDomainService::EmailDomainService(ServiceContext& context, ResourceService& resources)
    : context_(context), resources_(resources) {}

void EmailDomainService::load() {
  std::vector<EmailServiceInfo> found;
  context_.store.system().read([&](Session& session) { found = records::services(session); });
  for (EmailServiceInfo& service : found) {
    service.database = &context_.store.of_location(service.data_location);
    keep(std::make_shared<const EmailServiceInfo>(std::move(service)));
  }
}

void EmailDomainService::keep(const EmailServicePtr& service) {
  const std::unique_lock lock(mutex_);
  services_[service_key_of(service->subscription, service->resource_group, service->name)] = service;
}

Task<Stored<EmailServicePtr>> EmailDomainService::put_service(EmailServiceInfo wanted) {
  if (!is_service_name(wanted.name))
    throw invalid_setting("InvalidResourceName",
                          "'" + wanted.name.substr(0, 80) + "' is no email service name: wanted 1 to 63 letters, digits or '-'",
                          "emailServiceName");
  const auto location = find_data_location(wanted.data_location);
  if (!location)
    throw invalid_setting("InvalidDataLocation",
                          "'" + wanted.data_location.substr(0, 80) + "' is no published data location; wanted one of " +
                              join(data_locations(), ", "),
                          "properties.dataLocation");
  if (const EmailServicePtr existing = find_service(wanted.subscription, wanted.resource_group, wanted.name)) {
    if (existing->data_location != *location)
      throw invalid_setting("PropertyChangeNotAllowed", "dataLocation cannot be changed from '" + existing->data_location + "'",
                            "properties.dataLocation");
    EmailServicePtr changed = co_await set_service_tags(existing, std::move(wanted.tags));
    co_return Stored<EmailServicePtr>{std::move(changed), false};
  }
  auto service = std::make_shared<EmailServiceInfo>(std::move(wanted));
  service->data_location = *location;
  service->created_at = service->changed_at = context_.clock.now();
  service->database = &context_.store.of_location(service->data_location);
  auto work = [service](Session& session) {
    for (const EmailServiceInfo& other : records::services(session))
      if (service_key_of(other.subscription, other.resource_group, other.name) ==
          service_key_of(service->subscription, service->resource_group, service->name))
        throw Error(ErrorCode::kAborted, "another operation creates the email service '" + service->name + "'; try again")
            .with_service_code("AnotherOperationInProgress");
    return records::insert_service(session, *service);
  };
  service->key = co_await context_.store.system().write_value<std::int64_t>(std::move(work));
  keep(service);
  co_return Stored<EmailServicePtr>{service, true};
}

Task<EmailServicePtr> EmailDomainService::set_service_tags(EmailServicePtr service, std::map<std::string, std::string> tags) {
  auto changed = std::make_shared<EmailServiceInfo>(*service);
  changed->tags = std::move(tags);
  changed->changed_at = context_.clock.now();
  auto work = [changed](Session& session) { records::update_service(session, *changed); };
  co_await context_.store.system().write(std::move(work));
  keep(changed);
  co_return changed;
}

Task<void> EmailDomainService::remove_service(EmailServicePtr service) {
  const std::vector<EmailDomain> nested = domains(*service);
  if (!nested.empty())
    throw Error(ErrorCode::kFailedPrecondition,
                "Cannot delete resource while nested resources exist: the domain '" + nested.front().name + "'" +
                    (nested.size() > 1 ? " and " + std::to_string(nested.size() - 1) + " more" : "") + ".")
        .with_service_code("CannotDeleteResource");
  auto work = [service](Session& session) { records::remove_service(session, service->key); };
  co_await context_.store.system().write(std::move(work));
  const std::unique_lock lock(mutex_);
  services_.erase(service_key_of(service->subscription, service->resource_group, service->name));
}

EmailServicePtr EmailDomainService::find_service(std::string_view subscription, std::string_view group,
                                                 std::string_view name) const {
  const std::string key = service_key_of(subscription, group, name);
  const std::shared_lock lock(mutex_);
  const auto found = services_.find(key);
  return found == services_.end() ? nullptr : found->second;
}

std::vector<EmailServicePtr> EmailDomainService::services(std::string_view subscription, std::string_view group) const {
  std::vector<EmailServicePtr> out;
  const std::shared_lock lock(mutex_);
  for (const auto& [key, service] : services_)
    if (iequals(service->subscription, subscription) && (group.empty() || iequals(service->resource_group, group)))
      out.push_back(service);
  return out;
}

Task<Stored<EmailDomain>> EmailDomainService::put_domain(EmailServicePtr service, DomainSpec spec) {
  const bool managed = spec.management == DomainManagement::kAzureManaged;
  if (managed != iequals(spec.name, kManagedName))
    throw invalid_setting(
        "InvalidDomainName",
        managed ? "A managed domain must be named AzureManagedDomain." : "Only a managed domain is named AzureManagedDomain.",
        "domainName");
  if (!managed && !is_domain_name(spec.name))
    throw invalid_setting("InvalidDomainName", "'" + spec.name.substr(0, 80) + "' is no domain name such as contoso.example.",
                          "domainName");
  const Time now = context_.clock.now();
  EmailDomain fresh;
  fresh.service_key = service->key;
  fresh.name = spec.name;
  fresh.management = spec.management;
  fresh.token = context_.ids.uuid4().str();
  fresh.from_domain = managed ? context_.ids.uuid4().str() + std::string(kManagedSuffix) : to_lower(spec.name);
  fresh.mail_from_domain = fresh.from_domain;
  fresh.created_at = now;
  // Exchange Online has proven what it manages.
  if (spec.management != DomainManagement::kCustomerManaged || spec.granted)
    for (DomainVerification& proof : fresh.proofs) proof = {DomainVerification::Asked::kGranted, now};
  EmailSender sender;
  sender.username = kDefaultSender;
  sender.display_name = kDefaultSender;
  sender.created_at = sender.changed_at = now;
  auto work = [fresh, spec, sender, now](Session& session) {
    Stored<EmailDomain> stored;
    const auto existing = records::find_domain(session, fresh.service_key, spec.name);
    stored.created = !existing;
    stored.value = existing.value_or(fresh);
    if (existing && existing->management != spec.management)
      throw invalid_setting("PropertyChangeNotAllowed",
                            "domainManagement cannot be changed from '" + std::string(to_rest(existing->management)) + "'",
                            "properties.domainManagement");
    stored.value.engagement_tracking = spec.engagement_tracking;
    stored.value.tags = spec.tags;
    stored.value.changed_at = now;
    records::put_domain(session, stored.value);
    if (!existing) records::put_sender(session, fresh.service_key, spec.name, sender);
    return stored;
  };
  co_return co_await service->database->write_value<Stored<EmailDomain>>(std::move(work));
}

Task<std::string> EmailDomainService::seed(ResourcePtr resource, SeedSpec spec) {
  EmailServiceInfo wanted;
  wanted.subscription = resource->arm.subscription;
  wanted.resource_group = resource->arm.resource_group;
  for (const char c : resource->name + "-mail")
    wanted.name += is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ? c : '-';
  wanted.data_location = resource->data_location;
  EmailServicePtr service = find_service(wanted.subscription, wanted.resource_group, wanted.name);
  if (!service) {
    Stored<EmailServicePtr> stored = co_await put_service(std::move(wanted));
    service = std::move(stored.value);
  }
  DomainSpec domain;
  domain.name = spec.domain;
  domain.engagement_tracking = spec.engagement_tracking;
  domain.granted = true;
  if (const auto existing = find_domain(*service, spec.domain)) domain.tags = existing->tags;
  const Stored<EmailDomain> stored = co_await put_domain(service, std::move(domain));
  for (const auto& [username, display_name] : spec.senders) {
    EmailSender sender;
    sender.username = username;
    sender.display_name = display_name.empty() ? username : display_name;
    co_await put_sender(service, stored.value.name, std::move(sender));
  }
  co_return arm_id(service->subscription, service->resource_group, "Microsoft.Communication",
                   {{"emailServices", service->name}, {"domains", stored.value.name}})
      .str();
}

Task<EmailDomain> EmailDomainService::update_domain(EmailServicePtr service, std::string name,
                                                    std::optional<bool> engagement_tracking,
                                                    std::optional<std::map<std::string, std::string>> tags) {
  auto work = [service, name, engagement_tracking, tags, now = context_.clock.now()](Session& session) {
    auto domain = records::find_domain(session, service->key, name);
    if (!domain) throw no_domain(name);
    if (engagement_tracking) domain->engagement_tracking = *engagement_tracking;
    if (tags) domain->tags = *tags;
    domain->changed_at = now;
    records::put_domain(session, *domain);
    return *std::move(domain);
  };
  co_return co_await service->database->write_value<EmailDomain>(std::move(work));
}

Task<EmailDomain> EmailDomainService::verify_domain(EmailServicePtr service, std::string name, DomainProof proof, bool cancel) {
  auto work = [service, name, proof, cancel, now = context_.clock.now()](Session& session) {
    auto domain = records::find_domain(session, service->key, name);
    if (!domain) throw no_domain(name);
    const std::string_view status = verification_state(*domain, proof, now).status;
    const bool under_way = status == "VerificationRequested" || status == "VerificationInProgress";
    if (cancel != under_way || status == "Verified" || status == "CancellationRequested")
      throw Error(ErrorCode::kFailedPrecondition,
                  "The verification of " + std::string(to_rest(proof)) + " of '" + domain->name + "' cannot be " +
                      (cancel ? "cancelled" : "started") + " in the state " + std::string(status) + ".",
                  "verificationType")
          .with_service_code("InvalidVerificationState");
    domain->proof(proof) = {cancel ? DomainVerification::Asked::kCancel : DomainVerification::Asked::kVerify, now};
    domain->changed_at = now;
    records::put_domain(session, *domain);
    return *std::move(domain);
  };
  co_return co_await service->database->write_value<EmailDomain>(std::move(work));
}

Task<bool> EmailDomainService::remove_domain(EmailServicePtr service, std::string name) {
  const std::string id = arm_id(service->subscription, service->resource_group, "Microsoft.Communication",
                                {{"emailServices", service->name}, {"domains", name}})
                             .key();
  for (const ResourcePtr& resource : resources_.list())
    for (const std::string& linked : resource->arm.linked_domains)
      if (const auto parsed = ArmId::parse(linked); parsed && parsed->key() == id)
        throw Error(ErrorCode::kFailedPrecondition,
                    "The domain '" + name + "' is linked to the communication service '" + resource->name + "'; unlink it first.")
            .with_service_code("DomainLinked");
  auto work = [service, name](Session& session) { return records::remove_domain(session, service->key, name); };
  co_return co_await service->database->write_value<bool>(std::move(work));
}

std::optional<EmailDomain> EmailDomainService::find_domain(const EmailServiceInfo& service, std::string_view name) {
  std::optional<EmailDomain> found;
  service.database->read([&](Session& session) { found = records::find_domain(session, service.key, name); });
  return found;
}

std::vector<EmailDomain> EmailDomainService::domains(const EmailServiceInfo& service) {
  std::vector<EmailDomain> found;
  service.database->read([&](Session& session) { found = records::domains(session, service.key); });
  return found;
}

std::optional<EmailDomain> EmailDomainService::find_domain_by_id(std::string_view id) {
  const auto parsed = ArmId::parse(id);
  if (!parsed || !parsed->is("Microsoft.Communication/emailServices/domains")) return std::nullopt;
  const EmailServicePtr service = find_service(parsed->subscription, parsed->resource_group, parsed->segments[0].second);
  return service ? find_domain(*service, parsed->name()) : std::nullopt;
}

void EmailDomainService::check_links(const Resource& resource, const std::vector<std::string>& domain_ids) {
  if (domain_ids.size() > kMaxLinkedDomains)
    throw invalid_setting("TooManyLinkedDomains",
                          "A resource is linked to at most 100 domains; found " + std::to_string(domain_ids.size()),
                          "properties.linkedDomains");
  std::vector<std::string> seen;
  for (const std::string& id : domain_ids) {
    const auto bad = [&](std::string problem) {
      return invalid_setting("DomainValidationError", "The domain '" + id.substr(0, 400) + "' " + std::move(problem),
                             "properties.linkedDomains");
    };
    const auto parsed = ArmId::parse(id);
    if (!parsed || !parsed->is("Microsoft.Communication/emailServices/domains")) throw bad("is not the id of an email domain.");
    if (std::find(seen.begin(), seen.end(), parsed->key()) != seen.end()) throw bad("is named twice.");
    seen.push_back(parsed->key());
    const EmailServicePtr service = find_service(parsed->subscription, parsed->resource_group, parsed->segments[0].second);
    const auto domain = service ? find_domain(*service, parsed->name()) : std::nullopt;
    if (!domain) throw bad("does not exist.");
    if (service->data_location != resource.data_location)
      throw bad("has its data in '" + service->data_location + "' and the resource in '" + resource.data_location + "'.");
    if (!is_verified(*domain, context_.clock.now())) throw bad("is not verified: it needs Domain, SPF, DKIM and DKIM2.");
  }
}

SenderLookup EmailDomainService::look_up_sender(const Resource& resource, std::string_view address) {
  SenderLookup found;
  const auto at = address.rfind('@');
  if (at == std::string_view::npos) return found;
  for (const std::string& id : resource.arm.linked_domains) {
    const auto parsed = ArmId::parse(id);
    if (!parsed || parsed->segments.size() != 2) continue;
    const EmailServicePtr service = find_service(parsed->subscription, parsed->resource_group, parsed->segments[0].second);
    if (!service) continue;
    auto domain = find_domain(*service, parsed->name());
    if (!domain || !iequals(domain->from_domain, address.substr(at + 1))) continue;
    found.service = service;
    found.domain = *std::move(domain);
    found.verdict = SenderLookup::Verdict::kDomainNotVerified;
    if (!is_verified(found.domain, context_.clock.now())) return found;
    found.verdict = SenderLookup::Verdict::kUnknownUsername;
    if (auto sender = find_sender(*service, found.domain.name, address.substr(0, at))) {
      found.sender = *std::move(sender);
      found.verdict = SenderLookup::Verdict::kAllowed;
    }
    return found;
  }
  return found;
}

bool EmailDomainService::is_suppressed(const SenderLookup& sender, std::string_view recipient) {
  if (!sender.service) return false;
  std::vector<std::string> owners;
  sender.service->database->read(
      [&](Session& session) { owners = records::lists_with(session, sender.service->key, sender.domain.name, recipient); });
  return std::any_of(owners.begin(), owners.end(),
                     [&](const std::string& owner) { return owner.empty() || iequals(owner, sender.sender.username); });
}

}  // namespace trunkline
