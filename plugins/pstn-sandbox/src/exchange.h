// The plugin's class: a telephone exchange whose subscribers are virtual phones.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "leg.h"
#include "settings.h"
#include "timers.h"
#include "trunkline/plugin.hpp"
#include "trunkline/pstn_provider.hpp"
#include "trunkline/pstnsandbox_provider.hpp"

namespace pstn_sandbox {

/// What a phone does happens on the host's clock, so a virtual clock drives it. The host hears of each leg in order, one thing
/// at a time. [any-thread]
class Exchange final : public trunkline::pstn::PstnProvider, public trunkline::pstnsandbox::PstnSandboxProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;
  static constexpr std::size_t kMaxCalls = 1000;  // that are remembered of a resource
  static constexpr std::size_t kMaxPersonas = 1000;

  Exchange(trunkline::Host host, std::string_view config_json);
  /// Calls under way are dropped without a word, as if the exchange had gone. [lifecycle]
  Task<void> stop();

  // trunkline.pstn/1
  Task<void> dial(Call call, trunkline::pstn::DialRequest request) override;
  Task<void> answer(Call call, std::string leg_id) override;
  Task<void> hang_up(Call call, std::string leg_id, std::int32_t cause) override;
  Task<void> send_dtmf(Call call, std::string leg_id, std::string digits) override;

  // trunkline.pstn_sandbox/1
  Task<void> add_persona(Call call, Persona persona) override;
  Task<std::vector<Persona>> personas(Call call) override;
  Task<std::string> call_from_phone(Call call, std::string from, std::string to) override;
  Task<void> press_digits(Call call, std::string leg_id, std::string digits) override;
  Task<void> hang_up_phone(Call call, std::string leg_id) override;
  Task<std::vector<trunkline::pstnsandbox::PhoneCall>> calls(Call call, std::optional<std::string> phone) override;
  Task<void> reset(Call call) override;
  Task<void> speak(Call call, std::string leg_id, std::string text) override;
  Task<void> prompt(Call call, std::string leg_id, std::string text, Duration lasts) override;

 private:
  struct World {
    std::deque<Persona> added;
    std::deque<LegPtr> legs;
  };
  /// What is to be said or pressed, and when.
  struct Act {
    Duration after{};
    std::optional<std::string> says;
    std::optional<std::string> digits;
  };

  Persona persona_of(World& world, std::string_view number) const;  // mutex_ held
  LegPtr add_leg(std::string id, std::string resource, const std::string& phone, const std::string& other, bool outbound);
  LegPtr find(std::string_view leg_id, bool answered);
  void ring(const LegPtr& leg, Duration ring_timeout);
  void picked_up(const LegPtr& leg);
  void act(const LegPtr& leg, Act what);
  void later(const LegPtr& leg, Duration delay, std::function<void()> fn);
  void press(const LegPtr& leg, const std::string& digits);
  void say(const LegPtr& leg, const std::string& text);
  void change_state(const LegPtr& leg, trunkline::pstn::LegState state);
  void end(const LegPtr& leg, std::int32_t q850, std::optional<std::int32_t> sip_status, const char* text);
  /// Queues under the mutex; whoever finds nobody telling tells it all.
  void tell(const LegPtr& leg);
  Task<void> tell_all(LegPtr leg);

  const Settings settings_;
  const trunkline::host::ClockClient clock_;
  const trunkline::host::LogClient log_;
  const trunkline::pstn::PstnEventsClient events_;
  const trunkline::pstnsandbox::PstnSandboxEventsClient words_;
  const std::string id_prefix_;
  Timers timers_;

  std::mutex mutex_;  // guards what follows; never held while the host is called
  std::map<std::string, World, std::less<>> worlds_;
  std::map<std::string, LegPtr, std::less<>> legs_;  // by id; those that have not ended
  std::uint64_t last_id_ = 0;
};

}  // namespace pstn_sandbox
