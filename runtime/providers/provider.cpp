#include "runtime/providers/provider.h"

#include <algorithm>

namespace trunkline {

Provider::Provider(std::unique_ptr<plugin::PluginInstance> instance, Duration timeout)
    : instance_(std::move(instance)), name_(instance_->provider()), timeout_(timeout) {
  sms_ = instance_->interface(sms::SmsProviderClient::kInterfaceId);
  sms_query_ = instance_->interface(sms::SmsQueryProviderClient::kInterfaceId);
  identity_ = instance_->interface(identity::IdentityProviderClient::kInterfaceId);
  chat_ = instance_->interface(chat::ChatProviderClient::kInterfaceId);
  sandbox_ = instance_->interface(sandbox::SandboxProviderClient::kInterfaceId);
  webhook_ = instance_->interface(host::WebhookReceiverClient::kInterfaceId);
  email_ = instance_->interface(email::EmailProviderClient::kInterfaceId);
  sandbox_mail_ = instance_->interface(sandbox::SandboxMailProviderClient::kInterfaceId);
  if (const auto client = email()) email_capabilities_ = client.capabilities();
  if (const auto client = sms()) sms_capabilities_ = client.capabilities();
}

bool Provider::has_capability(std::string_view word) const {
  const std::vector<std::string>& all = instance_->manifest().capabilities;
  return std::find(all.begin(), all.end(), word) != all.end();
}

tl_iface Provider::interface(std::string_view id) const {
  return open_.load(std::memory_order_acquire) ? instance_->interface(id) : tl_iface{nullptr, nullptr};
}

}  // namespace trunkline
