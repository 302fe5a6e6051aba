// Where packets go and come from, IPv4 or IPv6.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace call_media {

/// An address and a port. Trivial to copy.
class Endpoint {
 public:
  Endpoint() { v4_.sin_family = AF_INET; }
  Endpoint(const sockaddr_in& address) : v4_(address) {}
  Endpoint(const sockaddr_in6& address) : v6_(address) {}
  /// In figures. Nullopt: it is no address.
  static std::optional<Endpoint> of(const std::string& address, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) return Endpoint(v4);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) return Endpoint(v6);
    return std::nullopt;
  }

  /// The far end of a connection, as against whoever sends from the same address over UDP. 0: UDP.
  Endpoint over(std::uint32_t stream) const {
    Endpoint out = *this;
    out.stream_ = stream;
    return out;
  }
  std::uint32_t stream() const { return stream_; }

  bool is_v6() const { return base_.sa_family == AF_INET6; }
  std::uint16_t port() const { return ntohs(is_v6() ? v6_.sin6_port : v4_.sin_port); }
  void set_port(std::uint16_t port) { (is_v6() ? v6_.sin6_port : v4_.sin_port) = htons(port); }
  /// 0.0.0.0 or ::, where nothing can be sent.
  bool is_unspecified() const { return is_v6() ? IN6_IS_ADDR_UNSPECIFIED(&v6_.sin6_addr) != 0 : v4_.sin_addr.s_addr == 0; }
  bool same_host(const Endpoint& other) const {
    if (is_v6() != other.is_v6()) return false;
    return is_v6() ? std::memcmp(&v6_.sin6_addr, &other.v6_.sin6_addr, sizeof v6_.sin6_addr) == 0
                   : v4_.sin_addr.s_addr == other.v4_.sin_addr.s_addr;
  }
  bool operator==(const Endpoint& other) const { return stream_ == other.stream_ && same_host(other) && port() == other.port(); }

  // For the calls of sockets. What recvfrom fills in is at most size_of_any() bytes.
  const sockaddr* raw() const { return &base_; }
  sockaddr* raw() { return &base_; }
  socklen_t size() const { return is_v6() ? sizeof v6_ : sizeof v4_; }
  static constexpr socklen_t size_of_any() { return sizeof(sockaddr_in6); }
  /// Of IPv6, 16 bytes; of IPv4, 4.
  const std::uint8_t* bytes() const {
    return is_v6() ? v6_.sin6_addr.s6_addr : reinterpret_cast<const std::uint8_t*>(&v4_.sin_addr.s_addr);
  }
  std::size_t byte_count() const { return is_v6() ? 16 : 4; }

 private:
  union {
    sockaddr base_;
    sockaddr_in v4_;
    sockaddr_in6 v6_{};
  };
  std::uint32_t stream_ = 0;
};

}  // namespace call_media
