// What a browser does with sound, as far as tests need it: a full agent of ICE, a client of DTLS, Opus over SRTP.
#pragma once
#include <netinet/in.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "media/codec.h"
#include "media/framing.h"
#include "media/srtp.h"
#include "tests/plugins/sound.h"
#include "transport/dtls.h"

struct ssl_st;

namespace trunkline::testing {

/// The client's side of a handshake, on OpenSSL alone.
class DtlsClient {
 public:
  explicit DtlsClient(const pstn_webrtc::DtlsIdentity& identity);
  ~DtlsClient();
  DtlsClient(const DtlsClient&) = delete;

  /// Takes a packet (empty: none, to begin); returns what is to be sent.
  std::vector<std::uint8_t> take(call_media::Bytes packet);
  bool up() const;
  bool closed_by_peer() const;
  std::vector<std::uint8_t> close();
  /// As DtlsServer::Keys, from this side.
  pstn_webrtc::DtlsServer::Keys keys() const;

 private:
  std::vector<std::uint8_t> pending();
  ssl_st* ssl_ = nullptr;
};

class FakePage {
 public:
  enum class Way { kUdp, kUdp6, kTcp };  // the server's candidate that it takes
  explicit FakePage(Way way = Way::kUdp);
  ~FakePage();
  FakePage(const FakePage&) = delete;

  std::string offer(const std::string& direction = "sendrecv") const;
  /// ICE and DTLS with whoever wrote the answer. False: it did not work out.
  bool connect(const std::string& answer);
  /// One check; false: nobody answered it.
  bool check(bool nominates);
  /// Takes packets until `done`, and says `tone_hz` (0: silence), one frame for each that it hears. False: not within 20 s.
  bool talk(double tone_hz, const std::function<bool()>& done);
  bool hears(double hz, double says_hz = 0);
  /// Nothing but reports has come for a while. False: sound comes, for two seconds.
  bool is_silent();
  /// Takes one packet, and says a frame for it.
  void step(double tone_hz);
  /// The last frame has it.
  bool heard(double hz) const { return heard_any_ && strength_of(heard_, hz) > 0.8; }
  /// Waits until the other side has said goodbye.
  bool is_closed();
  void press(char digit);
  void close();

 private:
  void send(call_media::Bytes packet) const;
  /// One packet, at most 100 ms later; empty: none came.
  std::vector<std::uint8_t> receive();
  void take_sound(std::vector<std::uint8_t> packet);
  void say(double hz);

  const pstn_webrtc::DtlsIdentity identity_;

 public:
  /// What it names in its offer, where that shall be wrong.
  std::string fingerprint = identity_.fingerprint();

 private:
  const Way way_;
  DtlsClient dtls_;
  call_media::FrameReader frames_;
  int socket_ = -1;
  std::string their_user_, their_password_;
  std::unique_ptr<call_media::SrtpSession> protect_, unprotect_;
  std::unique_ptr<call_media::Codec> codec_;
  std::uint16_t sequence_ = 100;
  std::uint32_t timestamp_ = 5000;
  std::size_t said_ = 0;
  call_media::Frame heard_{};
  bool heard_any_ = false;
};

}  // namespace trunkline::testing
