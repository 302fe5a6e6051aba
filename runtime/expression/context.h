// What an expression can ask about the run it is evaluated in.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/expression/value.h"
#include "trunkline/error.hpp"

namespace trunkline::expression {

/// What a name in an expression stands for.
enum class Symbol : std::uint8_t { kAction, kVariable, kParameter, kLoop, kScope, kSetting };

/// A name as the expression gives it, and the number that CompileOptions::resolver gave it while compiling, so that a context
/// need not look texts up. Borrowed for the length of a call.
struct Name {
  static constexpr std::uint32_t kUnresolved = 0xffffffff;
  std::string_view text;
  std::uint32_t slot = kUnresolved;
};

/// Pure lookups; nothing here waits or does I/O. A pointer that is given out stays valid and unchanged until the evaluation that
/// asked for it has ended. nullptr: there is no such thing, which makes the expression fail with a fitting message. Each has a
/// default that knows nothing. One evaluation uses a context from one thread.
class Context {
 public:
  virtual ~Context() = default;

  /// The object that trigger() gives: name, inputs, outputs, startTime, status, …
  virtual const Value* trigger() { return nullptr; }
  /// The member `outputs` of trigger(); a context that keeps outputs by themselves overrides it.
  virtual const Value* trigger_outputs();

  /// The object that actions('x') gives: name, inputs, outputs, startTime, endTime, trackingId, code, status, error.
  virtual const Value* action(const Name& name);
  /// The member `outputs` of action(name); a pointer to null when the action exists without outputs.
  virtual const Value* action_outputs(const Name& name);
  /// action(): the record of the action that the expression belongs to.
  virtual const Value* current_action() { return nullptr; }
  /// The array of result('scope').
  virtual const Value* result(const Name& scope);

  /// items('loop').
  virtual const Value* items(const Name& loop);
  /// item(): of the innermost loop, Select, Query or Table.
  virtual const Value* item() { return nullptr; }
  /// iterationIndexes('loop').
  virtual std::optional<std::int64_t> iteration_index(const Name& loop);

  virtual const Value* variable(const Name& name);
  virtual const Value* parameter(const Name& name);
  virtual const Value* workflow() { return nullptr; }
  /// listCallbackUrl().
  virtual std::optional<std::string> callback_url() { return std::nullopt; }
  /// appsetting('name').
  virtual std::optional<std::string> setting(const Name& name);
  /// agentParameters('name').
  virtual const Value* agent_parameter(const Name& name);

  /// Now; the only source of time. Ticks of 100 ns below a nanosecond are lost.
  virtual Time now() = 0;
  /// 16 random bytes for guid().
  virtual std::array<std::uint8_t, 16> guid_bytes() = 0;
  /// A uniform number in [0, bound) for rand(); `bound` is at least 1.
  virtual std::uint64_t random_below(std::uint64_t bound) = 0;
};

}  // namespace trunkline::expression
