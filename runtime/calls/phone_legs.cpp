#include "runtime/calls/phone_legs.h"

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/pstn_client.hpp"
#include "trunkline/pstnsandbox_client.hpp"

namespace trunkline::calls {
namespace {

constexpr std::string_view kPstn = pstn::PstnProviderClient::kInterfaceId;
constexpr std::string_view kAudio = pstn::PstnAudioProviderClient::kInterfaceId;
constexpr std::string_view kTrunks = pstn::PstnTrunkProviderClient::kInterfaceId;
/// Capability of a provider whose far ends are users, not numbers.
constexpr std::string_view kUsers = "users";
constexpr std::string_view kSandbox = pstnsandbox::PstnSandboxProviderClient::kInterfaceId;

pstn::PstnProviderClient pstn_of(const Provider& provider) { return provider.client<pstn::PstnProviderClient>(); }
pstn::PstnAudioProviderClient audio_of(const Provider& provider) { return provider.client<pstn::PstnAudioProviderClient>(); }
pstn::PstnTrunkProviderClient trunks_of(const Provider& provider) { return provider.client<pstn::PstnTrunkProviderClient>(); }
pstnsandbox::PstnSandboxProviderClient sandbox_of(const Provider& provider) {
  return provider.client<pstnsandbox::PstnSandboxProviderClient>();
}

}  // namespace

std::vector<ProviderPtr> PhoneLegs::carriers(bool of_users) const {
  std::vector<ProviderPtr> found = context_.providers.all_of(kPstn);
  std::erase_if(found, [&](const ProviderPtr& one) { return one->has_capability(kUsers) != of_users; });
  return found;
}

bool PhoneLegs::available() const { return !carriers(false).empty(); }
bool PhoneLegs::rings_users() const { return !carriers(true).empty(); }

void PhoneLegs::dial(const std::string& resource, pstn::DialRequest request) {
  std::vector<ProviderPtr> providers = carriers(false);
  if (request.trunks) std::erase_if(providers, [](const ProviderPtr& one) { return !one->offers(kTrunks); });
  dial(resource, std::move(request), providers.empty() ? nullptr : providers.front());
}

void PhoneLegs::dial_user(const std::string& resource, pstn::DialRequest request) {
  const std::vector<ProviderPtr> providers = carriers(true);
  dial(resource, std::move(request), providers.empty() ? nullptr : providers.front());
}

void PhoneLegs::dial(const std::string& resource, pstn::DialRequest request, ProviderPtr provider) {
  const std::string leg_id = request.leg_id;
  if (!provider) {
    context_.executor.post([this, leg_id] { on_failed_(leg_id, Error(ErrorCode::kUnavailable, "no provider calls numbers")); });
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    // The phone that asked for this call is another provider's: that one's id means nothing here, and is nobody's business
    // outside.
    if (request.headers) {
      if (const auto by = request.headers->find(std::string(kReferredLeg)); by != request.headers->end()) {
        const auto asked = lines_.find(by->second);
        if (asked == lines_.end() || asked->second.provider != provider) request.headers->erase(by);
      }
    }
    Line& line = lines_[leg_id];
    line.provider = std::move(provider);
    line.resource = resource;
  }
  ask(leg_id, [this, request = std::move(request)](const Provider& provider, CallOptions options) -> Task<void> {
    return [](PhoneLegs* self, pstn::PstnProviderClient client, pstn::DialRequest wanted, CallOptions given) -> Task<void> {
      std::optional<Error> trouble;
      const std::string id = wanted.leg_id;
      try {
        co_await client.dial(std::move(wanted), std::move(given));
      } catch (...) {
        trouble = current_error();
      }
      if (trouble) self->on_failed_(id, *trouble);
    }(this, pstn_of(provider), request, std::move(options));
  });
}

bool PhoneLegs::adopt(const std::string& leg_id, std::string_view provider, const std::string& resource) {
  const ProviderPtr found = context_.providers.find(provider);
  if (!found) return false;
  const std::lock_guard lock(mutex_);
  Line& line = lines_[leg_id];
  line.provider = found;
  line.resource = resource;
  return true;
}

void PhoneLegs::answer(const std::string& leg_id) {
  ask(leg_id,
      [leg_id](const Provider& provider, CallOptions options) { return pstn_of(provider).answer(leg_id, std::move(options)); });
}

void PhoneLegs::hang_up(const std::string& leg_id, std::int32_t cause) {
  ask(leg_id, [leg_id, cause](const Provider& provider, CallOptions options) {
    return pstn_of(provider).hang_up(leg_id, cause, std::move(options));
  });
}

void PhoneLegs::send_tones(const std::string& leg_id, std::string digits) {
  ask(leg_id, [leg_id, digits = std::move(digits)](const Provider& provider, CallOptions options) {
    return pstn_of(provider).send_dtmf(leg_id, digits, std::move(options));
  });
}

bool PhoneLegs::transfers(std::string_view leg_id) {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find(leg_id);
  return found != lines_.end() && !found->second.over && found->second.provider->offers(kTrunks);
}

void PhoneLegs::transfer(const std::string& leg_id, std::string to, std::function<void(const Error&)> refused) {
  ask(leg_id, [leg_id, to = std::move(to), refused = std::move(refused)](const Provider& provider, CallOptions options) {
    return [](pstn::PstnTrunkProviderClient client, std::string leg, std::string target, CallOptions given,
              std::function<void(const Error&)> on_refused) -> Task<void> {
      std::optional<Error> trouble;
      try {
        co_await client.transfer(std::move(leg), std::move(target), std::move(given));
      } catch (...) {
        trouble = current_error();
      }
      if (trouble) on_refused(*trouble);
    }(trunks_of(provider), leg_id, to, std::move(options), refused);
  });
}

void PhoneLegs::transfer_progress(const std::string& leg_id, std::int32_t status) {
  ask(leg_id, [leg_id, status](const Provider& provider, CallOptions options) {
    return trunks_of(provider).transfer_progress(leg_id, status, std::move(options));
  });
}

PhoneLegs::Trunks PhoneLegs::trunks() const {
  Trunks found;
  const std::vector<ProviderPtr> providers = carriers(false);
  for (const ProviderPtr& provider : providers) found.available = found.available || provider->offers(kTrunks);
  found.first = !providers.empty() && providers.front()->offers(kTrunks);
  return found;
}

std::string PhoneLegs::audio_provider(std::string_view leg_id) {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find(leg_id);
  if (found == lines_.end() || found->second.over || !found->second.provider->offers(kAudio)) return {};
  return found->second.provider->name();
}

void PhoneLegs::join_bridge(const std::string& leg_id, std::string bridge) {
  ask(leg_id, [leg_id, bridge = std::move(bridge)](const Provider& provider, CallOptions options) {
    return audio_of(provider).join_bridge(leg_id, bridge, std::move(options));
  });
}

void PhoneLegs::set_flow(const std::string& leg_id, pstn::LegFlow flow) {
  ask(leg_id, [leg_id, flow](const Provider& provider, CallOptions options) {
    return audio_of(provider).set_flow(leg_id, flow, std::move(options));
  });
}

void PhoneLegs::play(const std::string& leg_id, std::int64_t play_id, const Sound& sound) {
  ask(leg_id, [leg_id, play_id, samples = sound.samples](const Provider& provider, CallOptions options) {
    Bytes bytes(samples->size() * 2);
    for (std::size_t i = 0; i < samples->size(); ++i) {
      const auto value = static_cast<std::uint16_t>((*samples)[i]);
      bytes[2 * i] = static_cast<std::uint8_t>(value);
      bytes[2 * i + 1] = static_cast<std::uint8_t>(value >> 8);
    }
    return audio_of(provider).play(leg_id, play_id, std::move(bytes), std::move(options));
  });
}

void PhoneLegs::stop_play(const std::string& leg_id, std::int64_t play_id) {
  ask(leg_id, [leg_id, play_id](const Provider& provider, CallOptions options) {
    return audio_of(provider).stop_play(leg_id, play_id, std::move(options));
  });
}

void PhoneLegs::prompt(const std::string& leg_id, std::string text, Duration lasts) {
  ask(leg_id, [leg_id, text = std::move(text), lasts](const Provider& provider, CallOptions options) -> Task<void> {
    if (!provider.offers(kSandbox)) return []() -> Task<void> { co_return; }();
    return sandbox_of(provider).prompt(leg_id, text, lasts, std::move(options));
  });
}

void PhoneLegs::forget(const std::string& leg_id) {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find(leg_id);
  if (found == lines_.end()) return;
  found->second.commands.clear();
  if (found->second.running)
    found->second.over = true;  // run() drops it
  else
    lines_.erase(found);
}

void PhoneLegs::ask(const std::string& leg_id, Command command) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = lines_.find(leg_id);
    if (found == lines_.end() || found->second.over) return;
    found->second.commands.push_back(std::move(command));
    if (std::exchange(found->second.running, true)) return;
  }
  // The provider may call back before it returns: never from under the caller's locks.
  context_.executor.post([this, leg_id] { spawn(run(leg_id), [](Result<void>) {}); });
}

Task<void> PhoneLegs::run(std::string leg_id) {
  for (;;) {
    Command command;
    ProviderPtr provider;
    CallOptions options;
    {
      const std::lock_guard lock(mutex_);
      const auto found = lines_.find(leg_id);
      if (found == lines_.end()) co_return;
      Line& line = found->second;
      if (line.commands.empty() || line.over) {
        line.running = false;
        if (line.over) lines_.erase(found);
        co_return;
      }
      command = std::move(line.commands.front());
      line.commands.pop_front();
      provider = line.provider;
      options.resource = line.resource;
      options.deadline = context_.clock.now() + provider->timeout();
    }
    std::optional<Error> trouble;
    try {
      co_await command(*provider, std::move(options));
    } catch (...) {
      trouble = current_error();
    }
    // A leg that has just ended is no trouble.
    if (trouble && trouble->code != ErrorCode::kNotFound)
      context_.log.warning("calls", "a provider refused what was asked of a leg",
                           {{"provider", provider->name()}, {"leg", leg_id}, {"reason", trouble->message}});
  }
}

}  // namespace trunkline::calls
