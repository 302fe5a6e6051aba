// The plugin's class.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "media/engine.h"
#include "media/leg_carrier.h"
#include "settings.h"
#include "sip_thread.h"

namespace pstn_sip {

class UserAgent;

/// Calls over SIP trunks: signalling on one thread, sound on another. [any-thread]
class Carrier final : public call_media::LegCarrier<UserAgent, SipThread>, public trunkline::pstn::PstnTrunkProvider {
 public:
  Carrier(trunkline::Host host, std::string_view config_json);
  ~Carrier();
  /// Says goodbye to everybody. [lifecycle]
  Task<void> stop();

  // trunkline.pstn/1, with what LegCarrier has
  Task<void> dial(Call call, trunkline::pstn::DialRequest request) override;

  // trunkline.pstn.trunks/1
  Task<trunkline::pstn::TrunkProbe> probe(Call call, trunkline::pstn::DialTrunk trunk) override;
  Task<void> transfer(Call call, std::string leg_id, std::string to) override;
  Task<void> transfer_progress(Call call, std::string leg_id, std::int32_t status) override;

 private:
  const Settings settings_;
  SipThread thread_;
  MediaEngine engine_;
  std::unique_ptr<UserAgent> agent_;  // made and used on the SIP thread
};

}  // namespace pstn_sip
