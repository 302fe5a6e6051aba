// The handshake that keys the sound (DTLS-SRTP, RFC 5764), as the server of it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "media/rtp.h"
#include "trunkline/error.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace pstn_webrtc {

using call_media::Bytes;
using trunkline::Duration;

/// Key and certificate of a provider: new whenever it starts, since descriptions name them anew for each session. Immutable;
/// [any-thread].
class DtlsIdentity {
 public:
  /// Errors: kInternal.
  DtlsIdentity();
  ~DtlsIdentity();
  DtlsIdentity(const DtlsIdentity&) = delete;

  /// `sha-256 AB:CD:…`, for descriptions.
  const std::string& fingerprint() const { return fingerprint_; }
  ssl_ctx_st* context() const { return context_; }

 private:
  ssl_ctx_st* context_ = nullptr;
  std::string fingerprint_;
};

/// One session's. What the other side proves with its certificate is that it wrote the description whose fingerprint is given;
/// nobody vouches for certificates here. One thread.
class DtlsServer {
 public:
  enum class State { kHandshaking, kUp, kFailed, kClosed };
  using Send = std::function<void(Bytes packet)>;

  /// `hash` is sha-256, sha-384 or sha-512, `fingerprint` its bytes. `send` gets packets, from within the other members.
  DtlsServer(const DtlsIdentity& identity, std::string hash, std::string fingerprint, Send send);
  ~DtlsServer();
  DtlsServer(const DtlsServer&) = delete;

  State state() const { return state_; }
  /// Why it failed, for the log.
  const std::string& problem() const { return problem_; }
  /// A packet of the other side.
  State take(Bytes packet);
  /// When the last flight has to be sent again if nothing comes; nullopt: there is none.
  std::optional<Duration> resend_in() const;
  State resend();
  /// Says goodbye. Idempotent.
  void close();

  /// Of SRTP: 30 bytes each, master key and salt. While it is up.
  struct Keys {
    std::string send, receive;
  };
  Keys keys() const;

 private:
  State advance();
  State fail(std::string problem);
  bool is_expected_peer() const;

  const std::string hash_;
  const std::string fingerprint_;
  const Send send_;
  ssl_st* ssl_ = nullptr;
  State state_ = State::kHandshaking;
  std::string problem_;
};

}  // namespace pstn_webrtc
