#include "runtime/script/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "runtime/script/protocol.h"

namespace trunkline::script {
namespace {

std::int64_t now_ms() {
  // Patience with a process that may hang is wall time.
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Worker::Worker(const std::filesystem::path& program) {
  // A socket pair, so that writing to a process that is gone is an error and not a signal.
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0)
    throw Failure(Failure::Reason::kWorker, std::string("cannot make a socket for a script: ") + std::strerror(errno));
  socket_ = sockets[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], STDOUT_FILENO);
  // Nothing of the environment: it may hold secrets. Clocks of scripts show UTC, wherever the machine is.
  std::string name = program.string(), zone = "TZ=UTC";
  std::array<char*, 2> arguments = {name.data(), nullptr};
  std::array<char*, 2> environment = {zone.data(), nullptr};
  const int failed = ::posix_spawn(&pid_, name.c_str(), &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(sockets[1]);
  if (failed != 0) {
    ::close(socket_);
    pid_ = -1;
    throw Failure(Failure::Reason::kWorker, "cannot start '" + name + "': " + std::strerror(failed));
  }
}

Worker::~Worker() {
  end();
  ::close(socket_);
}

void Worker::interrupt() { ::shutdown(socket_, SHUT_RDWR); }

void Worker::end() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool Worker::exchange(char* data, std::size_t size, bool writing, std::int64_t until_ms) {
  while (size > 0) {
    const std::int64_t left = until_ms - now_ms();
    if (left <= 0) lost(true);
    pollfd poller{socket_, static_cast<short>(writing ? POLLOUT : POLLIN), 0};
    const int ready = ::poll(&poller, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) lost(true);
    const ssize_t moved =
        writing ? ::send(socket_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) : ::recv(socket_, data, size, MSG_DONTWAIT);
    if (moved < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (moved <= 0) lost(false);
    data += moved;
    size -= static_cast<std::size_t>(moved);
  }
  return true;
}

void Worker::lost(bool timed_out) {
  int status = 0;
  // One that has ended by itself keeps its exit code.
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  if (timed_out) throw Failure(Failure::Reason::kTimedOut, "The script ran longer than it may.");
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitOutOfMemory)
    throw Failure(Failure::Reason::kOutOfMemory, "The script took more memory than it may.");
  throw Failure(Failure::Reason::kWorker, "The process of the script ended unexpectedly.");
}

std::string Worker::ask(std::string_view request, Duration patience, std::size_t max_answer) {
  ++runs_;
  const std::int64_t until = now_ms() + std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
  std::string frame(sizeof(std::uint32_t), '\0');
  const auto size = static_cast<std::uint32_t>(request.size());
  std::memcpy(frame.data(), &size, sizeof size);
  frame += request;
  exchange(frame.data(), frame.size(), true, until);
  std::uint32_t length = 0;
  exchange(reinterpret_cast<char*>(&length), sizeof length, false, until);
  if (length > max_answer) {
    end();
    throw Failure(Failure::Reason::kTooLong, "The result of the script is longer than it may be.");
  }
  std::string answer(length, '\0');
  exchange(answer.data(), answer.size(), false, until);
  return answer;
}

}  // namespace trunkline::script
