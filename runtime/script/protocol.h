// What a host and its worker say to each other: frames of a length (32 bits, of this machine) and JSON.
// Request: {"code", "context": text of JSON, "timeMs", "memoryBytes", "maxResultBytes"}.
// Answer: {"result": text of JSON} or {"reason": Failure::Reason as a number, "message", "line"}.
#pragma once
#include <cstddef>

namespace trunkline::script {

/// Exit code of a worker whose script took too much memory.
inline constexpr int kExitOutOfMemory = 70;
/// A frame longer than this ends the worker.
inline constexpr std::size_t kMaxFrame = 256u << 20;

}  // namespace trunkline::script
