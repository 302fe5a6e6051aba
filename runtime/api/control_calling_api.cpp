// For people: the numbers of a resource with what they can do, and where a call would go and why.
#include "runtime/api/control_calling_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/control_rest.h"
#include "runtime/api/rest.h"
#include "runtime/calls/call_service.h"
#include "runtime/core/runtime.h"
#include "runtime/services/number_lookup.h"
#include "runtime/services/number_service.h"
#include "runtime/services/sip_routing.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

json number_json(const service::OwnedNumber& number) {
  json out;
  out["number"] = number.number;
  out["national_format"] = look_up_number(number.number).national_format;
  out["country_code"] = number.country_code;
  out["type"] = to_rest(number.type);
  out["calling"] = to_rest(number.calling);
  out["sms"] = to_rest(number.sms);
  out["purchased_at"] = format_rfc3339(number.purchased_at);
  return out;
}

json trunk_json(const service::SipTrunk& trunk) {
  json out;
  out["fqdn"] = trunk.fqdn;
  out["port"] = trunk.sip_signaling_port;
  out["enabled"] = trunk.enabled;
  return out;
}

json test_json(const service::SipRouteTest& test) {
  json out;
  out["number"] = test.decision.subject;
  out["matching_routes"] = json::array();
  for (const service::SipRoute& route : test.matching_routes) out["matching_routes"].push_back(route.name);
  out["trunks"] = json::array();
  for (const service::SipTrunk& trunk : test.trunks) out["trunks"].push_back(trunk_json(trunk));
  out["steps"] = json::array();
  for (const DecisionStep& step : test.decision.steps) {
    json item;
    item["rule"] = step.rule;
    item["outcome"] = step.outcome;
    item["value"] = step.value;
    set_optional(item, "detail", step.detail);
    out["steps"].push_back(std::move(item));
  }
  return out;
}

json probe_json(const pstn::TrunkProbe& probe) {
  json out;
  out["ok"] = probe.ok;
  out["peer"] = probe.peer;
  set_optional(out, "problem", probe.problem);
  out["ladder"] = json::array();
  for (const pstn::LadderStep& step : probe.ladder)
    out["ladder"].push_back(json{{"sent", step.sent},
                                 {"message", step.message},
                                 {"after_ms", std::chrono::duration_cast<std::chrono::milliseconds>(step.after).count()}});
  return out;
}

}  // namespace

void add_control_calling_routes(std::vector<server::Route>& routes, Runtime& runtime) {
  add_control_route(routes, "GET", "/_control/numbers", [&runtime](RouteContext& context) -> Task<net::Response> {
    json answer;
    answer["items"] = json::array();
    for (const service::OwnedNumber& number : runtime.numbers().list(*resource_of(context)))
      answer["items"].push_back(number_json(number));
    co_return json_response(200, answer);
  });
  add_control_route(routes, "GET", "/_control/sip-routing/test", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto number = context.query("number");
    if (!number) throw Error(ErrorCode::kInvalidArgument, "the query needs number", "number");
    co_return json_response(200, test_json(runtime.sip_routing().test(*resource_of(context), *number)));
  });
  add_control_route(routes, "GET", "/_control/sip-routing/probe", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto host = context.query("trunk");
    if (!host) throw Error(ErrorCode::kInvalidArgument, "the query needs trunk", "trunk");
    pstn::DialTrunk trunk;
    trunk.host = *host;
    // Null where no provider sends calls over trunks.
    json answer;
    answer["probe"] = nullptr;
    const std::optional<pstn::TrunkProbe> probe = co_await runtime.calls().probe(std::move(trunk));
    if (probe) answer["probe"] = probe_json(*probe);
    co_return json_response(200, answer);
  });
}

}  // namespace trunkline::api
