#include "media/rtp_ports.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "trunkline/error.hpp"

namespace call_media {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

/// -1: the port is taken, or errno says what else.
int bound_socket(const Endpoint& address) {
  const int fd = ::socket(address.raw()->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (const int alone = 1; address.is_v6()) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof alone);
  if (::bind(fd, address.raw(), address.size()) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

}  // namespace

RtpSockets::~RtpSockets() {
  ::close(rtp_);
  if (rtcp_ >= 0) ::close(rtcp_);
  if (second_ >= 0) ::close(second_);
}

std::optional<sockaddr_in> ipv4_address(const std::string& address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &out.sin_addr) != 1) return std::nullopt;
  return out;
}

RtpPorts::RtpPorts(std::string address, std::uint16_t first, std::uint16_t last)
    : address_(std::move(address)), first_(first), last_(last), next_(first) {
  if (first % 2 != 0 || last <= first)
    throw Error(ErrorCode::kInvalidArgument, "rtp_port_first: wanted an even port below rtp_port_last", "rtp_port_first");
  if (!Endpoint::of(address_, 0))
    throw Error(ErrorCode::kInvalidArgument, "address: found '" + address_ + "', wanted an address in figures", "address");
}

std::unique_ptr<RtpSockets> RtpPorts::open() { return open(false, {}); }
std::unique_ptr<RtpSockets> RtpPorts::open_muxed(const std::string& second) { return open(true, second); }

std::unique_ptr<RtpSockets> RtpPorts::open(bool muxed, const std::string& second) {
  const std::lock_guard lock(mutex_);
  const int pairs = (last_ - first_ + 1) / 2;
  for (int i = 0; i < pairs; ++i) {
    const std::uint16_t port = next_;
    next_ = static_cast<std::uint16_t>(next_ + 2);
    if (next_ >= last_) next_ = first_;
    const int rtp = bound_socket(*Endpoint::of(address_, port));
    if (rtp < 0) {
      if (errno == EADDRINUSE) continue;
      throw Error(ErrorCode::kUnavailable, "no RTP socket at " + address_ + ": " + std::strerror(errno), "address");
    }
    if (muxed && second.empty()) return std::make_unique<RtpSockets>(rtp, -1, port);
    if (muxed) {
      const auto other = Endpoint::of(second, port);
      const int both = other ? bound_socket(*other) : -1;
      if (both >= 0) return std::make_unique<RtpSockets>(rtp, -1, port, both, other->is_v6());
      const int why = other ? errno : EINVAL;
      ::close(rtp);
      if (why == EADDRINUSE) continue;
      throw Error(ErrorCode::kUnavailable, "no RTP socket at " + second + ": " + std::strerror(why), "address");
    }
    const int rtcp = bound_socket(*Endpoint::of(address_, static_cast<std::uint16_t>(port + 1)));
    if (rtcp >= 0) return std::make_unique<RtpSockets>(rtp, rtcp, port);
    ::close(rtp);
  }
  throw Error(ErrorCode::kUnavailable,
              "all RTP ports from " + std::to_string(first_) + " to " + std::to_string(last_) + " are in use", "rtp_port_first");
}

}  // namespace call_media
