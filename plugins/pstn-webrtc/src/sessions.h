// Pages in calls, and pages that wait for calls.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "control_thread.h"
#include "media/engine.h"
#include "media/leg_carrier.h"
#include "media/sdp.h"
#include "session.h"
#include "tcp_gate.h"
#include "trunkline/host_client.hpp"
#include "trunkline/plugin_host.hpp"
#include "trunkline/pstn_client.hpp"
#include "waiting.h"

namespace pstn_webrtc {

/// Everything on the control thread. Requests throw Error; what follows is told to the host, for each leg in order.
class Sessions {
 public:
  Sessions(const Settings& settings, trunkline::Host host, ControlThread& thread, MediaEngine& engine);
  ~Sessions();
  Sessions(const Sessions&) = delete;

  /// Ends every call, and answers whoever waits.
  void stop();
  /// What the media engine has to say.
  void take_news();

  // --- what pages ask: sessions_pages.cpp
  /// `ticket` is the request's own. `cancelled`: nobody waits for the answer any more.
  void ask(Ask ask, std::uint64_t ticket, bool cancelled, Answer answer);
  /// Answers a request that waits.
  void expire(std::uint64_t ticket) { waiting_.expire(ticket); }

  // --- what the host asks: sessions_host.cpp
  void dial(std::string resource, trunkline::pstn::DialRequest request);
  void answer(const std::string& leg_id);
  void hang_up(const std::string& leg_id, std::int32_t cause);
  void send_dtmf(const std::string& leg_id, const std::string& digits);
  void join_bridge(const std::string& leg_id, std::string bridge);
  void set_flow(const std::string& leg_id, trunkline::pstn::LegFlow flow);
  void play(const std::string& leg_id, std::int64_t play_id, SoundPtr sound);
  void stop_play(const std::string& leg_id, std::int64_t play_id);

 private:
  /// The pages of one user that wait for calls, or did a moment ago.
  struct Pages {
    std::uint64_t revision = 0;     // of the calls that ring there
    std::vector<SessionPtr> calls;  // oldest first
    trunkline::Time last_seen{};
  };

  // --- sessions.cpp
  SessionPtr new_session(std::string id, bool outbound, Caller caller);
  SessionPtr find(const std::string& leg_id) const;
  /// One with sound. Throws kNotFound.
  SessionPtr find_media(const std::string& leg_id) const;
  void answered(const SessionPtr& session);
  /// The host hears of it once.
  void end(const SessionPtr& session, std::int32_t q850, std::string text);
  /// The host never knew it.
  void forget(const SessionPtr& session);
  void close(Session& session);
  void tell(const SessionPtr& session, trunkline::pstn::LegChange change);
  void tell_next(const SessionPtr& session);
  void after(const SessionPtr& session, Duration delay, std::function<void()> fn);
  void later(Duration delay, std::stop_token stop, std::function<void()> fn);

  // --- sessions_media.cpp
  /// Takes a socket and whatever else the sound needs; returns the answer to the offer.
  std::string open_media(const SessionPtr& session, const SdpAudio& offer);
  /// Another offer of the page's, of which only what is sent and heard may be new: a hold. Returns the answer to it.
  std::string change_media(const SessionPtr& session, const SdpAudio& offer);
  /// What is sent and heard from now on, where the page offers this.
  Agreed agree_with(Session& session, const SdpAudio& offer) const;
  /// Lets the page come over TCP.
  void open_gate(const SessionPtr& session);
  void send_handshake(const Session& session, Bytes packet);
  void use_stream(const Session& session);
  void shake_hands(const SessionPtr& session);
  void react(const SessionPtr& session);
  void resend_later(const SessionPtr& session);
  void media_is_up(const SessionPtr& session);

  // --- sessions_pages.cpp
  SessionPtr of_page(const Ask& ask) const;
  void join(Ask ask, Answer answer);
  void offered(const SessionPtr& session, const trunkline::Result<void>& taken, const std::string& base, const std::string& sdp,
               const Answer& answer);
  void press(const SessionPtr& session, const std::string& digits);
  void accept(const Ask& ask, const Answer& answer);
  std::string change(const SessionPtr& session, const std::string& body);
  void wait(std::uint64_t ticket, bool cancelled, std::string topic, Waiting::Render render, Answer answer);
  void wait_state(const Ask& ask, std::uint64_t ticket, bool cancelled, Answer answer);
  void wait_calls(const Ask& ask, std::uint64_t ticket, bool cancelled, Answer answer);
  trunkline::host::HttpResponse render_calls(const std::string& key);
  /// With credentials for this user; they end then.
  std::vector<RelayAccess> relays_for(const std::string& user, trunkline::Time until) const;
  trunkline::host::HttpResponse render_servers(const Ask& ask) const;
  trunkline::host::HttpResponse created(const Session& session, const std::string& base, const std::string& sdp) const;
  Pages& pages_of(const std::string& key);
  bool is_there(const std::string& key) const;
  /// A call rings there, or does no more.
  void rings(const SessionPtr& session, bool on);

  const Settings& settings_;
  const trunkline::host::LogClient log_;
  const trunkline::host::ClockClient clock_;
  const trunkline::pstn::PstnEventsClient events_;
  const trunkline::pstn::PstnAudioEventsClient audio_events_;
  ControlThread& thread_;
  MediaEngine& engine_;
  RtpPorts ports_;
  const std::unique_ptr<TcpGate> gate_;  // null: no ICE over TCP
  const DtlsIdentity identity_;
  const std::vector<RelayServer> relays_;
  Waiting waiting_;
  bool stopping_ = false;
  std::map<std::string, SessionPtr, std::less<>> sessions_;  // by id; those that have ended stay for a while
  std::unordered_map<std::uint64_t, SessionPtr> by_number_;  // those with sound
  std::size_t live_ = 0;
  std::map<std::string, Pages> pages_;  // by Caller::key
  std::size_t purge_at_ = 64;
  std::uint64_t last_number_ = 0;
};

/// Hexadecimal digits of so many random bytes. Throws kInternal.
std::string random_text(std::size_t bytes);

}  // namespace pstn_webrtc
