// What a run needs from outside while it moves.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/workflow/history.h"

namespace trunkline::workflow {

/// Called only while Machine::step runs, on its thread; nothing here waits.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual Time now() = 0;
  virtual std::array<std::uint8_t, 16> guid_bytes() = 0;
  virtual std::uint64_t random_below(std::uint64_t bound) = 0;
  /// What workflow() gives, with the run.
  virtual const Value& workflow() = 0;
  virtual const std::string& client_tracking_id() = 0;
  /// Address that ends a webhook action.
  virtual std::optional<std::string> callback_url(FrameId frame, ActionIndex action) = 0;
  /// appsetting().
  virtual std::optional<std::string> setting(std::string_view name) = 0;
  /// Always the same for the same action of a run; a GUID.
  virtual std::string tracking_id(FrameId frame, ActionIndex action) = 0;
};

}  // namespace trunkline::workflow
