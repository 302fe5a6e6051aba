// One call over a trunk.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "media/plays.h"
#include "media/sdp.h"
#include "trunk.h"
#include "trunkline/pstn.hpp"

struct nua_handle_s;

namespace pstn_sip {

/// What the host is told of a leg.
using LegNews = std::variant<trunkline::pstn::LegChange, trunkline::pstn::TransferOutcome>;

/// SIP thread alone.
struct SipLeg {
  enum class State { kDialing, kRinging, kAnswered, kEnded };

  SipLeg(std::string leg_id, std::uint64_t leg_number, bool goes_out)
      : id(std::move(leg_id)), number(leg_number), outbound(goes_out) {}

  const std::string id;
  const std::uint64_t number;  // what handles of the stack and the media engine know it by
  const bool outbound;
  State state = State::kDialing;
  nua_handle_s* handle = nullptr;
  const Trunk* trunk = nullptr;

  MediaLegPtr media;
  Plays plays;
  LocalAudio local;
  std::optional<SdpAudio> remote;
  std::optional<std::uint8_t> event_type;
  bool offer_is_out = false;     // the next description from the other side answers ours
  bool offer_in_answer = false;  // and it went out with a 200: the ACK brings the answer
  bool offer_challenged = false;
  bool held = false;  // by the host
  bool held_by_them = false;
  bool hold_offered = false;  // `held`, when the offer that is out was made
  bool hold_told = false;     // `held`, as the other side has agreed to it
  int hold_glares = 0;        // that an offer met one of theirs

  // Transfers. One at a time each way.
  enum class Referral { kNone, kAsked, kAccepted };
  Referral referral = Referral::kNone;  // that we asked for
  bool referral_challenged = false;
  std::string refer_event;            // of the one that they asked for; empty: none
  bool refer_is_asked = false;        // the host has not said yet whether it is made
  bool is_replaced = false;           // another phone has taken the place of the far end, and not said yet where it is
  std::string refer_replaces;         // the call of theirs that the target has to give up for it (RFC 3891); empty: none
  std::optional<int> refer_progress;  // that came before it was answered
  std::optional<std::int32_t> refer_then_hang_up;  // and the end of the call, with its cause

  std::string far;          // number of the far end
  bool refreshing = false;  // by INVITEs of ours

  // A call that goes out.
  trunkline::pstn::DialRequest request;
  std::deque<const Trunk*> next;  // trunks that were not tried yet
  unsigned attempt = 0;
  bool provisional = false;  // this trunk has said something
  bool challenged = false;   // it wanted to know who we are, and was told
  int last_status = 0;       // of the trunk before
  std::string last_problem;

  std::deque<LegNews> news;  // that the host has not heard
  bool telling = false;
  std::stop_source stop;  // of its timers

  bool ended() const { return state == State::kEnded; }
};
using SipLegPtr = std::shared_ptr<SipLeg>;

}  // namespace pstn_sip
