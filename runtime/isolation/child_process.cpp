#include "runtime/isolation/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <vector>

#include "runtime/base/beside.h"
#include "runtime/isolation/options.h"
#include "trunkline/error.hpp"

namespace trunkline::isolation {
namespace {

[[noreturn]] void cannot_start(const std::string& what, int error) {
  throw std::move(Error(ErrorCode::kUnavailable, "cannot " + what + ": " + std::generic_category().message(error))).with_retry();
}

/// Above the numbers that the new process gives its own descriptors, so that none of them is overwritten while it is made.
int out_of_the_way(int descriptor) {
  constexpr int kFirst = 10;
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirst);
  const int error = errno;
  ::close(descriptor);
  if (moved < 0) cannot_start("copy a descriptor", error);
  return moved;
}

/// Of the environment, what is no secret of the application.
std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (const char* name : {"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
                           "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* const value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  return out;
}

std::string signal_name(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  return name ? std::string("SIG") + name : std::string("unknown");
}

}  // namespace

std::string ProcessEnd::text() const {
  if (signal) return "ended by signal " + std::to_string(*signal) + " (" + signal_name(*signal) + ")";
  if (exit_status) return "ended with exit status " + std::to_string(*exit_status);
  return "ended";
}

ChildProcess::ChildProcess(const std::filesystem::path& program) {
  if (program.empty())
    throw Error(ErrorCode::kFailedPrecondition,
                "the program trunkline-plugin-host is not there: wanted beside the runtime, in ../bin or in ../lib/trunkline");
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) cannot_start("make a socket", errno);
  socket_ = sockets[0];
  const int theirs = out_of_the_way(sockets[1]);
  const int page = out_of_the_way(static_cast<int>(::memfd_create("trunkline-pulse", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  map_pulse(page);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // what a plugin prints is no output of ours
  ::posix_spawn_file_actions_adddup2(&actions, theirs, remote::kSocketDescriptor);
  ::posix_spawn_file_actions_adddup2(&actions, page, remote::kPulseDescriptor);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // A group of its own: what a terminal sends to us is ours to pass on.
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string name = program.string();
  std::array<char*, 2> arguments = {name.data(), nullptr};
  std::vector<std::string> variables = environment();
  std::vector<char*> pointers;
  for (std::string& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  const int failed = ::posix_spawn(&pid_, name.c_str(), &actions, &attributes, arguments.data(), pointers.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  ::close(theirs);
  ::close(page);
  if (failed != 0) {
    ::close(socket_);
    ::munmap(pulse_, remote::Pulse::kBytes);
    cannot_start("start " + name, failed);
  }
  process_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

void ChildProcess::map_pulse(int descriptor) {
  if (::ftruncate(descriptor, remote::Pulse::kBytes) != 0) cannot_start("make a page to share", errno);
  // Whoever has the page cannot take it from under us: what is beyond the end of a file is a SIGBUS.
  if (::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    cannot_start("seal a page to share", errno);
  void* const at = ::mmap(nullptr, remote::Pulse::kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) cannot_start("share a page", errno);
  pulse_ = static_cast<remote::Pulse*>(at);
}

ChildProcess::~ChildProcess() {
  wait(std::chrono::milliseconds(0));
  if (socket_ >= 0) ::close(socket_);
  if (process_ >= 0) ::close(process_);
  ::munmap(pulse_, remote::Pulse::kBytes);
}

int ChildProcess::take_socket() { return std::exchange(socket_, -1); }

// By its descriptor, because its number may be somebody else's once it has been waited for.
void ChildProcess::kill() const {
  if (process_ >= 0)
    ::syscall(SYS_pidfd_send_signal, process_, SIGKILL, nullptr, 0);
  else
    ::kill(pid_, SIGKILL);
}

const ProcessEnd& ChildProcess::wait(std::chrono::milliseconds patience) {
  if (end_) return *end_;
  if (process_ >= 0) {
    pollfd poller{process_, POLLIN, 0};
    while (::poll(&poller, 1, static_cast<int>(patience.count())) < 0 && errno == EINTR) continue;
  }
  ProcessEnd& end = end_.emplace();
  int status = 0;
  // One that has ended by itself keeps how it did.
  kill();
  pid_t got = 0;
  while ((got = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) continue;
  if (got == pid_) {  // else somebody else in this process has waited for it
    if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
    if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  }
  return end;
}

std::filesystem::path find_program() { return find_beside("trunkline-plugin-host"); }

}  // namespace trunkline::isolation
