// One worker process.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/script/script_host.h"

namespace trunkline::script {

class Worker {
 public:
  /// Throws Failure kWorker when it cannot be started.
  explicit Worker(const std::filesystem::path& program);
  ~Worker();
  Worker(const Worker&) = delete;

  /// Sends one frame and waits for the answer. Throws Failure; after one that broken() tells of, the process is gone.
  std::string ask(std::string_view request, Duration patience, std::size_t max_answer);
  /// Makes an ask() that is under way on another thread fail soon.
  void interrupt();
  bool broken() const { return pid_ < 0; }
  std::uint32_t runs() const { return runs_; }

 private:
  bool exchange(char* data, std::size_t size, bool writing, std::int64_t until_ms);
  [[noreturn]] void lost(bool timed_out);
  void end();

  pid_t pid_ = -1;
  /// Open as long as we are, so that interrupt() cannot meet another file of the same number.
  int socket_ = -1;
  std::uint32_t runs_ = 0;
};

}  // namespace trunkline::script
