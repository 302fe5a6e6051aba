// The plugin's class.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "control_thread.h"
#include "media/engine.h"
#include "media/leg_carrier.h"
#include "settings.h"
#include "trunkline/host_provider.hpp"

namespace pstn_webrtc {

class Sessions;

/// Calls of browsers: requests come through the host's HTTP server, sound over WebRTC. [any-thread]
class Gateway final : public call_media::LegCarrier<Sessions, ControlThread>, public trunkline::host::WebhookReceiver {
 public:
  Gateway(trunkline::Host host, std::string_view config_json);
  ~Gateway();
  /// Ends every call. [lifecycle]
  Task<void> stop();

  // trunkline.pstn/1, with what LegCarrier has
  Task<void> dial(Call call, trunkline::pstn::DialRequest request) override;

  // trunkline.webhook/1
  Task<trunkline::host::HttpResponse> receive(Call call, trunkline::host::HttpRequest request) override;

 private:
  const Settings settings_;
  ControlThread thread_;
  MediaEngine engine_;
  std::unique_ptr<Sessions> sessions_;  // used on the control thread
  std::atomic<std::uint64_t> last_ticket_{0};
};

}  // namespace pstn_webrtc
