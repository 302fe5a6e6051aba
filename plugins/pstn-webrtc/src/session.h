// One page in one call.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "media/plays.h"
#include "media/sdp.h"
#include "settings.h"
#include "transport/dtls.h"
#include "transport/request.h"
#include "trunkline/pstn.hpp"

namespace pstn_webrtc {

// Q.850
inline constexpr std::int32_t kCauseNormal = 16, kCauseNoAnswer = 19, kCauseRejected = 21, kCauseTemporary = 41;

/// Control thread alone.
struct Session {
  /// Ringing: of a call that comes in, the host has not answered; of one that goes out, no page has. Connecting: somebody has,
  /// and the sound does not flow yet.
  enum class State { kRinging, kConnecting, kAnswered, kEnded };

  Session(std::string leg_id, std::uint64_t leg_number, bool goes_out, Caller page)
      : id(std::move(leg_id)), number(leg_number), outbound(goes_out), caller(std::move(page)) {}

  const std::string id;        // of the leg, and in addresses
  const std::uint64_t number;  // what the media engine knows it by
  const bool outbound;
  const Caller caller;  // the user at the page
  State state = State::kRinging;

  // A call that goes out.
  std::string from;
  std::string from_name;

  // Its sound, once there is a description.
  MediaLegPtr media;
  std::unique_ptr<DtlsServer> dtls;  // before media: it sends through it
  call_media::Endpoint peer;         // where the last packet of the handshake came from
  std::uint64_t resend_turn = 0;     // timers of an earlier flight have nothing to say
  LocalAudio local;                  // our side of the description
  LocalTransport transport;          // with this
  SdpTransport theirs;               // of the page, which stays what it was
  StreamSettings stream;             // as agreed; with keys once it is up
  bool listens = false;              // it is not heard (WHEP)
  bool media_up = false;
  Plays plays;

  std::optional<trunkline::pstn::HangupCause> cause;  // once it has ended
  std::deque<trunkline::pstn::LegChange> news;        // that the host has not heard
  bool telling = false;
  std::stop_source stop;  // of its timers

  bool ended() const { return state == State::kEnded; }
  std::string entity_tag() const { return "\"" + id + "\""; }
};
using SessionPtr = std::shared_ptr<Session>;

}  // namespace pstn_webrtc
