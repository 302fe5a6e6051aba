// The plugin's class.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "control_thread.h"
#include "media/engine.h"
#include "settings.h"
#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"
#include "trunkline/pstn_provider.hpp"

namespace pstn_webrtc {

class Sessions;

/// Calls of browsers: requests come through the host's HTTP server, sound over WebRTC. [any-thread]
class Gateway final : public trunkline::pstn::PstnProvider,
                      public trunkline::pstn::PstnAudioProvider,
                      public trunkline::host::WebhookReceiver {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  Gateway(trunkline::Host host, std::string_view config_json);
  ~Gateway();
  /// Ends every call. [lifecycle]
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

  // trunkline.webhook/1
  Task<trunkline::host::HttpResponse> receive(Call call, trunkline::host::HttpRequest request) override;

 private:
  /// Runs `fn` on the control thread; what it throws is thrown here.
  template <class F>
  Task<void> on_control(F fn);

  const Settings settings_;
  ControlThread thread_;
  MediaEngine engine_;
  std::unique_ptr<Sessions> sessions_;  // used on the control thread
  std::atomic<std::uint64_t> last_ticket_{0};
};

}  // namespace pstn_webrtc
