// A blunt HTTP client for tests: raw bytes out, parsed answers in. Knows nothing of the code under test.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/strings.h"

namespace trunkline::testing {

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

class SocketClient {
 public:
  explicit SocketClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{20, 0};  // a broken server fails the test instead of hanging it
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  SocketClient(SocketClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), buffer_(std::move(other.buffer_)) {}
  ~SocketClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  int fd() const { return fd_; }
  bool connected() const { return connected_; }
  /// False: the peer has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  /// Something (data or the end) can be read within `ms`.
  bool readable(int ms) {
    pollfd entry{fd_, POLLIN, 0};
    return !buffer_.empty() || ::poll(&entry, 1, ms) > 0;
  }
  /// True when the peer ends the connection without another byte.
  bool closed() { return buffer_.empty() && !fill(); }
  std::string read_to_end() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
  }
  std::string read_exactly(std::size_t n) {
    while (buffer_.size() < n)
      if (!fill()) throw std::runtime_error("the connection ended early, after: " + buffer_);
    std::string out = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return out;
  }
  /// `head`: the answer to a HEAD request, which has no body.
  RawResponse read_response(bool head = false) {
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) throw std::runtime_error("the connection ended before a response, after: " + buffer_);
    RawResponse out;
    const std::string text = read_exactly(end + 4);
    bool first = true;
    for (const std::string_view raw : split(std::string_view(text).substr(0, end), '\n')) {
      const std::string_view line = trim(raw);
      if (std::exchange(first, false)) {
        out.status = std::stoi(std::string(line.substr(9, 3)));
        continue;
      }
      const auto colon = line.find(':');
      out.headers[to_lower(line.substr(0, colon))] = std::string(trim(line.substr(colon + 1)));
    }
    const std::string length = out.header("content-length");
    if (!head && !length.empty()) out.body = read_exactly(std::stoul(length));
    return out;
  }
  RawResponse exchange(std::string_view request, bool head = false) {
    send(request);
    return read_response(head);
  }

 private:
  bool fill() {
    char chunk[16 * 1024];
    const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
    if (n <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool connected_ = false;
  std::string buffer_;
};

/// A request without a body.
inline std::string get(std::string_view target, std::string_view more_headers = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more_headers) + "\r\n";
}
inline std::string post(std::string_view target, std::string_view body, std::string_view more_headers = {}) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_headers) + "\r\n" + std::string(body);
}

}  // namespace trunkline::testing
