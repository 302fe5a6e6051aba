#include "runtime/api/arm_logic_api.h"

#include <algorithm>

#include "runtime/api/arm_logic.h"
#include "runtime/api/rest.h"
#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/crypto/hash.h"
#include "runtime/workflow/run_context.h"

namespace trunkline::api {
namespace {

using server::RouteContext;

constexpr std::size_t kDefaultPage = 30;
constexpr std::size_t kMaxPage = 250;
constexpr Duration kLinkLife = std::chrono::hours{4};
constexpr const char* kSkip = "$skiptoken";

Error bad_filter(const std::string& message) { return arm_bad_request("InvalidFilter", message, "$filter"); }

/// Words, operators and quoted texts of a filter.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    std::string word;
    if (text[i] == '\'') {
      word = "'";
      for (++i;; ++i) {
        if (i >= text.size()) throw bad_filter("The filter has a text without its end.");
        if (text[i] == '\'') {
          if (i + 1 >= text.size() || text[i + 1] != '\'') break;
          ++i;
        }
        word += text[i];
      }
      ++i;
    } else {
      while (i < text.size() && !is_space(text[i])) word += text[i++];
    }
    out.push_back(std::move(word));
  }
  return out;
}

}  // namespace

const std::vector<std::string>& arm_logic_versions() {
  static const std::vector<std::string> all = versions({"2016-06-01", "2017-07-01", "2018-07-01-preview", "2019-05-01"});
  return all;
}

net::Response logic_response(int status, const LogicValue& body) {
  net::Response response;
  response.status = status;
  response.body = expression::to_json_text(body);
  return response;
}

LogicValue logic_body(const RouteContext& context) {
  if (context.request.body.empty()) return LogicValue::object();
  LogicValue body;
  try {
    body = expression::parse_value(context.request.body);
  } catch (const Error& error) {
    throw arm_bad_request("InvalidRequestContent",
                          "The request content was invalid and could not be deserialized: " + error.message, "");
  }
  if (!body.is_object()) throw arm_bad_request("InvalidRequestContent", "The body must be a JSON object.", "");
  return body;
}

std::string logic_time(Time time) { return workflow::time_text(time); }

void set_time(LogicValue& object, const char* member, const std::optional<Time>& time) {
  if (time) object[member] = logic_time(*time);
}

std::string logic_text(const LogicValue& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) throw arm_bad_request("InvalidRequestContent", std::string(member) + " must be text.", member);
  return found->get<std::string>();
}

ArmId workflow_arm_id(const RouteContext& context) { return arm_target(context, kLogic, {{"workflows", "workflowName"}}); }

flows::WorkflowPtr workflow_of(const LogicServices& services, const RouteContext& context) {
  const ArmId id = workflow_arm_id(context);
  if (flows::WorkflowPtr workflow = services.workflows.find(id.str())) return workflow;
  throw arm_not_found(id);
}

LogicValue reference(const std::string& id, const std::string& name, const char* type) {
  LogicValue out;
  out["id"] = id;
  out["name"] = name;
  out["type"] = type;
  return out;
}

LogicValue version_reference(const flows::Workflow& workflow, const std::string& version) {
  return reference(workflow.arm_id + "/versions/" + version, version, "Microsoft.Logic/workflows/versions");
}

std::vector<LogicTerm> logic_filter(const RouteContext& context, std::initializer_list<std::string_view> known) {
  std::vector<LogicTerm> out;
  const std::vector<std::string> words = words_of(context.query("$filter").value_or(""));
  for (std::size_t i = 0; i < words.size(); i += 4) {
    if (i + 3 > words.size()) throw bad_filter("The filter ends too soon; wanted such as status eq 'Failed'.");
    LogicTerm term{words[i], to_lower(words[i + 1]), words[i + 2]};
    const auto name = std::find_if(known.begin(), known.end(), [&](std::string_view one) { return iequals(one, term.name); });
    if (name == known.end()) throw bad_filter("The filter has '" + term.name.substr(0, 80) + "', which is not filtered by here.");
    term.name = *name;
    constexpr std::string_view kOperators[] = {"eq", "ne", "gt", "ge", "lt", "le"};
    if (std::find(std::begin(kOperators), std::end(kOperators), term.op) == std::end(kOperators))
      throw bad_filter("'" + term.op.substr(0, 80) + "' is no operator of a filter.");
    if (term.value.starts_with('\'')) term.value.erase(0, 1);
    out.push_back(std::move(term));
    if (i + 3 < words.size() && (!iequals(words[i + 3], "and") || i + 4 == words.size()))
      throw bad_filter("The terms of a filter are joined by 'and'; found '" + words[i + 3].substr(0, 80) + "'.");
  }
  return out;
}

workflow::Status logic_status(const LogicTerm& term) {
  const auto status = workflow::parse_status(term.value);
  if (!status) throw bad_filter("'" + term.value.substr(0, 80) + "' is no status.");
  if (term.op != "eq") throw bad_filter("status is compared by eq.");
  return *status;
}

Time logic_moment(const LogicTerm& term) {
  const auto time = parse_rfc3339(term.value);
  if (!time) throw bad_filter("'" + term.value.substr(0, 80) + "' is no time such as 2026-03-02T08:00:00Z.");
  return *time;
}

flows::RunFilter run_filter(const RouteContext& context) {
  flows::RunFilter filter;
  for (const LogicTerm& term : logic_filter(context, {"status", "startTime", "clientTrackingId"})) {
    if (term.name == "status") {
      filter.status = logic_status(term);
    } else if (term.name == "clientTrackingId") {
      if (term.op != "eq") throw bad_filter("clientTrackingId is compared by eq.");
      filter.client_tracking_id = term.value;
    } else {
      const Time at = logic_moment(term);
      if (term.op == "ge" || term.op == "eq")
        filter.started_from = at;
      else if (term.op == "gt")
        filter.started_from = at + std::chrono::microseconds{1};
      if (term.op == "lt")
        filter.started_to = at;
      else if (term.op == "le" || term.op == "eq")
        filter.started_to = at + std::chrono::microseconds{1};
      if (term.op == "ne") throw bad_filter("startTime is compared by eq, gt, ge, lt and le.");
    }
  }
  return filter;
}

std::size_t logic_top(const RouteContext& context) {
  const auto top = context.query("$top");
  if (!top) return kDefaultPage;
  const auto number = parse_number<std::size_t>(*top);
  if (!number || *number < 1 || *number > kMaxPage)
    throw arm_bad_request("InvalidTop", "$top is 1 to 250, not '" + top->substr(0, 80) + "'.", "$top");
  return *number;
}

std::string logic_skip(const RouteContext& context) { return context.query(kSkip).value_or(""); }

net::Response logic_page(const RouteContext& context, LogicValue items, const std::string& next) {
  LogicValue page;
  page["value"] = std::move(items);
  if (!next.empty()) {
    std::string link = std::string(context.request.path()) + "?";
    for (const std::string_view pair : split(context.request.query(), '&'))
      if (!pair.empty() && !net::query_parameter(pair, kSkip)) link.append(pair).append("&");
    page["nextLink"] = link + net::percent_encode(kSkip) + "=" + net::percent_encode(next);
  }
  return logic_response(200, page);
}

net::Response logic_list(const RouteContext& context, std::vector<LogicValue> items) {
  const std::size_t top = logic_top(context);
  std::size_t begin = 0;
  if (const std::string skip = logic_skip(context); !skip.empty()) {
    const auto number = parse_number<std::size_t>(skip);
    if (!number || *number > items.size())
      throw arm_bad_request("InvalidSkipToken", "The skip token '" + skip.substr(0, 80) + "' is not one of ours.", kSkip);
    begin = *number;
  }
  const std::size_t end = std::min(items.size(), begin + top);
  LogicValue out = LogicValue::array();
  for (std::size_t i = begin; i < end; ++i) out.push_back(std::move(items[i]));
  return logic_page(context, std::move(out), end < items.size() ? std::to_string(end) : std::string());
}

LogicValue content_link(const LogicServices& services, const flows::Workflow& workflow, const std::string& what,
                        const LogicValue& content) {
  const std::string text = expression::to_json_text(content);
  const std::string digest = base64_encode(crypto::as_text(crypto::sha256(text)));
  std::string uri = services.workflows.endpoint() + "workflows/" + workflow.id + what;
  char separator = '?';
  for (const auto& [name, value] :
       flows::callback_queries(workflow, what + "/read", logic_time(services.clock.now() + kLinkLife))) {
    uri += separator + name + "=" + net::percent_encode(value);
    separator = '&';
  }
  LogicValue link;
  link["uri"] = std::move(uri);
  link["contentVersion"] = "\"" + digest + "\"";
  link["contentSize"] = text.size();
  link["contentHash"]["algorithm"] = "sha256";
  link["contentHash"]["value"] = digest;
  return link;
}

void set_link(const LogicServices& services, const flows::Workflow& workflow, LogicValue& object, const char* member,
              const std::string& what, const LogicValue& content) {
  if (!content.is_null()) object[member] = content_link(services, workflow, what, content);
}

LogicValue callback_json(const flows::CallbackUrl& url) {
  LogicValue out;
  out["value"] = url.value;
  out["method"] = url.method;
  out["basePath"] = url.base_path;
  if (!url.relative_path.empty()) out["relativePath"] = url.relative_path;
  if (!url.relative_path_parameters.empty()) out["relativePathParameters"] = url.relative_path_parameters;
  for (const auto& [name, value] : url.queries) out["queries"][name] = value;
  return out;
}

void add_arm_logic_routes(std::vector<server::Route>& routes, const LogicServices& services) {
  add_logic_operation_routes(routes, services);
  add_logic_workflow_routes(routes, services);
  add_logic_trigger_routes(routes, services);
  add_logic_run_routes(routes, services);
  add_logic_action_routes(routes, services);
}

}  // namespace trunkline::api
