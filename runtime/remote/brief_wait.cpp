#include "runtime/remote/brief_wait.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace trunkline::remote {
namespace {

constexpr std::timespec kLongestSleep{0, 20'000'000};

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const std::timespec* timeout) {
  return ::syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
}

}  // namespace

ssize_t BriefWait::receive(int socket, std::span<char> room, Pulse::Side& mine, Pulse::Side& other, bool likely,
                           bool under_load) {
  ssize_t got = 0;
  const bool came = take(mine, other, likely, under_load, [&] {
    got = ::recv(socket, room.data(), room.size(), MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  });
  if (!came) {
    got = ::recv(socket, room.data(), room.size(), 0);
    const int error = errno;
    woke(mine);
    errno = error;
  }
  more_ = got < 0 || static_cast<std::size_t>(got) == room.size();
  return got;
}

bool BriefWait::sleep(Pulse::Side& mine, Pulse::Side& other) {
  ++sleeps_;
  mine.waits.store(Pulse::Side::kForWord);  // before the kernel compares: whoever sends reads it after it has counted
  futex(other.sent, FUTEX_WAIT, seen_, &kLongestSleep);
  mine.waits.store(Pulse::Side::kInSocket, std::memory_order_relaxed);
  mine.core.store(this_core(), std::memory_order_relaxed);
  return changed(other);
}

void BriefWait::wake(Pulse::Side& mine) { futex(mine.sent, FUTEX_WAKE, 1, nullptr); }

int BriefWait::this_core() { return ::sched_getcpu(); }

}  // namespace trunkline::remote
