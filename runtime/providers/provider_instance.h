// One instance of a provider's plugin: what is replaced when another build takes over.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/config.h"
#include "runtime/isolation/isolated_plugin.h"
#include "runtime/plugin/loader.h"
#include "runtime/plugin/plugin_instance.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/email_client.hpp"
#include "trunkline/host_client.hpp"
#include "trunkline/identity_client.hpp"
#include "trunkline/sandbox_client.hpp"
#include "trunkline/sms_client.hpp"

namespace trunkline {

/// What the code of an instance stands on; in the order in which it goes, last first.
struct InstanceCode {
  std::unique_ptr<plugin::LibraryCopy> copy;            // that its process loads; null: it loads the library itself
  std::shared_ptr<plugin::AppPlugin> app;               // of the application, when it came while the runtime ran
  std::shared_ptr<isolation::IsolatedPlugin> isolated;  // null: it runs in this process
  const plugin::LoadedPlugin* loaded = nullptr;
};

/// Lives as long as its Provider, so that what it says of itself can be read without a lock; the plugin inside goes once it is
/// not needed any more. [any-thread] but for what is marked.
class ProviderInstance {
 public:
  ProviderInstance(ProviderConfig config, InstanceCode code, std::unique_ptr<plugin::PluginInstance> instance,
                   std::shared_ptr<const plugin::StatusBoard> status, Time since);
  ~ProviderInstance();

  const ProviderConfig& config() const { return config_; }
  const plugin::Manifest& manifest() const { return manifest_; }
  /// 1 is the first one of its provider.
  std::uint32_t number() const { return number_; }
  Time since() const { return since_; }
  const std::vector<std::string>& interfaces() const { return interfaces_; }
  bool offers(std::string_view interface_id) const { return interface(interface_id).vtbl != nullptr; }
  tl_iface interface(std::string_view id) const;
  const sms::SmsCapabilities& sms_capabilities() const { return sms_capabilities_; }
  const email::EmailCapabilities& email_capabilities() const { return email_capabilities_; }
  const identity::IdentityCapabilities& identity_capabilities() const { return identity_capabilities_; }
  const chat::ChatCapabilities& chat_capabilities() const { return chat_capabilities_; }
  /// What its code stands on; of an instance of the application that another one may be made of.
  const std::shared_ptr<plugin::AppPlugin>& app() const { return code_.app; }
  /// `running`, `waiting`, …; empty: it has no process of its own.
  std::string process_state() const { return code_.isolated ? code_.isolated->state() : std::string(); }
  int process_id() const { return code_.isolated ? code_.isolated->process_id() : 0; }
  /// Why its process does not run and will not without a reload; empty: it does, or will, or it has none.
  std::string process_failure() const { return code_.isolated ? code_.isolated->failure() : std::string(); }
  /// What the plugin says of itself.
  std::map<std::string, std::string> status() const { return status_->all(); }

  /// Nobody can begin a call any more, and all that were begun have ended. Once true it stays so. Whom it was lent to is not
  /// waited for. [lifecycle]
  bool is_idle() const;
  /// Called when it may have become idle; by whoever ended the last call or let go of the instance.
  void on_idle(std::function<void()> hook);
  /// Asks the plugin to drain. Idempotent. [lifecycle]
  void begin_stop();
  /// Waits until it is idle; false: it is not after `patience`. Blocks. [lifecycle]
  bool wait_idle(std::chrono::milliseconds patience);
  enum class End { kStopped, kAbandoned, kHeld };
  /// Whether clients that are still about may call it afterwards: when the whole runtime stops, none does.
  enum class Clients { kWaitFor, kForget };
  /// Waits until it has drained and lets the plugin go. kAbandoned: it has not within `patience`. kHeld: somebody could still
  /// call it; it goes with the runtime. Idempotent. Blocks; never on a thread of the executor. [lifecycle]
  End finish_stop(std::chrono::milliseconds patience, Clients clients);
  /// The same, for another instance that is made of what this one stood on, which `code` gets; `loaded` is null when that has
  /// been taken already. kAbandoned: it may still run in this process, now and whenever this is asked again, and kHeld: neither
  /// gives anything away, and nobody is to be made beside it. One that did not drain in a process of its own has stopped with
  /// that.
  End finish_stop_for_another(std::chrono::milliseconds patience, InstanceCode& code);

  /// For clients of the interface; their keeper is `lease`.
  template <class Client>
  Client client(std::shared_ptr<const void> lease) const {
    return Client(interface(Client::kInterfaceId), *calls_, std::move(lease));
  }

 private:
  friend class Provider;
  /// It is given away again. With the provider's mutex.
  void renew_lease();
  bool stop_plugin(std::chrono::milliseconds patience, Clients clients, End& end);
  struct LeaseWatch;
  struct Lease;

  const ProviderConfig config_;
  InstanceCode code_;  // `isolated` stays, for whoever reads its state meanwhile
  const plugin::Manifest manifest_;
  const std::shared_ptr<const plugin::StatusBoard> status_;
  const Time since_;
  std::uint32_t number_ = 1;
  std::unique_ptr<plugin::PluginInstance> instance_;  // null: stopped
  CallTable* calls_;                                  // of instance_
  bool stopping_ = false;
  bool abandoned_ = false;  // it did not drain, and may still run
  std::vector<std::string> interfaces_;
  std::vector<tl_iface> ifaces_;
  sms::SmsCapabilities sms_capabilities_;
  email::EmailCapabilities email_capabilities_;
  identity::IdentityCapabilities identity_capabilities_;
  chat::ChatCapabilities chat_capabilities_;
  const std::shared_ptr<LeaseWatch> watch_;
  std::atomic<bool> lent_{false};      // somebody has an interface of it for as long as the runtime runs
  std::shared_ptr<const void> lease_;  // guarded by the provider's mutex; null: nobody gets it any more
};

}  // namespace trunkline
