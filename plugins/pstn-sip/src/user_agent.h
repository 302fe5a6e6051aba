// The SIP user agent: calls over trunks.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "media/engine.h"
#include "media/leg_carrier.h"
#include "sip_leg.h"
#include "sip_thread.h"
#include "sofia.h"
#include "trunk_watch.h"
#include "trunkline/plugin_host.hpp"
#include "trunkline/pstn_client.hpp"

namespace pstn_sip {

/// Everything on the SIP thread. Requests throw Error; what follows is told to the host, for each leg in order.
class UserAgent {
 public:
  UserAgent(const Settings& settings, trunkline::Host host, SipThread& thread, MediaEngine& engine);
  ~UserAgent();
  UserAgent(const UserAgent&) = delete;

  /// Throws kUnavailable when the ports cannot be had.
  void start();
  /// Ends every call and registration; `done` once the trunks have been told, or do not answer.
  void stop(std::function<void()> done);
  /// Takes the stack down; the loop has been left.
  void finish();

  void dial(trunkline::pstn::DialRequest request);
  void answer(const std::string& leg_id);
  void hang_up(const std::string& leg_id, std::int32_t cause);
  void send_dtmf(const std::string& leg_id, const std::string& digits);
  void join_bridge(const std::string& leg_id, std::string bridge);
  void set_flow(const std::string& leg_id, trunkline::pstn::LegFlow flow);
  void play(const std::string& leg_id, std::int64_t play_id, SoundPtr sound);
  void stop_play(const std::string& leg_id, std::int64_t play_id);
  void probe(const trunkline::pstn::DialTrunk& trunk, TrunkWatch::Probed done);
  void transfer(const std::string& leg_id, const std::string& to);
  void transfer_progress(const std::string& leg_id, int status);
  /// What the media engine has to say.
  void take_news();

 private:
  static void on_event(nua_event_t event, int status, const char* phrase, nua_t* nua, nua_magic_t* self, nua_handle_t* handle,
                       nua_hmagic_t* number, const sip_t* sip, tagi_t tags[]);
  void leg_event(const SipLegPtr& leg, nua_event_t event, int status, const char* phrase, const sip_t* sip);

  // --- user_agent.cpp
  void listens_at(int port);
  SipLegPtr new_leg(std::string id, bool outbound);
  SipLegPtr find(const std::string& leg_id) const;
  /// Takes sockets, and fills `local`.
  void open_media(SipLeg& leg, const Trunk& trunk);
  /// What the other side described is what we use from now on. Throws when there is nothing in common.
  Agreed set_media(SipLeg& leg, SdpAudio theirs);
  void sound_flows(SipLeg& leg);
  void change_state(const SipLegPtr& leg, SipLeg::State state);
  void close(const SipLegPtr& leg);
  /// Told once; the signalling may go on for a while.
  void end(const SipLegPtr& leg, std::int32_t q850, int status, std::string text);
  /// The stack is done with it.
  void release(const SipLegPtr& leg);
  void tell(const SipLegPtr& leg, LegNews news);
  void tell_next(const SipLegPtr& leg);
  void after(const SipLegPtr& leg, trunkline::Duration delay, std::function<void()> fn);
  void bind(const SipLegPtr& leg, nua_handle_t* handle);
  /// How the session timer is refreshed; `sip` is the other side's part of setting the call up.
  void keep_session(const SipLegPtr& leg, const sip_t* sip);
  void refresh_by_invite(const SipLegPtr& leg, trunkline::Duration interval);
  /// Offers what holds now; later, when an offer is out.
  void offer_again(const SipLegPtr& leg);
  /// The other side has said something to an offer within the call.
  void offer_settled(const SipLegPtr& leg, int status);
  Direction direction_of(const SipLeg& leg) const;
  std::string own_address(const Trunk& trunk, const std::string& number) const;

  // --- user_agent_out.cpp
  std::deque<const Trunk*> candidates(const trunkline::pstn::DialRequest& request) const;
  void try_next(const SipLegPtr& leg);
  void invited(const SipLegPtr& leg, int status, const char* phrase, const sip_t* sip);
  void attempt_failed(const SipLegPtr& leg, int status, std::string problem, std::int32_t q850);
  void authenticate(const SipLegPtr& leg, int status, const sip_t* sip);

  // --- user_agent_in.cpp
  void incoming(nua_handle_t* handle, const sip_t* sip);
  void offered(const SipLegPtr& leg, const trunkline::Result<void>& taken);
  void refuse(nua_handle_t* handle, int status, const char* phrase, const std::string& why);
  void offered_again(const SipLegPtr& leg, const sip_t* sip);
  void acknowledged(const SipLegPtr& leg, const sip_t* sip);
  const Trunk* trunk_of_source() const;
  SipLegPtr leg_of(nua_handle_t* handle) const;
  void replaced(nua_handle_t* handle, const sip_t* sip, const Trunk& trunk);
  void former_event(nua_handle_t* handle, nua_event_t event);

  // --- user_agent_transfer.cpp
  void refer_answered(const SipLegPtr& leg, int status, const char* phrase, const sip_t* sip);
  void refer_notified(const SipLegPtr& leg, const sip_t* sip);
  void transferred(const SipLegPtr& leg, bool accepted, int status, std::string text);
  void refer_asked(const SipLegPtr& leg, const sip_t* sip);
  void refer_decided(const SipLegPtr& leg, msg_t* request, const trunkline::Result<void>& taken);
  void notify(const SipLegPtr& leg, int status);
  void consult_transfer(const SipLegPtr& leg, const SipLegPtr& other);
  /// A call of ours that a Replaces names; null: it is none.
  SipLegPtr leg_of_replaces(const std::string& text) const;

  /// What handles are known by whose place in a call another phone has taken.
  static constexpr std::uint64_t kFormerNumber = TrunkWatch::kFirstNumber - 1;

  const Settings& settings_;
  const trunkline::host::LogClient log_;
  const trunkline::host::StatusClient status_;
  const trunkline::host::ClockClient clock_;
  const trunkline::pstn::PstnEventsClient events_;
  const trunkline::pstn::PstnAudioEventsClient audio_events_;
  SipThread& thread_;
  MediaEngine& engine_;
  RtpPorts ports_;
  std::vector<Trunk> trunks_;  // never grows
  TrunkWatch watch_;
  nua_t* nua_ = nullptr;
  su_timer_t* timer_ = nullptr;  // of stop()
  std::function<void()> stopped_;
  bool stopping_ = false;
  bool shut_ = false;                                       // the stack says that it is through
  std::map<std::string, SipLegPtr, std::less<>> legs_;      // by id; those that have not ended
  std::unordered_map<std::uint64_t, SipLegPtr> by_number_;  // those that the stack knows
  std::uint64_t last_number_ = 0;
  std::string id_prefix_;
};

}  // namespace pstn_sip
