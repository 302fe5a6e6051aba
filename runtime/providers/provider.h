// One configured provider: its name, and the instance that serves it now.
#pragma once
#include <atomic>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/breaker.h"
#include "runtime/providers/provider_instance.h"

namespace trunkline {

/// One instance, held: it is not stopped while this lives. Not to be kept.
struct ProviderPin {
  const ProviderInstance* instance = nullptr;
  std::shared_ptr<const void> lease;  // null: the provider is closed

  std::uint32_t number() const { return instance->number(); }
};

template <class Client>
class Serving;

/// [any-thread] Made and stopped by the ProviderRegistry. May be held longer: a stopped provider offers nothing, so that every
/// call fails with kUnimplemented, or with kUnavailable when its interface was looked up before it stopped. Its instance may be
/// another one at the next look; references to what an instance says of itself stay good.
class Provider {
 public:
  /// Callers that wait at once while a provider changes hands: each has its request in memory.
  static constexpr std::size_t kMostWaiting = 4096;

  Provider(std::string name, std::unique_ptr<ProviderInstance> first);

  const std::string& name() const { return name_; }
  const std::string& plugin_id() const { return plugin_id_; }
  const std::vector<std::string>& interfaces() const { return current().interfaces(); }
  bool offers(std::string_view interface_id) const { return is_open() && current().offers(interface_id); }
  /// A word of the plugin's manifest.
  bool has_capability(std::string_view word) const;
  /// Limit of one call, from the configuration. Callers put it into CallOptions::deadline; the guard enforces that.
  Duration timeout() const { return current().config().timeout; }
  /// Rises with every instance that takes over; falls when one is rolled back.
  std::uint32_t number() const { return current().number(); }

  /// A client of the instance that serves now; false in a condition when it does not offer the interface.
  template <class Client>
  Client client() const {
    return client<Client>(pin());
  }
  template <class Client>
  Client client(ProviderPin pin) const {
    if (!pin.lease) return Client({nullptr, nullptr}, closed_);
    return pin.instance->client<Client>(std::move(pin.lease));
  }
  /// The same for co_await, which waits while the provider changes hands: what it keeps goes from one instance to the next.
  /// What a call may take is reckoned after that. Throws kUnavailable when kMostWaiting wait already.
  template <class Client>
  Serving<Client> ready() const {
    return Serving<Client>(*this);
  }
  sms::SmsProviderClient sms() const { return client<sms::SmsProviderClient>(); }
  Serving<identity::IdentityProviderClient> identity() const;
  Serving<chat::ChatProviderClient> chat() const;
  email::EmailProviderClient email() const { return client<email::EmailProviderClient>(); }
  sandbox::SandboxMailProviderClient sandbox_mail() const { return client<sandbox::SandboxMailProviderClient>(); }
  sandbox::SandboxProviderClient sandbox() const { return client<sandbox::SandboxProviderClient>(); }
  sms::SmsQueryProviderClient sms_query() const { return client<sms::SmsQueryProviderClient>(); }
  host::WebhookReceiverClient webhook() const { return client<host::WebhookReceiverClient>(); }
  /// The instance that serves now.
  ProviderPin pin() const;
  /// Callers that wait for another instance just now.
  std::size_t waiting() const;
  /// False: it is closed, changes hands just now, or none could be made when it did.
  bool serves() const { return pin().lease != nullptr; }
  /// What becomes of a call that is begun now. kProbation: it is served, and another instance stands by.
  enum class Presence { kServes, kProbation, kChanges, kNone };
  Presence presence() const;
  /// Any interface in C form, for whoever keeps it: the instance that gave it stays until the runtime stops, and refuses calls
  /// once another has taken over and it has drained. vtbl==NULL: not offered, or it changes hands just now.
  tl_iface lend_interface(std::string_view id) const;

  /// Asked once, when the instance was made; defaults when it offers no text messages.
  const sms::SmsCapabilities& sms_capabilities() const { return current().sms_capabilities(); }
  /// The same for mail.
  const email::EmailCapabilities& email_capabilities() const { return current().email_capabilities(); }
  /// And for identities and chat.
  const identity::IdentityCapabilities& identity_capabilities() const { return current().identity_capabilities(); }
  const chat::ChatCapabilities& chat_capabilities() const { return current().chat_capabilities(); }
  CircuitBreaker& breaker() { return breaker_; }
  /// What became of a call, for the breaker. A call of an earlier instance says nothing of the one that serves now.
  void count(std::uint32_t number, bool failed, Time at);

 private:
  friend class ProviderRegistry;
  template <class Client>
  friend class Serving;

  /// kWaits: `resume` is called once it serves again.
  enum class Turn { kNow, kWaits, kRefused };
  Turn pin_or_wait(ProviderPin& pin, std::function<void()> resume) const;
  Error too_many_wait() const;
  /// Nobody begins a call from here on, but waits. Null: somebody was lent an interface for good, and nothing changed.
  ProviderInstance* hold();
  /// `next` serves, or the present one goes on, or nobody: calls are refused. Whoever waits for that, to be resumed.
  enum class Present { kGoesOn, kHasStopped };
  [[nodiscard]] std::vector<std::function<void()>> let_serve(std::unique_ptr<ProviderInstance> next,
                                                             Present present = Present::kHasStopped);
  const ProviderInstance& current() const { return *current_.load(std::memory_order_acquire); }
  bool is_open() const { return open_.load(std::memory_order_acquire); }
  /// A new one serves from here on, and the one before stands by. Nobody stood by before.
  ProviderInstance& take_over(std::unique_ptr<ProviderInstance> next);
  /// The one that stands by serves again. False: `failed` does not serve, or there is none.
  bool fall_back(const ProviderInstance& failed);
  /// Nobody stands by any more; null: nobody did.
  ProviderInstance* dismiss();
  bool on_probation() const;
  /// Offers nothing from here on. Those that served or stood by.
  std::vector<ProviderInstance*> close();

  const std::string name_, plugin_id_;
  mutable CallTable closed_;  // for what a closed provider refuses
  std::atomic<bool> open_{true};
  std::atomic<ProviderInstance*> current_{nullptr};  // changes with mutex_ held
  CircuitBreaker breaker_;
  std::function<void(ProviderInstance&, const std::string& why)> on_failing_;  // while on probation. Set before the first call

  mutable std::mutex mutex_;                           // guards what follows, and the leases of the instances
  std::deque<std::unique_ptr<ProviderInstance>> all_;  // there ever were
  ProviderInstance* standby_ = nullptr;
  bool held_ = false;
  mutable std::vector<std::function<void()>> waiting_;     // while it is held
  mutable std::vector<std::shared_ptr<const void>> lent_;  // leases of instances whose interfaces were lent
};

using ProviderPtr = std::shared_ptr<const Provider>;

/// See Provider::ready. Gives a client of the instance that serves, which stays until the client has gone.
template <class Client>
class Serving {
 public:
  explicit Serving(const Provider& provider) : provider_(provider) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> next) {
    next_ = next;
    return take_turn();
  }
  Client await_resume() {
    if (refused_) throw provider_.too_many_wait();
    return provider_.template client<Client>(std::move(pin_));
  }

 private:
  // True: it waits. Once it does, this may be gone at any time.
  bool take_turn() {
    const Provider::Turn turn = provider_.pin_or_wait(pin_, [this] { go_on(); });
    if (turn == Provider::Turn::kWaits) return true;
    refused_ = turn == Provider::Turn::kRefused;
    return false;
  }
  void go_on() {
    if (!take_turn()) next_.resume();
  }

  const Provider& provider_;
  ProviderPin pin_;
  std::coroutine_handle<> next_;
  bool refused_ = false;
};

inline Serving<identity::IdentityProviderClient> Provider::identity() const { return ready<identity::IdentityProviderClient>(); }
inline Serving<chat::ChatProviderClient> Provider::chat() const { return ready<chat::ChatProviderClient>(); }

}  // namespace trunkline
