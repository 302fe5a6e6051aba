#include "runtime/app/kit_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <system_error>

#include "trunkline/error.hpp"

namespace trunkline::app {
namespace {

using conformance::CheckResult;
using conformance::Outcome;

void tell(std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(kKitWorkerDescriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody listens
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void cannot(const char* what, int error) {
  throw Error(ErrorCode::kInternal, std::string("the kit cannot ") + what + ": " + std::generic_category().message(error));
}

/// One child and the pipe on which it talks.
class Worker {
 public:
  Worker(const KitSupervision& run, std::size_t skip) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) cannot("make a pipe", errno);
    std::vector<std::string> arguments{run.program};
    arguments.insert(arguments.end(), run.arguments.begin(), run.arguments.end());
    arguments.insert(arguments.end(), {"--skip-first", std::to_string(skip)});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe[1], kKitWorkerDescriptor);
    ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // what a plugin prints is not the report
    const int error = ::posix_spawn(&pid_, run.program.c_str(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    if (error != 0) {
      ::close(pipe[0]);
      cannot("start a worker", error);
    }
    read_ = pipe[0];
  }
  Worker(const Worker&) = delete;
  ~Worker() {
    ::close(read_);
    if (pid_ > 0) wait();
  }

  /// The next line; nullopt: it has ended. Sets `hung` when `limit` passes first.
  std::optional<std::string> line(std::chrono::seconds limit, bool& hung) {
    for (;;) {
      if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
        std::string out = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return out;
      }
      pollfd wanted{read_, POLLIN, 0};
      const int ready = ::poll(&wanted, 1, static_cast<int>(std::chrono::milliseconds(limit).count()));
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) {
        hung = true;
        return std::nullopt;
      }
      std::array<char, 4096> piece{};
      const ssize_t got = ::read(read_, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return std::nullopt;
      buffer_.append(piece.data(), static_cast<std::size_t>(got));
    }
  }
  void kill() { ::kill(pid_, SIGKILL); }
  /// How it ended, for people.
  std::string wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFSIGNALED(status))
      return std::string("died of signal ") + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
    return "ended with exit code " + std::to_string(WEXITSTATUS(status));
  }

 private:
  pid_t pid_ = -1;
  int read_ = -1;
  std::string buffer_;
};

}  // namespace

void tell_start(const std::string& check) { tell("start " + check); }
void tell_end(const CheckResult& result) { tell("end " + conformance::to_line(result)); }

std::vector<CheckResult> supervise(const KitSupervision& run, const std::function<void(const CheckResult&)>& ended) {
  std::vector<CheckResult> results;
  const auto add = [&](CheckResult result) {
    ended(result);
    results.push_back(std::move(result));
  };
  while (results.size() < run.checks.size()) {
    Worker worker(run, results.size());
    std::string current;
    bool hung = false;
    const std::size_t before = results.size();
    while (const auto line = worker.line(run.limit, hung)) {
      if (line->starts_with("start ")) current = line->substr(6);
      if (line->starts_with("end ")) {
        add(conformance::from_line(std::string_view(*line).substr(4)));
        current.clear();
      }
    }
    if (hung) worker.kill();
    const std::string end = worker.wait();
    if (results.size() == run.checks.size()) break;
    if (current.empty() && results.size() == before)
      throw Error(ErrorCode::kInternal, "a worker of the kit " + end + " before its first check");
    CheckResult lost;
    lost.name = current.empty() ? run.checks[results.size()] : current;
    lost.outcome = Outcome::kFailed;
    lost.detail =
        hung ? "the process hung: nothing came of it within " + std::to_string(run.limit.count()) + " s, and it was killed"
             : "the process " + end;
    add(std::move(lost));
  }
  return results;
}

}  // namespace trunkline::app
