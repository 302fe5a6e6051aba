// The process of a plugin, seen from its host.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "runtime/remote/pulse.h"

namespace trunkline::isolation {

/// How a process has ended.
struct ProcessEnd {
  std::optional<int> exit_status;
  std::optional<int> signal;
  /// `ended by signal 11 (SIGSEGV)`
  std::string text() const;
};

/// Started in the constructor, gone after the destructor. One thread at a time but for kill() and pulse().
class ChildProcess {
 public:
  /// Throws kUnavailable when it cannot be started.
  explicit ChildProcess(const std::filesystem::path& program);
  ChildProcess(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  /// Our end of the socket. The caller takes it over.
  int take_socket();
  remote::Pulse& pulse() { return *pulse_; }
  const remote::Pulse& pulse() const { return *pulse_; }
  /// [any-thread] while the object lives.
  void kill() const;
  /// Waits until it has ended, at most `patience` by itself, then kills it. Blocks; nothing after the first time.
  const ProcessEnd& wait(std::chrono::milliseconds patience);

 private:
  void map_pulse(int descriptor);

  pid_t pid_ = -1;
  int process_ = -1;  // pidfd; -1: the kernel has none
  int socket_ = -1;
  remote::Pulse* pulse_ = nullptr;
  std::optional<ProcessEnd> end_;
};

}  // namespace trunkline::isolation
