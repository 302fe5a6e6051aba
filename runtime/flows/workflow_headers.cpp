#include "runtime/flows/workflow_headers.h"

#include <algorithm>
#include <iterator>

#include "runtime/base/strings.h"

namespace trunkline::flows {
namespace {

constexpr std::size_t kAnswerHeaders = 10;
constexpr std::size_t kServerHeaders = 4;  // that the server adds behind ours

/// Where the service says which of its machines runs a workflow, we have one.
std::string system_id(const Workflow& workflow) {
  return "/locations/" + workflow.location + "/scaleunits/local/workflows/" + workflow.id;
}

std::string tracking_id(RunKey run) { return stable_guid(run, ~std::uint64_t{0}, 0); }
std::string correlation_id(RunKey run) { return stable_guid(run, ~std::uint64_t{0}, 1); }

RunKey run_of(std::string_view name) {
  std::string_view suffix;
  return parse_run_name(name, suffix);
}

}  // namespace

void add_request_headers(net::Headers& headers, const ActionCall& call) {
  const Workflow& w = *call.workflow;
  headers.set("x-ms-workflow-id", w.id);
  headers.set("x-ms-workflow-name", w.name);
  if (w.version) headers.set("x-ms-workflow-version", w.version->name);
  headers.set("x-ms-workflow-system-id", system_id(w));
  headers.set("x-ms-workflow-subscription-id", w.subscription);
  headers.set("x-ms-workflow-resourcegroup-name", w.resource_group);
  headers.set("x-ms-execution-location", w.location);
  const std::string name = call.action != nullptr ? call.action->name : std::string();
  if (call.run_name.empty()) {
    // A trigger asks; there is no run yet.
    headers.set("x-ms-workflow-trigger-name", name);
    headers.set("x-ms-correlation-id", call.action_tracking_id);
  } else {
    const RunKey run = run_of(call.run_name);
    headers.set("x-ms-workflow-run-id", call.run_name);
    headers.set("x-ms-workflow-run-tracking-id", tracking_id(run));
    headers.set("x-ms-workflow-operation-name", name);
    headers.set("x-ms-correlation-id", correlation_id(run));
    headers.set("x-ms-action-tracking-id", call.action_tracking_id);
  }
  headers.set("x-ms-client-tracking-id", call.client_tracking_id);
  headers.set("x-ms-client-request-id", call.idempotency_key);
  headers.set("x-ms-tracking-id", call.action_tracking_id);
}

void add_answer_headers(net::Headers& headers, const Workflow& workflow, const CallerAnswer& answer) {
  const RunKey run = run_of(answer.run);
  // Ours replace those of the workflow. It hardly ever has one: then each would be looked for among all of them for nothing.
  const bool has_some =
      std::any_of(headers.begin(), headers.end(), [](const auto& field) { return is_answer_header(field.first); });
  headers.reserve(headers.size() + kAnswerHeaders + kServerHeaders);
  const auto add = [&](std::string_view name, std::string_view value) {
    if (has_some)
      headers.set(name, std::string(value));
    else
      headers.add(name, value);
  };
  add("x-ms-workflow-run-id", answer.run);
  add("x-ms-trigger-history-name", answer.run);
  add("x-ms-workflow-id", workflow.id);
  add("x-ms-workflow-name", workflow.name);
  if (workflow.version) add("x-ms-workflow-version", workflow.version->name);
  add("x-ms-workflow-system-id", system_id(workflow));
  add("x-ms-client-tracking-id", answer.client_tracking_id.empty() ? answer.run : answer.client_tracking_id);
  add("x-ms-tracking-id", tracking_id(run));
  add("x-ms-correlation-id", correlation_id(run));
  add("x-ms-execution-location", workflow.location);
}

bool is_answer_header(std::string_view name) {
  static constexpr std::string_view kOthers[] = {"x-ms-trigger-history-name", "x-ms-client-tracking-id", "x-ms-tracking-id",
                                                 "x-ms-correlation-id", "x-ms-execution-location"};
  if (!istarts_with(name, "x-ms-")) return false;
  return istarts_with(name, "x-ms-workflow-") ||
         std::any_of(std::begin(kOthers), std::end(kOthers), [&](std::string_view other) { return iequals(name, other); });
}

}  // namespace trunkline::flows
