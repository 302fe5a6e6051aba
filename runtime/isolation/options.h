// How a plugin is kept in a process of its own.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "trunkline/error.hpp"

namespace trunkline::isolation {

struct Options {
  /// The program trunkline-plugin-host.
  std::filesystem::path program;
  /// Resident memory that ends the process. 0: no limit.
  std::size_t memory_bytes = std::size_t{1} << 30;
  /// Files and sockets that may be open at once.
  std::uint32_t open_files = 1'024;
  /// How long a call of the plugin may take to return, and its heart may stand still, of the wall. Then it is killed.
  std::chrono::milliseconds hang_after{30'000};
  /// How long it may take to start, of the wall.
  std::chrono::milliseconds start_within{30'000};
  /// Waits before it is started again, on the runtime's clock: the first, doubled each time up to the last.
  Duration restart_after = std::chrono::seconds(1);
  Duration restart_at_most = std::chrono::minutes(1);
  /// So many crashes within this time, on the runtime's clock, and it is not started again.
  std::uint32_t quarantine_after = 5;
  Duration quarantine_within = std::chrono::minutes(10);
};

/// Where the program trunkline-plugin-host is: find_beside(). Empty: nowhere.
std::filesystem::path find_program();

}  // namespace trunkline::isolation
