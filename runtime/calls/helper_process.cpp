#include "runtime/calls/helper_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace trunkline::calls {
namespace {

using Wall = std::chrono::steady_clock;

class File {
 public:
  explicit File(int fd = -1) : fd_(fd) {}
  ~File() { close(); }
  File(const File&) = delete;
  int get() const { return fd_; }
  void reset(int fd) {
    close();
    fd_ = fd;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

/// A child and whoever it starts. Gone after the destructor.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  ~Child() { end(); }

  void limit(const HelperLimits& limits) const {
    const rlimit memory{limits.memory, limits.memory}, none{0, 0};
    ::prlimit(pid_, RLIMIT_AS, &memory, nullptr);
    ::prlimit(pid_, RLIMIT_CORE, &none, nullptr);
  }
  /// Of its exit, as waitpid() gives it. Kills what is left of the group.
  int end() {
    if (pid_ < 0) return status_;
    ::kill(-pid_, SIGKILL);
    wait();
    return status_;
  }
  /// It is about to end by itself. False: it was not. Throws kUnavailable when how it ended cannot be known.
  bool wait_until(Wall::time_point until) {
    for (;;) {
      siginfo_t ended{};
      // It stays a zombie, so that its number is nobody else's when the group is killed.
      const int got = ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
      if (got == 0 && ended.si_pid == pid_) {
        end();
        return true;
      }
      if (got < 0 && errno != EINTR) {
        const int why = errno;
        pid_ = -1;  // somebody else in this process waited for it: the number may be another's by now
        throw Error(ErrorCode::kUnavailable, std::string("what became of a helper is not known: ") + std::strerror(why));
      }
      if (Wall::now() >= until) return false;
      ::poll(nullptr, 0, 2);
    }
  }

 private:
  void wait() {
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  pid_t pid_;
  int status_ = 0;
};

[[noreturn]] void fail(const std::filesystem::path& program, int error) {
  throw Error(ErrorCode::kUnavailable, "cannot start " + program.string() + ": " + std::strerror(error));
}

pid_t spawn(const std::filesystem::path& program, std::vector<std::string>& arguments, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // Not every library asks for close-on-exec: the sockets of Asio would outlive their connections in it.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string name = program.string(), language = "LC_ALL=C.UTF-8", path = "PATH=/usr/bin:/bin";
  std::vector<char*> argv = {name.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::array<char*, 3> environment = {language.data(), path.data(), nullptr};
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, name.c_str(), &actions, &attributes, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) fail(program, failed);
  return pid;
}

}  // namespace

HelperOutcome run_helper(const std::filesystem::path& program, std::vector<std::string> arguments, std::string_view input,
                         const HelperLimits& limits) {
  // A socket, so that writing to a process that is gone is an error and not a signal.
  std::array<int, 2> in{}, out{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in.data()) != 0) fail(program, errno);
  File to_child(in[0]), child_in(in[1]);
  if (::pipe2(out.data(), O_CLOEXEC) != 0) fail(program, errno);
  File from_child(out[0]), child_out(out[1]);
  Child child(spawn(program, arguments, child_in.get(), child_out.get()));
  child_in.close();
  child_out.close();
  // It waits for its input, which has not been written.
  child.limit(limits);
  ::fcntl(from_child.get(), F_SETFL, O_NONBLOCK);
  const Wall::time_point until = Wall::now() + limits.patience;
  HelperOutcome outcome;
  std::array<char, 65536> block{};
  for (bool reading = true; reading;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Wall::now()).count();
    if (left <= 0) {
      outcome.end = HelperOutcome::End::kTimedOut;
      return outcome;
    }
    if (input.empty()) to_child.close();
    std::array<pollfd, 2> wanted = {{{from_child.get(), POLLIN, 0}, {to_child.get(), POLLOUT, 0}}};
    if (::poll(wanted.data(), to_child.get() < 0 ? 1 : 2, static_cast<int>(left)) <= 0) continue;
    if (to_child.get() >= 0 && wanted[1].revents != 0) {
      const ssize_t sent = ::send(to_child.get(), input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0)
        input.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno != EAGAIN && errno != EINTR)
        input = {};  // it has read enough
    }
    if (wanted[0].revents == 0) continue;
    const ssize_t got = ::read(from_child.get(), block.data(), block.size());
    if (got > 0)
      outcome.output.append(block.data(), static_cast<std::size_t>(got));
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
      reading = false;
    if (outcome.output.size() > limits.most_output) {
      outcome.end = HelperOutcome::End::kTooMuch;
      return outcome;
    }
  }
  if (!child.wait_until(until)) {
    outcome.end = HelperOutcome::End::kTimedOut;
    return outcome;
  }
  const int status = child.end();
  outcome.end = WIFSIGNALED(status) ? HelperOutcome::End::kSignal : HelperOutcome::End::kExit;
  outcome.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return outcome;
}

}  // namespace trunkline::calls
