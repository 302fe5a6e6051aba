// A program that is given something to read, and asked what it makes of it.
#pragma once
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::calls {

/// What a helper may take.
struct HelperLimits {
  std::chrono::milliseconds patience{10'000};      // of the wall; then it is killed
  std::size_t most_output = std::size_t{8} << 20;  // bytes: three minutes of speech
  std::size_t memory = std::size_t{512} << 20;
};

struct HelperOutcome {
  enum class End { kExit, kSignal, kTimedOut, kTooMuch };
  End end = End::kExit;
  int status = 0;  // of the exit, or the signal
  std::string output;
};

/// Runs it without a shell, without our environment and our files, within the limits. It has ended, and is no zombie, when this
/// returns; so have its children that stayed in its group. Blocks. Throws kUnavailable when it cannot be started.
HelperOutcome run_helper(const std::filesystem::path& program, std::vector<std::string> arguments, std::string_view input,
                         const HelperLimits& limits);

}  // namespace trunkline::calls
