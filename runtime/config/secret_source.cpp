#include "runtime/config/secret_source.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "runtime/base/strings.h"

extern char** environ;

namespace trunkline {
namespace {

constexpr std::size_t kMaxSecret = 64 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

Error failure(const SecretRef& ref, std::string message, ErrorCode code = ErrorCode::kFailedPrecondition) {
  return {code, ref.path + ": " + std::move(message), ref.path};
}

void drop_line_end(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

// Reads to the end of file. False with `reason` when that fails or gives too much. `wait` says whether to go on before each read.
template <class Wait>
bool read_all(int fd, std::string& out, std::string& reason, Wait wait) {
  char buffer[4096];
  while (wait()) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n == 0) return true;
    if (n < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      reason = std::strerror(errno);
      return false;
    }
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > kMaxSecret) {
      reason = "gives more than " + std::to_string(kMaxSecret) + " bytes";
      return false;
    }
  }
  return false;
}

std::string read_file(const SecretRef& ref) {
  const Descriptor file(open(ref.source.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text, reason;
  if (file.get() < 0) throw failure(ref, "cannot read the file " + ref.source + ": " + std::strerror(errno));
  if (!read_all(file.get(), text, reason, [] { return true; })) throw failure(ref, "the file " + ref.source + ": " + reason);
  return text;
}

// A child whose standard output we read; killed and reaped when this goes.
class Child {
 public:
  Child(const SecretRef& ref, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0);  // a group of its own, so that a timeout ends its children too
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::vector<char*> argv;
    for (const std::string& argument : ref.command) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int error = posix_spawnp(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      pid_ = -1;
      throw failure(ref, "cannot start " + ref.command[0] + ": " + std::strerror(error));
    }
  }
  Child(const Child&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    kill(-pid_, SIGKILL);
    wait();
  }
  // The exit status as of waitpid; once.
  int wait() {
    int status = -1;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

std::string run_command(const SecretRef& ref) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw failure(ref, std::string("pipe: ") + std::strerror(errno));
  const Descriptor output(ends[0]);
  Descriptor input(ends[1]);
  Child child(ref, input.get());
  input.reset();
  // Real time: this waits for a process, not for anything of the runtime.
  const auto deadline = std::chrono::steady_clock::now() + ref.timeout;
  std::string text, reason;
  const auto in_time = [&] {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd wanted{output.get(), POLLIN, 0};
    return left > 0 && (poll(&wanted, 1, static_cast<int>(std::min<long>(left, 60'000))) >= 0 || errno == EINTR) &&
           std::chrono::steady_clock::now() < deadline;
  };
  fcntl(output.get(), F_SETFL, O_NONBLOCK);  // poll may wake for nothing
  if (!read_all(output.get(), text, reason, in_time)) {
    if (reason.empty()) throw failure(ref, ref.command[0] + " took longer than its timeout", ErrorCode::kDeadlineExceeded);
    throw failure(ref, ref.command[0] + ": " + reason);
  }
  const int status = child.wait();
  if (!WIFEXITED(status)) throw failure(ref, ref.command[0] + " was ended by a signal");
  if (WEXITSTATUS(status) != 0) throw failure(ref, ref.command[0] + " ended with status " + std::to_string(WEXITSTATUS(status)));
  return text;
}

bool is_program(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

SecretSource::SecretSource(Environment environment) : environment_(std::move(environment)) {
  if (environment_) return;
  environment_ = [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

Secret SecretSource::resolve(const SecretRef& ref) const {
  std::string text;
  switch (ref.kind) {
    case SecretRef::Kind::kNone:
      return {};
    case SecretRef::Kind::kValue:
      return ref.value;
    case SecretRef::Kind::kEnv: {
      auto value = environment_(ref.source);
      if (!value) throw failure(ref, "the environment variable " + ref.source + " is not set");
      text = std::move(*value);
      break;
    }
    case SecretRef::Kind::kFile:
      text = read_file(ref);
      break;
    case SecretRef::Kind::kCommand:
      text = run_command(ref);
      break;
  }
  if (ref.kind != SecretRef::Kind::kEnv) drop_line_end(text);
  if (text.empty()) throw failure(ref, "the secret is empty");
  return Secret(std::move(text));
}

std::string SecretSource::check(const SecretRef& ref) const {
  switch (ref.kind) {
    case SecretRef::Kind::kNone:
      return {};
    case SecretRef::Kind::kValue:
      return ref.value.empty() ? "the value is empty" : "";
    case SecretRef::Kind::kEnv: {
      const auto value = environment_(ref.source);
      if (!value) return "the environment variable " + ref.source + " is not set";
      return value->empty() ? "the environment variable " + ref.source + " is empty" : "";
    }
    case SecretRef::Kind::kFile:
      return access(ref.source.c_str(), R_OK) == 0 ? "" : "cannot read the file " + ref.source + ": " + std::strerror(errno);
    case SecretRef::Kind::kCommand: {
      const std::string& program = ref.command[0];
      if (program.find('/') != std::string::npos) return is_program(program) ? "" : "there is no program " + program;
      const std::string path = environment_("PATH").value_or("/usr/bin:/bin");
      for (const std::string_view directory : split(path, ':'))
        if (is_program(std::string(directory) + '/' + program)) return {};
      return "there is no program " + program + " on the PATH";
    }
  }
  return {};
}

}  // namespace trunkline
