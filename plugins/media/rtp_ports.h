// UDP sockets for RTP and RTCP from a range of ports.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "media/endpoint.h"

namespace call_media {

/// Owned. Non-blocking.
class RtpSockets {
 public:
  /// `rtcp` is -1 where RTCP goes over the same port (RFC 5761).
  /// `second` is one of the other address family with the same port, -1: there is none.
  RtpSockets(int rtp, int rtcp, std::uint16_t port, int second = -1, bool second_is_v6 = false)
      : rtp_(rtp), rtcp_(rtcp), port_(port), second_(second), second_is_v6_(second_is_v6) {}
  ~RtpSockets();
  RtpSockets(const RtpSockets&) = delete;

  int rtp() const { return rtp_; }
  int rtcp() const { return rtcp_; }
  int second() const { return second_; }
  /// The one that reaches it.
  int towards(const Endpoint& to) const { return second_ >= 0 && to.is_v6() == second_is_v6_ ? second_ : rtp_; }
  std::uint16_t port() const { return port_; }

 private:
  const int rtp_;
  const int rtcp_;
  const std::uint16_t port_;
  const int second_;
  const bool second_is_v6_;
};

/// [any-thread]
class RtpPorts {
 public:
  /// `first` is even. Errors: kInvalidArgument (an address that is not of this host shows when a pair is opened).
  RtpPorts(std::string address, std::uint16_t first, std::uint16_t last);

  /// Errors: kUnavailable when the whole range is in use, or the address is not ours.
  std::unique_ptr<RtpSockets> open();
  /// One port for both. It takes the place of a pair. `second` is an address of the other family that is served as well; empty:
  /// none.
  std::unique_ptr<RtpSockets> open_muxed(const std::string& second = {});

 private:
  std::unique_ptr<RtpSockets> open(bool muxed, const std::string& second);

  const std::string address_;
  const std::uint16_t first_;
  const std::uint16_t last_;
  std::mutex mutex_;  // guards next_
  std::uint16_t next_;
};

/// Nullopt: no IPv4 address in figures.
std::optional<sockaddr_in> ipv4_address(const std::string& address, std::uint16_t port);

}  // namespace call_media
