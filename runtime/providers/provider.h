// One configured provider: an instance of a plugin with typed clients.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/breaker.h"
#include "runtime/plugin/plugin_instance.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/email_client.hpp"
#include "trunkline/host_client.hpp"
#include "trunkline/identity_client.hpp"
#include "trunkline/sandbox_client.hpp"
#include "trunkline/sms_client.hpp"

namespace trunkline {

/// [any-thread] Made and stopped by the ProviderRegistry. May be held longer: a stopped provider offers nothing, so that every
/// call fails with kUnimplemented.
class Provider {
 public:
  Provider(std::unique_ptr<plugin::PluginInstance> instance, Duration timeout);

  const std::string& name() const { return name_; }
  const std::string& plugin_id() const { return instance_->manifest().id; }
  const std::vector<std::string>& interfaces() const { return instance_->interfaces(); }
  bool offers(std::string_view interface_id) const { return interface(interface_id).vtbl != nullptr; }
  /// A word of the plugin's manifest.
  bool has_capability(std::string_view word) const;
  /// Limit of one call, from the configuration. Callers put it into CallOptions::deadline; the guard enforces that.
  Duration timeout() const { return timeout_; }

  /// False in a condition when not offered.
  sms::SmsProviderClient sms() const { return client<sms::SmsProviderClient>(sms_); }
  identity::IdentityProviderClient identity() const { return client<identity::IdentityProviderClient>(identity_); }
  chat::ChatProviderClient chat() const { return client<chat::ChatProviderClient>(chat_); }
  email::EmailProviderClient email() const { return client<email::EmailProviderClient>(email_); }
  sandbox::SandboxMailProviderClient sandbox_mail() const { return client<sandbox::SandboxMailProviderClient>(sandbox_mail_); }
  sandbox::SandboxProviderClient sandbox() const { return client<sandbox::SandboxProviderClient>(sandbox_); }
  sms::SmsQueryProviderClient sms_query() const { return client<sms::SmsQueryProviderClient>(sms_query_); }
  host::WebhookReceiverClient webhook() const { return client<host::WebhookReceiverClient>(webhook_); }
  /// Any interface in C form; vtbl==NULL: not offered.
  tl_iface interface(std::string_view id) const;

  /// Asked once, when the provider was made; defaults when it offers no text messages.
  const sms::SmsCapabilities& sms_capabilities() const { return sms_capabilities_; }
  /// The same for mail.
  const email::EmailCapabilities& email_capabilities() const { return email_capabilities_; }
  CircuitBreaker& breaker() { return breaker_; }
  CallTable& calls() const { return instance_->calls(); }

 private:
  friend class ProviderRegistry;
  template <class Client>
  Client client(const tl_iface& iface) const {
    return Client(open_.load(std::memory_order_acquire) ? iface : tl_iface{nullptr, nullptr}, instance_->calls());
  }

  const std::unique_ptr<plugin::PluginInstance> instance_;
  const std::string name_;
  const Duration timeout_;
  std::atomic<bool> open_{true};
  tl_iface sms_{}, sms_query_{}, identity_{}, chat_{}, sandbox_{}, webhook_{};
  tl_iface email_{}, sandbox_mail_{};
  sms::SmsCapabilities sms_capabilities_;
  email::EmailCapabilities email_capabilities_;
  CircuitBreaker breaker_;
};

using ProviderPtr = std::shared_ptr<const Provider>;

}  // namespace trunkline
