#include "runtime/calls/phone_sandbox.h"

#include <algorithm>

#include "runtime/providers/provider_registry.h"
#include "runtime/services/number_service.h"
#include "trunkline/pstnsandbox_client.hpp"

namespace trunkline::calls {
namespace {

using Client = pstnsandbox::PstnSandboxProviderClient;

Client client_of(const Provider& provider) { return provider.client<Client>(); }

CallOptions on_behalf_of(const Resource& resource) {
  CallOptions options;
  options.resource = resource.name;
  return options;
}

}  // namespace

/// The one that knows the call does it; the error of the last one when none does.
template <class Ask>
Task<void> PhoneSandbox::ask_each(ResourcePtr resource, Ask ask) {
  std::optional<Error> trouble;
  context_.providers.require(Client::kInterfaceId);
  const std::vector<ProviderPtr> providers = context_.providers.all_of(Client::kInterfaceId);
  for (const ProviderPtr& provider : providers) {
    trouble.reset();
    try {
      co_await ask(client_of(*provider), on_behalf_of(*resource));
    } catch (...) {
      trouble = current_error();
    }
    if (!trouble || trouble->code != ErrorCode::kNotFound) break;
  }
  if (trouble) throw *std::move(trouble);
}

Task<std::vector<pstnsandbox::PhoneCall>> PhoneSandbox::calls(ResourcePtr resource, std::optional<std::string> phone) {
  std::vector<pstnsandbox::PhoneCall> all;
  const std::vector<ProviderPtr> providers = context_.providers.all_of(Client::kInterfaceId);
  for (const ProviderPtr& provider : providers) {
    std::vector<pstnsandbox::PhoneCall> some = co_await client_of(*provider).calls(phone, on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.started_at < b.started_at; });
  co_return all;
}

Task<std::string> PhoneSandbox::call(ResourcePtr resource, std::string from, std::string to) {
  if (!numbers_.find(*resource, to))
    throw Error(ErrorCode::kNotFound, "the resource '" + resource->name + "' does not own the number " + to, "to");
  const ProviderPtr provider = context_.providers.require(Client::kInterfaceId);
  co_return co_await client_of(*provider).call_from_phone(std::move(from), std::move(to), on_behalf_of(*resource));
}

Task<void> PhoneSandbox::press(ResourcePtr resource, std::string leg_id, std::string digits) {
  auto ask = [leg_id, digits](Client client, CallOptions options) {
    return client.press_digits(leg_id, digits, std::move(options));
  };
  co_await ask_each(std::move(resource), std::move(ask));
}

Task<void> PhoneSandbox::speak(ResourcePtr resource, std::string leg_id, std::string text) {
  auto ask = [leg_id, text](Client client, CallOptions options) { return client.speak(leg_id, text, std::move(options)); };
  co_await ask_each(std::move(resource), std::move(ask));
}

Task<void> PhoneSandbox::hang_up(ResourcePtr resource, std::string leg_id) {
  auto ask = [leg_id](Client client, CallOptions options) { return client.hang_up_phone(leg_id, std::move(options)); };
  co_await ask_each(std::move(resource), std::move(ask));
}

Task<void> PhoneSandbox::add_persona(ResourcePtr resource, pstnsandbox::Persona persona) {
  context_.providers.require(Client::kInterfaceId);
  const std::vector<ProviderPtr> providers = context_.providers.all_of(Client::kInterfaceId);
  for (const ProviderPtr& provider : providers) {
    pstnsandbox::Persona one = persona;
    co_await client_of(*provider).add_persona(std::move(one), on_behalf_of(*resource));
  }
}

Task<std::vector<pstnsandbox::Persona>> PhoneSandbox::personas(ResourcePtr resource) {
  std::vector<pstnsandbox::Persona> all;
  const std::vector<ProviderPtr> providers = context_.providers.all_of(Client::kInterfaceId);
  for (const ProviderPtr& provider : providers) {
    std::vector<pstnsandbox::Persona> some = co_await client_of(*provider).personas(on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  co_return all;
}

Task<void> PhoneSandbox::reset(ResourcePtr resource) {
  const std::vector<ProviderPtr> providers = context_.providers.all_of(Client::kInterfaceId);
  for (const ProviderPtr& provider : providers) co_await client_of(*provider).reset(on_behalf_of(*resource));
}

}  // namespace trunkline::calls
