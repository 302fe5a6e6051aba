// Internal to the management plane of workflows: what its areas share.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/api/arm_logic_api.h"
#include "runtime/api/arm_rest.h"
#include "runtime/clock/clock.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline::api {

using LogicValue = expression::Value;

inline constexpr const char* kLogic = "Microsoft.Logic";
inline const std::string kLogicGroup =
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Logic";
inline const std::string kLogicWorkflow = kLogicGroup + "/workflows/{workflowName}";

const std::vector<std::string>& arm_logic_versions();

/// JSON whose members keep their order, as definitions want it.
net::Response logic_response(int status, const LogicValue& body);
/// The body of a request; an empty object when there is none. Throws 400 InvalidRequestContent.
LogicValue logic_body(const server::RouteContext& context);
/// `2026-03-02T08:00:00.0000000Z`
std::string logic_time(Time time);
void set_time(LogicValue& object, const char* member, const std::optional<Time>& time);
/// A member that is text; empty when it is absent.
std::string logic_text(const LogicValue& object, const char* member);

ArmId workflow_arm_id(const server::RouteContext& context);
/// Throws 404 ResourceNotFound.
flows::WorkflowPtr workflow_of(const LogicServices& services, const server::RouteContext& context);
/// `{ id, name, type }`
LogicValue reference(const std::string& id, const std::string& name, const char* type);
/// The version that new runs follow.
LogicValue version_reference(const flows::Workflow& workflow, const std::string& version);

/// `name op value` with `and` between: what lists of the service take as `$filter`.
struct LogicTerm {
  std::string name;
  std::string op;  // eq, ne, gt, ge, lt, le
  std::string value;
};
/// Throws 400 InvalidFilter for what cannot be read, and for names that are none of `known`.
std::vector<LogicTerm> logic_filter(const server::RouteContext& context, std::initializer_list<std::string_view> known);
workflow::Status logic_status(const LogicTerm& term);
Time logic_moment(const LogicTerm& term);
/// Which runs or histories a filter leaves. Throws 400 InvalidFilter.
flows::RunFilter run_filter(const server::RouteContext& context);

/// `$top`, 1 to 250. Throws 400 InvalidTop.
std::size_t logic_top(const server::RouteContext& context);
/// `$skiptoken`, empty on the first page.
std::string logic_skip(const server::RouteContext& context);
/// `{ value, nextLink }`; `next`: what the next page begins behind, empty at the end.
net::Response logic_page(const server::RouteContext& context, LogicValue items, const std::string& next);
/// The same of items that are all there.
net::Response logic_list(const server::RouteContext& context, std::vector<LogicValue> items);

/// Where a content can be read without a token for a few hours. `what`: `/runs/{run}/contents/TriggerOutputs`.
LogicValue content_link(const LogicServices& services, const flows::Workflow& workflow, const std::string& what,
                        const LogicValue& content);
void set_link(const LogicServices& services, const flows::Workflow& workflow, LogicValue& object, const char* member,
              const std::string& what, const LogicValue& content);

LogicValue callback_json(const flows::CallbackUrl& url);

void add_logic_workflow_routes(std::vector<server::Route>& routes, const LogicServices& services);
void add_logic_operation_routes(std::vector<server::Route>& routes, const LogicServices& services);
void add_logic_trigger_routes(std::vector<server::Route>& routes, const LogicServices& services);
void add_logic_run_routes(std::vector<server::Route>& routes, const LogicServices& services);
void add_logic_action_routes(std::vector<server::Route>& routes, const LogicServices& services);

}  // namespace trunkline::api
