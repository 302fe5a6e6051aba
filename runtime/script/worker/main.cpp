// trunkline-script: runs scripts that its parent sends over standard input. Not for people.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "runtime/script/protocol.h"
#include "runtime/script/worker/confine.h"
#include "runtime/script/worker/engine.h"

namespace {

using namespace trunkline::script;
using nlohmann::json;

/// Resident bytes that end the process; 0: no script runs.
std::atomic<std::size_t> g_memory_limit{0};

/// Opened while we may.
int g_memory_file = -1;

std::size_t resident_bytes() {
  std::array<char, 128> text{};
  std::size_t pages = 0;
  std::size_t resident = 0;
  if (::pread(g_memory_file, text.data(), text.size() - 1, 0) <= 0) return 0;
  if (std::sscanf(text.data(), "%zu %zu", &pages, &resident) != 2) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// The engine has no limit of its own.
void watch_memory() {
  for (;;) {
    ::usleep(2'000);  // NOLINT(trunkline-clock): a process of its own, which has no Clock
    const std::size_t limit = g_memory_limit.load();
    if (limit > 0 && resident_bytes() > limit) ::_exit(kExitOutOfMemory);
  }
}

/// What the engine reads of the system (its stack, the time zone, locales) it reads on first use.
void warm_up() {
  constexpr double kSeconds = 10;
  constexpr std::size_t kBytes = 4096;
  try {
    run_script(
        "return [new Date().toString(), new Intl.DateTimeFormat('en').format(), 'ä'.localeCompare('b'), /\\p{L}/u.test('ä')]",
        "{}", kSeconds, kBytes);
  } catch (const Failure&) {
    // Then the first script of others will say what is wrong.
  }
}

bool read_all(char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(STDIN_FILENO, data, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    data += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t put = ::write(STDOUT_FILENO, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

json answer(const json& request) {
  json out;
  try {
    g_memory_limit = resident_bytes() + request.at("memoryBytes").get<std::size_t>();
    out["result"] = run_script(request.at("code").get<std::string>(), request.at("context").get<std::string>(),
                               request.at("timeMs").get<double>() / 1000, request.at("maxResultBytes").get<std::size_t>());
  } catch (const Failure& failure) {
    out["reason"] = static_cast<int>(failure.reason);
    out["message"] = failure.what();
    out["line"] = failure.line;
  }
  g_memory_limit = 0;
  return out;
}

}  // namespace

int main() {
  confine_process();
  g_memory_file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  warm_up();
  // A kernel without filters leaves what the engine itself does not offer: nothing.
  forbid_io();
  std::thread(watch_memory).detach();  // NOLINT(trunkline-thread): a process of its own, which ends with it
  for (;;) {
    std::uint32_t size = 0;
    if (!read_all(reinterpret_cast<char*>(&size), sizeof size)) return 0;
    if (size > kMaxFrame) return 1;
    std::string frame(size, '\0');
    if (!read_all(frame.data(), frame.size())) return 0;
    const json request = json::parse(frame, nullptr, false);
    if (!request.is_object()) return 1;
    const std::string text = answer(request).dump(-1, ' ', false, json::error_handler_t::replace);
    const auto length = static_cast<std::uint32_t>(text.size());
    if (!write_all(reinterpret_cast<const char*>(&length), sizeof length) || !write_all(text.data(), text.size())) return 0;
  }
}
