#include "runtime/services/sandbox_mail_service.h"

#include <algorithm>
#include <map>

#include "runtime/providers/provider_registry.h"
#include "runtime/services/call_options.h"
#include "runtime/services/change_watch.h"
#include "trunkline/sandbox_client.hpp"

namespace trunkline {
namespace {

using sandbox::CapturedMail;
using sandbox::CapturedMailbox;

constexpr std::string_view kMailInterface = "trunkline.sandboxmail/1";

Task<std::int64_t> ask_mail_changes(const Provider& provider, std::int64_t since, CallOptions options) {
  return provider.sandbox_mail().changes(since, std::move(options));
}

Error no_mail(const std::string& id) {
  return {ErrorCode::kNotFound, "the sandbox has no mail '" + id.substr(0, 80) + "', or no more", "mailId"};
}

}  // namespace

Task<std::vector<CapturedMailbox>> SandboxMailService::mailboxes(ResourcePtr resource) {
  std::map<std::string, std::int32_t> counts;
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface)) {
    const std::vector<CapturedMailbox> some = co_await provider->sandbox_mail().mailboxes(on_behalf_of(*resource));
    for (const CapturedMailbox& box : some) counts[box.address] += box.mail_count;
  }
  std::vector<CapturedMailbox> all;
  for (const auto& [address, count] : counts) {
    CapturedMailbox& box = all.emplace_back();
    box.address = address;
    box.mail_count = count;
  }
  co_return all;
}

Task<std::vector<CapturedMail>> SandboxMailService::mails(ResourcePtr resource, std::string address) {
  std::vector<CapturedMail> all;
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface)) {
    std::vector<CapturedMail> some = co_await provider->sandbox_mail().mails(address, on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  co_return all;
}

Task<std::vector<CapturedMail>> SandboxMailService::wait_for_mails(ResourcePtr resource, std::string address, std::string after,
                                                                   Duration timeout, Clock& wall) {
  const auto behind = [&after](std::vector<CapturedMail> found) {
    if (after.empty()) return found;
    const auto at = std::find_if(found.begin(), found.end(), [&](const CapturedMail& mail) { return mail.mail_id == after; });
    if (at == found.end()) throw Error(no_mail(after)).with_target("after");
    found.erase(found.begin(), at + 1);
    return found;
  };
  if (timeout <= Duration{0}) {
    std::vector<CapturedMail> found = co_await mails(resource, address);
    co_return behind(std::move(found));
  }
  const Time deadline = wall.now() + timeout;
  ChangeWatch watch(context_, kMailInterface, resource, wall, &ask_mail_changes);
  co_await watch.start();  // before the look, so that nothing falls between them
  for (;;) {
    std::vector<CapturedMail> some = co_await mails(resource, address);
    std::vector<CapturedMail> found = behind(std::move(some));
    if (!found.empty()) co_return found;
    const bool changed = co_await watch.wait(deadline);
    if (!changed) co_return found;
  }
}

Task<CapturedMail> SandboxMailService::mail(ResourcePtr resource, std::string mail_id) {
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface)) {
    try {
      co_return co_await provider->sandbox_mail().mail(mail_id, on_behalf_of(*resource));
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
    }
  }
  throw no_mail(mail_id);
}

Task<Bytes> SandboxMailService::raw(ResourcePtr resource, std::string mail_id) {
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface)) {
    try {
      co_return co_await provider->sandbox_mail().raw_mail(mail_id, on_behalf_of(*resource));
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
    }
  }
  throw no_mail(mail_id);
}

Task<void> SandboxMailService::complain(ResourcePtr resource, std::string mail_id, std::string recipient) {
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface)) {
    try {
      co_await provider->sandbox_mail().complain(mail_id, recipient, on_behalf_of(*resource));
      co_return;
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound || error.target == "recipient") throw;
    }
  }
  throw no_mail(mail_id);
}

Task<std::string> SandboxMailService::receive(ResourcePtr resource, std::string from, std::vector<std::string> to, Bytes mime) {
  const ProviderPtr provider = context_.providers.require(kMailInterface);
  co_return co_await provider->sandbox_mail().receive(std::move(from), std::move(to), std::move(mime), on_behalf_of(*resource));
}

Task<void> SandboxMailService::add_rule(ResourcePtr resource, sandbox::MailRule rule) {
  context_.providers.require(kMailInterface);
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface))
    co_await provider->sandbox_mail().add_rule(rule, on_behalf_of(*resource));
}

Task<std::vector<sandbox::MailRule>> SandboxMailService::rules(ResourcePtr resource) {
  std::vector<sandbox::MailRule> all;
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface)) {
    std::vector<sandbox::MailRule> some = co_await provider->sandbox_mail().rules(on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  co_return all;
}

Task<void> SandboxMailService::reset(ResourcePtr resource) {
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface))
    co_await provider->sandbox_mail().reset(on_behalf_of(*resource));
}

std::string SandboxMailService::smtp_address() const {
  for (const ProviderPtr& provider : context_.providers.all_of(kMailInterface))
    if (std::string address = provider->sandbox_mail().smtp_address(); !address.empty()) return address;
  return {};
}

}  // namespace trunkline
