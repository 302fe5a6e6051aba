#include "tcp_gate.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "media/stun.h"

namespace pstn_webrtc {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

constexpr int kBacklog = 64;
constexpr int kSendBuffer = 16 * 1024;  // a second or two of sound: what is older is of no use to anybody

int listen_at(const std::string& address, std::uint16_t port) {
  const auto here = Endpoint::of(address, port);
  const int fd = here ? ::socket(here->raw()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (here->is_v6()) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, here->raw(), here->size()) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

}  // namespace

TcpGate::TcpGate(const std::vector<std::string>& addresses, std::uint16_t port, std::size_t most)
    : port_(port), most_(most), wanted_(addresses) {
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  const itimerspec second{{1, 0}, {1, 0}};
  if (wake_ < 0 || timer_ < 0 || ::timerfd_settime(timer_, 0, &second, nullptr) != 0) {
    close_all();
    throw Error(ErrorCode::kUnavailable, std::string("ICE over TCP: ") + std::strerror(errno), "ice_tcp_port");
  }
  try {
    listen(false);
  } catch (...) {
    close_all();
    throw;
  }
  had_to_wait_ = !wanted_.empty();
  thread_ = std::thread([this] { run(); });
}

void TcpGate::listen(bool again) {
  std::vector<std::string> left;
  for (const std::string& address : wanted_) {
    if (const int fd = listen_at(address, port_); fd >= 0)
      listeners_.push_back(fd);
    else if (again || errno == EADDRINUSE)
      left.push_back(address);
    else
      throw Error(
          ErrorCode::kUnavailable,
          "ice_tcp_port: nobody can listen at " + address + ", port " + std::to_string(port_) + ": " + std::strerror(errno),
          "ice_tcp_port");
  }
  wanted_ = std::move(left);
}

TcpGate::~TcpGate() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  thread_.join();
  close_all();
}

void TcpGate::close_all() {
  for (const auto& one : unknown_)
    if (one->fd >= 0) ::close(one->fd);
  unknown_.clear();
  for (const int fd : listeners_) ::close(fd);
  listeners_.clear();
  for (const int fd : {wake_, timer_})
    if (fd >= 0) ::close(fd);
}

void TcpGate::admit(const std::string& user, std::string password, Taken taken) {
  const std::lock_guard lock(mutex_);
  sessions_.insert_or_assign(user, Session{std::move(password), std::move(taken)});
}

void TcpGate::forget(const std::string& user) {
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(user); found != sessions_.end()) sessions_.erase(found);
}

void TcpGate::run() {
  for (;;) {
    std::vector<pollfd> waits{{wake_, POLLIN, 0}, {timer_, POLLIN, 0}};
    if (!resting_)
      for (const int fd : listeners_) waits.push_back({fd, POLLIN, 0});
    const std::size_t first = waits.size();
    for (const auto& one : unknown_) waits.push_back({one->fd, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[0].revents != 0) return;
    std::uint64_t seconds = 0;
    if (waits[1].revents != 0 && ::read(timer_, &seconds, sizeof seconds) != sizeof seconds) seconds = 0;
    for (std::size_t i = 0; i + first < waits.size(); ++i) {
      Unknown& one = *unknown_[i];
      one.age += static_cast<int>(seconds);
      const bool stays = (waits[first + i].revents == 0 || hear(one)) && one.age <= kPatienceSeconds;
      if (stays) continue;
      if (one.fd >= 0) ::close(std::exchange(one.fd, -1));
    }
    std::erase_if(unknown_, [](const auto& one) { return one->fd < 0; });
    if (seconds > 0) resting_ = false;
    for (std::size_t i = 2; i < first; ++i)
      if (waits[i].revents != 0) accept_from(waits[i].fd);
    if (seconds > 0 && !wanted_.empty()) listen(true);
  }
}

void TcpGate::accept_from(int listener) {
  Endpoint peer;
  socklen_t length = Endpoint::size_of_any();
  const int fd = ::accept4(listener, peer.raw(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    // Out of descriptors or memory: who waits to be accepted goes on waiting, and is no reason to ask at once again.
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) resting_ = true;
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
  if (unknown_.size() == kMaxUnknown) {
    ::close(unknown_.front()->fd);
    unknown_.erase(unknown_.begin());
  }
  auto one = std::make_unique<Unknown>();
  one->fd = fd;
  one->peer = peer;
  unknown_.push_back(std::move(one));
}

bool TcpGate::hear(Unknown& one) {
  const std::span<std::uint8_t> space = one.reader.space();
  const ssize_t got = ::recv(one.fd, space.data(), space.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  one.reader.filled(static_cast<std::size_t>(got));
  const auto packet = one.reader.front();
  if (!packet) return !one.reader.broken();
  identify(one, *packet);
  return false;
}

/// The packet stays where it is: the session answers it.
bool TcpGate::identify(Unknown& one, Bytes packet) {
  const std::string_view claimed = claimed_user(packet);
  Taken taken;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(claimed.substr(0, claimed.find(':')));
    if (found == sessions_.end() || !parse_check(packet, found->second.password)) return false;
    taken = found->second.taken;
  }
  if (open_->load() >= most_) return false;
  if (++last_stream_ == 0) ++last_stream_;
  auto path = std::make_unique<TcpPath>(std::exchange(one.fd, -1), one.peer.over(last_stream_), one.reader, open_);
  taken(std::make_shared<std::unique_ptr<TcpPath>>(std::move(path)));
  return true;
}

}  // namespace pstn_webrtc
