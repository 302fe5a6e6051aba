// The plugin's class.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "media/engine.h"
#include "settings.h"
#include "sip_thread.h"
#include "trunkline/plugin.hpp"
#include "trunkline/pstn_provider.hpp"

namespace pstn_sip {

class UserAgent;

/// Calls over SIP trunks: signalling on one thread, sound on another. [any-thread]
class Carrier final : public trunkline::pstn::PstnProvider,
                      public trunkline::pstn::PstnAudioProvider,
                      public trunkline::pstn::PstnTrunkProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  Carrier(trunkline::Host host, std::string_view config_json);
  ~Carrier();
  /// Says goodbye to everybody. [lifecycle]
  Task<void> stop();

  // trunkline.pstn/1
  Task<void> dial(Call call, trunkline::pstn::DialRequest request) override;
  Task<void> answer(Call call, std::string leg_id) override;
  Task<void> hang_up(Call call, std::string leg_id, std::int32_t cause) override;
  Task<void> send_dtmf(Call call, std::string leg_id, std::string digits) override;

  // trunkline.pstn.audio/1
  Task<void> join_bridge(Call call, std::string leg_id, std::string bridge) override;
  Task<void> set_flow(Call call, std::string leg_id, trunkline::pstn::LegFlow flow) override;
  Task<void> play(Call call, std::string leg_id, std::int64_t play_id, trunkline::Bytes samples) override;
  Task<void> stop_play(Call call, std::string leg_id, std::int64_t play_id) override;

  // trunkline.pstn.trunks/1
  Task<trunkline::pstn::TrunkProbe> probe(Call call, trunkline::pstn::DialTrunk trunk) override;
  Task<void> transfer(Call call, std::string leg_id, std::string to) override;
  Task<void> transfer_progress(Call call, std::string leg_id, std::int32_t status) override;

 private:
  /// Runs `fn` on the SIP thread; what it throws is thrown here.
  template <class F>
  Task<void> on_sip(F fn);

  const Settings settings_;
  SipThread thread_;
  MediaEngine engine_;
  std::unique_ptr<UserAgent> agent_;  // made and used on the SIP thread
};

}  // namespace pstn_sip
