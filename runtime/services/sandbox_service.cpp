#include "runtime/services/sandbox_service.h"

#include <algorithm>
#include <map>

#include "runtime/providers/provider_registry.h"
#include "runtime/services/call_options.h"
#include "runtime/services/change_watch.h"
#include "runtime/services/phone_number.h"
#include "trunkline/sandbox_client.hpp"

namespace trunkline {
namespace {

constexpr std::string_view kInterface = "trunkline.sandbox/1";

Task<std::int64_t> ask_changes(const Provider& provider, std::int64_t since, CallOptions options) {
  return provider.sandbox().changes(since, std::move(options));
}

/// Leaves what comes behind the message `after`; empty: everything.
void drop_through(std::vector<sandbox::PhoneMessage>& messages, const std::string& number, const std::string& after) {
  if (after.empty()) return;
  const auto found = std::find_if(messages.begin(), messages.end(), [&](const auto& m) { return m.message_id == after; });
  if (found == messages.end())
    throw Error(ErrorCode::kNotFound, "the phone " + number + " has no message '" + after + "', or no more", "after");
  messages.erase(messages.begin(), found + 1);
}

}  // namespace

Task<std::vector<sandbox::Phone>> SandboxService::phones(ResourcePtr resource) {
  std::map<std::string, std::int32_t> counts;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    const std::vector<sandbox::Phone> phones = co_await provider->sandbox().phones(on_behalf_of(*resource));
    for (const sandbox::Phone& phone : phones) counts[phone.number] += phone.message_count;
  }
  std::vector<sandbox::Phone> all;
  for (const auto& [number, count] : counts) {
    sandbox::Phone phone;
    phone.number = number;
    phone.message_count = count;
    all.push_back(std::move(phone));
  }
  co_return all;
}

Task<std::vector<sandbox::PhoneMessage>> SandboxService::messages(ResourcePtr resource, std::string number) {
  std::vector<sandbox::PhoneMessage> all;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    std::vector<sandbox::PhoneMessage> some = co_await provider->sandbox().messages(number, on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  co_return all;
}

Task<std::vector<sandbox::PhoneMessage>> SandboxService::wait_for_messages(ResourcePtr resource, std::string number,
                                                                           std::string after, Duration timeout, Clock& wall) {
  if (timeout <= Duration{0}) {
    std::vector<sandbox::PhoneMessage> found = co_await messages(resource, number);
    drop_through(found, number, after);
    co_return found;
  }
  const Time deadline = wall.now() + timeout;
  ChangeWatch watch(context_, kInterface, resource, wall, &ask_changes);
  co_await watch.start();  // before the look, so that nothing falls between them
  for (;;) {
    std::vector<sandbox::PhoneMessage> found = co_await messages(resource, number);
    drop_through(found, number, after);
    if (!found.empty()) co_return found;
    const bool changed = co_await watch.wait(deadline);
    if (!changed) co_return found;
  }
}

Task<std::string> SandboxService::send_from_phone(ResourcePtr resource, std::string from, std::string to, std::string text) {
  if (const auto fault = e164_fault(from); !fault.empty() && !is_short_code(from))
    throw Error(ErrorCode::kInvalidArgument, "'" + from.substr(0, 40) + "' is no phone number: " + std::string(fault), "from");
  if (!numbers_.find(*resource, to))
    throw Error(ErrorCode::kNotFound, "the resource '" + resource->name + "' does not own the number " + to, "to");
  const ProviderPtr provider = context_.providers.require(kInterface);
  co_return co_await provider->sandbox().send_from_phone(std::move(from), std::move(to), std::move(text),
                                                         on_behalf_of(*resource));
}

Task<void> SandboxService::add_rule(ResourcePtr resource, sandbox::PhoneRule rule, std::string provider_name) {
  bool added = false;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    if (!provider_name.empty() && provider->name() != provider_name) continue;
    co_await provider->sandbox().add_rule(rule, on_behalf_of(*resource));
    added = true;
  }
  if (!added) throw Error(ErrorCode::kNotFound, "there is no sandbox carrier '" + provider_name + "'", "provider");
}

Task<std::vector<sandbox::PhoneRule>> SandboxService::rules(ResourcePtr resource) {
  std::vector<sandbox::PhoneRule> all;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    std::vector<sandbox::PhoneRule> some = co_await provider->sandbox().rules(on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  co_return all;
}

Task<void> SandboxService::reset(ResourcePtr resource) {
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface))
    co_await provider->sandbox().reset(on_behalf_of(*resource));
}

}  // namespace trunkline
