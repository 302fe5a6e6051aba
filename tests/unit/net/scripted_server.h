// A server for tests of clients: does with each connection what it is told, byte by byte. Knows nothing of the code under test.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace trunkline::testing {

/// One accepted connection, in the hands of the script.
class ScriptedConnection {
 public:
  explicit ScriptedConnection(int fd) : fd_(fd) {
    const timeval limit{20, 0};  // a broken client fails the test instead of hanging it
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  /// Head and body (by Content-Length) of the next request; empty: the client has gone.
  std::string read_request() {
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return "";
    std::size_t size = end + 4;
    if (const auto at = buffer_.find("Content-Length: "); at < end) size += std::strtoul(buffer_.c_str() + at + 16, nullptr, 10);
    while (buffer_.size() < size)
      if (!fill()) return "";
    std::string request = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return request;
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  int fd() const { return fd_; }
  /// Until the client closes.
  void wait_for_end() {
    while (fill()) buffer_.clear();
  }
  /// The connection ends with a reset instead of properly, once the script is through.
  void reset_at_end() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  bool fill() {
    char chunk[16 * 1024];
    const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
    if (n <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(n));
    return true;
  }
  const int fd_;
  std::string buffer_;
};

/// Runs `script` for each connection, in a thread of its own; the connection is closed when it returns.
class ScriptedServer {
 public:
  using Script = std::function<void(ScriptedConnection&, int number)>;  // number: of the connection, from 0

  explicit ScriptedServer(Script script) : script_(std::move(script)), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_, 64);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  /// Ends open connections as well.
  ~ScriptedServer() {
    ::shutdown(fd_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(fd_);
  }
  std::string url(const std::string& path = "/hook") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  int connections() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  void accept() {
    for (int fd; (fd = ::accept(fd_, nullptr, nullptr)) >= 0;) {
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd, number = count_++] {
        ScriptedConnection connection(fd);
        script_(connection, number);
        const std::lock_guard inner(mutex_);
        open_.remove(fd);
        ::close(fd);
      });
    }
  }
  const Script script_;
  const int fd_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  int count_ = 0;
  std::list<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace trunkline::testing
