// A context that is one JSON document: what the command line, the bindings and tests evaluate against.
#pragma once
#include <functional>
#include <memory>

#include "runtime/expression/context.h"

namespace trunkline::expression {

/// Members of the document, all optional: `parameters`, `variables`, `actions`, `results`, `items`, `iterationIndexes`,
/// `settings`, `agentParameters` (objects by name); `trigger`, `action`, `item`, `workflow` (any value); `callbackUrl` (text);
/// `utcNow` (RFC 3339, up to seven digits of fraction). Names are matched exactly, else without regard to case. [one thread at a
/// time]
class JsonContext : public Context {
 public:
  /// What the document does not say. Both must be set.
  struct Sources {
    std::function<Time()> now;
    std::function<void(std::uint8_t* bytes, std::size_t count)> random;
  };
  /// Throws Error kInvalidArgument when a member has the wrong type.
  JsonContext(Value document, Sources sources);

  const Value* trigger() override { return trigger_; }
  const Value* action(const Name& name) override;
  const Value* current_action() override { return current_action_; }
  const Value* result(const Name& scope) override;
  const Value* items(const Name& loop) override;
  const Value* item() override { return item_; }
  std::optional<std::int64_t> iteration_index(const Name& loop) override;
  const Value* variable(const Name& name) override;
  const Value* parameter(const Name& name) override;
  const Value* workflow() override { return workflow_; }
  std::optional<std::string> callback_url() override;
  std::optional<std::string> setting(const Name& name) override;
  const Value* agent_parameter(const Name& name) override;
  Time now() override;
  std::array<std::uint8_t, 16> guid_bytes() override;
  std::uint64_t random_below(std::uint64_t bound) override;

 private:
  const Value* member(std::string_view name, bool must_be_object) const;

  Value document_;
  Sources sources_;
  std::optional<Time> now_;
  const Value* parameters_;
  const Value* variables_;
  const Value* actions_;
  const Value* results_;
  const Value* items_;
  const Value* iteration_indexes_;
  const Value* settings_;
  const Value* agent_parameters_;
  const Value* trigger_;
  const Value* current_action_;
  const Value* item_;
  const Value* workflow_;
  const Value* callback_url_;
};

}  // namespace trunkline::expression
