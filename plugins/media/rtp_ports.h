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
  RtpSockets(int rtp, int rtcp, std::uint16_t port) : rtp_(rtp), rtcp_(rtcp), port_(port) {}
  ~RtpSockets();
  RtpSockets(const RtpSockets&) = delete;

  int rtp() const { return rtp_; }
  int rtcp() const { return rtcp_; }
  std::uint16_t port() const { return port_; }

 private:
  const int rtp_;
  const int rtcp_;
  const std::uint16_t port_;
};

/// [any-thread]
class RtpPorts {
 public:
  /// `first` is even. Errors: kInvalidArgument (an address that is not of this host shows when a pair is opened).
  RtpPorts(std::string address, std::uint16_t first, std::uint16_t last);

  /// Errors: kUnavailable when the whole range is in use, or the address is not ours.
  std::unique_ptr<RtpSockets> open();
  /// One port for both. It takes the place of a pair.
  std::unique_ptr<RtpSockets> open_muxed();

 private:
  std::unique_ptr<RtpSockets> open(bool muxed);

  const std::string address_;
  const std::uint16_t first_;
  const std::uint16_t last_;
  std::mutex mutex_;  // guards next_
  std::uint16_t next_;
};

/// Nullopt: no IPv4 address in figures.
std::optional<sockaddr_in> ipv4_address(const std::string& address, std::uint16_t port);

}  // namespace call_media
