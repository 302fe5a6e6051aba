// Long-running operations of the management plane: what a client polls after 201 or 202.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "runtime/services/context.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

struct ArmOperation {
  std::string id;
  /// Id of the resource it worked on.
  std::string target;
  /// `Succeeded` or `Failed`: our operations have ended by the time they are answered.
  std::string status = "Succeeded";
  std::string error_code;
  std::string error_message;
  Time started_at;
};

/// [any-thread] Kept for a day, so that a poll after a restart is answered.
class ArmOperations {
 public:
  explicit ArmOperations(ServiceContext& context) : context_(context) {}

  /// Records an operation that has succeeded. Completes with its id once durable.
  Task<std::string> record(std::string target);
  std::optional<ArmOperation> find(std::string_view id);

 private:
  ServiceContext& context_;
};

}  // namespace trunkline
