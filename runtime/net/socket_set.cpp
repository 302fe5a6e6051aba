#include "runtime/net/socket_set.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace trunkline::net {
namespace asio = boost::asio;

namespace {

// Few: while these are looked at, the peers work on the requests of all the others. Many would leave them with nothing to do, and
// it costs much to wake them.
constexpr int kRound = 16;
// Then others of the io_context get their turn.
constexpr int kRounds = 16;

int make_epoll() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return epoll;
}

}  // namespace

SocketSet::SocketSet(asio::io_context& io) : epoll_(io, make_epoll()) {}

SocketSet::~SocketSet() = default;

bool SocketSet::add(int socket, Member& member) {
  if (!epoll_.is_open()) return false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &member;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) != 0) return false;
  if (!std::exchange(waiting_, true)) wait();
  return true;
}

void SocketSet::remove(int socket, Member& member) {
  if (epoll_.is_open()) ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, socket, nullptr);
  std::for_each(next_, end_, [&](epoll_event& event) {
    if (event.data.ptr == &member) event.data.ptr = nullptr;
  });
  std::replace(deferred_.begin(), deferred_.end(), &member, static_cast<Member*>(nullptr));
}

bool SocketSet::defer(Member& member) {
  if (!in_round_) return false;
  deferred_.push_back(&member);
  return true;
}

void SocketSet::after_events(UniqueFunction<void()> fn) {
  if (!in_round_) return fn();
  after_.push_back(std::move(fn));
}

void SocketSet::stop() {
  boost::system::error_code ignored;
  epoll_.close(ignored);
}

void SocketSet::wait() {
  epoll_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& ec) {
    if (!ec) look();
  });
}

void SocketSet::look() {
  std::array<epoll_event, kRound> events;
  for (int round = 0; round < kRounds && epoll_.is_open(); ++round) {
    const int count = ::epoll_wait(epoll_.native_handle(), events.data(), kRound, 0);
    if (count <= 0) break;
    next_ = events.data();
    end_ = next_ + count;
    in_round_ = true;
    while (next_ != end_) {
      const epoll_event event = *next_++;
      if (event.data.ptr != nullptr) static_cast<Member*>(event.data.ptr)->ready(event.events);
    }
    next_ = end_ = nullptr;
    finish_round();
    in_round_ = false;
  }
  if (epoll_.is_open()) wait();
}

/// What runs here may end connections, which brings about more of the same.
void SocketSet::finish_round() {
  do {
    for (std::size_t i = 0; i < after_.size(); ++i) {
      UniqueFunction<void()> fn = std::move(after_[i]);
      fn();
    }
    after_.clear();
    flush();
  } while (!after_.empty());
}

void SocketSet::flush() {
  for (std::size_t i = 0; i < deferred_.size(); ++i)
    if (Member* const member = deferred_[i]) member->flush();
  deferred_.clear();
}

}  // namespace trunkline::net
