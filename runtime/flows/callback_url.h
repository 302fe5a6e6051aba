// Addresses that start runs and end webhook actions, and the signature that proves them.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/flows/workflow.h"
#include "trunkline/error.hpp"

namespace trunkline::flows {

/// What listCallbackUrl gives.
struct CallbackUrl {
  std::string value;
  std::string method;
  std::string base_path;
  std::string relative_path;
  std::vector<std::string> relative_path_parameters;
  std::map<std::string, std::string> queries;
};

inline constexpr std::string_view kCallbackApiVersion = "2016-10-01";

/// Signs `permission` (`/triggers/manual/run`) until `expires` (empty: for ever; RFC 3339).
std::string sign_callback(const Workflow& workflow, std::string_view permission, std::string_view expires);
/// Queries `sp`, `sv`, `sig` and perhaps `se` that carry the permission.
std::map<std::string, std::string> callback_queries(const Workflow& workflow, std::string_view permission,
                                                    std::string_view expires);
/// Throws kUnauthenticated (401, DirectApiAuthorizationRequired) when there is none, kPermissionDenied when it is not good.
void check_callback(const Workflow& workflow, std::string_view permission, const std::map<std::string, std::string>& queries,
                    Time now);

/// `endpoint`: of the server, with its slash.
CallbackUrl trigger_callback_url(const Workflow& workflow, const workflow::Trigger& trigger, std::string_view endpoint);
std::string action_callback_url(const Workflow& workflow, std::string_view run, std::string_view action, FrameId frame,
                                std::string_view endpoint);
/// `/runs/{run}/actions/{action}/run`, with the iteration where there is one.
std::string action_permission(std::string_view run, std::string_view action, FrameId frame);
std::string trigger_permission(std::string_view trigger);

}  // namespace trunkline::flows
