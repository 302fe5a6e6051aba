// Triggers of a definition, checked and compiled.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/workflow/plan.h"
#include "runtime/workflow/recurrence.h"
#include "runtime/workflow/schema.h"

namespace trunkline::workflow {

enum class TriggerType : std::uint8_t {
  kRequest,
  kRecurrence,
  kSlidingWindow,
  kHttp,
  kHttpWebhook,
  kApiConnection,
  kApiConnectionWebhook,
  kApiConnectionNotification,
  kBatch,
  kServiceProvider,
  kOther,  // of the service, with nothing behind it here: it never fires by itself
};

std::optional<TriggerType> find_trigger_type(std::string_view name);

struct BatchCriteria {
  std::string name;
  std::int64_t message_count = 0;  // 0: no such criterion
  std::int64_t batch_bytes = 0;
  std::optional<Recurrence> recurrence;
};

struct Trigger {
  std::string name;
  TriggerType type = TriggerType::kRequest;
  std::string type_name;
  std::string kind;
  std::string pointer;

  std::optional<Template> inputs;
  Value raw_inputs;
  std::optional<Recurrence> recurrence;
  Value raw_recurrence;
  Duration window_delay{0};
  std::vector<Condition> conditions;
  /// A condition looks at the status code, which replaces the rule that only 200 fires.
  bool conditions_name_code = false;
  /// They compare it with a name such as `OK`, not with a number.
  bool conditions_name_status = false;
  std::optional<Template> split_on;
  std::optional<Template> client_tracking_id;
  std::optional<Template> split_client_tracking_id;
  std::optional<Template> timeout;
  std::optional<Template> tracked;

  // Request.
  std::string method;         // upper case; empty: POST
  std::string relative_path;  // `/orders/{id}`
  std::optional<Schema> schema;
  bool validate_schema = false;

  std::vector<BatchCriteria> batches;

  /// Runs at a time; 0: any number.
  int concurrent_runs = 0;
  int max_waiting_runs = 0;
  bool include_authorization = false;
  bool suppress_headers = false;          // of answers
  bool suppress_request_headers = false;  // of what it asks
  bool secure_inputs = false;
  bool secure_outputs = false;

  /// Somebody waits for what a Response says.
  bool has_caller() const { return (type == TriggerType::kRequest || type == TriggerType::kHttpWebhook) && !split_on; }
};

}  // namespace trunkline::workflow
