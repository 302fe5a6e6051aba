// What a person, a test or the CLI needs beside the Azure surface: virtual phones, events, the clock, records, resources.
// Everything under /_control; JSON in and out; snake_case members.
#include "runtime/api/control_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/calls_api.h"
#include "runtime/api/control_calling_api.h"
#include "runtime/api/control_events_api.h"
#include "runtime/api/control_mail_api.h"
#include "runtime/api/control_providers_api.h"
#include "runtime/api/control_resources_api.h"
#include "runtime/api/control_rest.h"
#include "runtime/api/control_sms_api.h"
#include "runtime/api/control_workflows_api.h"
#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/calls/phone_sandbox.h"
#include "runtime/clock/clock.h"
#include "runtime/core/runtime.h"
#include "runtime/services/sandbox_service.h"
#include "runtime/sms/outcome.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

sms::FailureReason parse_reason(const JsonRef& value) {
  const std::string_view text = value.text();
  for (int i = 0; i <= static_cast<int>(sms::FailureReason::kUnspecified); ++i)
    if (word(static_cast<sms::FailureReason>(i)) == text) return static_cast<sms::FailureReason>(i);
  throw value.error("'" + std::string(text) + "' is no failure reason");
}

json message_json(const sandbox::PhoneMessage& message) {
  json out;
  out["message_id"] = message.message_id;
  out["from"] = message.from;
  out["to"] = message.to;
  out["text"] = message.text;
  out["at"] = rfc3339_us(message.at);
  out["outbound"] = message.outbound;
  return out;
}

std::string text_duration(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + "ms";
}

json rule_json(const sandbox::PhoneRule& rule) {
  json out;
  out["match"] = rule.match;
  out["latency"] = text_duration(rule.latency);
  out["jitter"] = text_duration(rule.jitter);
  out["refuse"] = word(rule.refuse);
  out["failure"] = word(rule.failure);
  set_optional(out, "failure_rate", rule.failure_rate);
  out["silent"] = rule.silent;
  set_optional(out, "reply", rule.reply);
  out["times"] = rule.times;
  return out;
}

sandbox::PhoneRule parse_phone_rule(const json& body) {
  const JsonRef request(body);
  sandbox::PhoneRule rule;
  rule.match = request.at("match").text();
  if (const auto v = request.find("latency")) rule.latency = parse_duration_member(*v);
  if (const auto v = request.find("jitter")) rule.jitter = parse_duration_member(*v);
  if (const auto v = request.find("refuse")) rule.refuse = parse_reason(*v);
  if (const auto v = request.find("failure")) rule.failure = parse_reason(*v);
  if (const auto v = request.find("failure_rate")) rule.failure_rate = v->number();
  rule.silent = request.boolean_or("silent", false);
  if (const auto v = request.find("reply")) rule.reply = std::string(v->text());
  rule.times = static_cast<std::int32_t>(request.integer_or("times", 0, 0, 1'000'000));
  return rule;
}

class ControlRoutes {
 public:
  ControlRoutes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall)
      : routes_(routes), runtime_(runtime), wall_(wall) {}

  void add_all() {
    add_phones();
    add_clock();
    add_plugins();
  }

 private:
  template <class F>
  void add(const char* method, const char* path, F handler) {
    add_control_route(routes_, method, path, std::move(handler));
  }

  void add_phones() {
    Runtime& runtime = runtime_;
    add("GET", "/_control/phones", [&runtime](RouteContext& context) -> Task<net::Response> {
      const std::vector<sandbox::Phone> phones = co_await runtime.sandbox().phones(resource_of(context));
      json items = json::array();
      for (const sandbox::Phone& phone : phones) {
        json item;
        item["number"] = phone.number;
        item["message_count"] = phone.message_count;
        items.push_back(std::move(item));
      }
      json answer;
      answer["items"] = std::move(items);
      co_return json_response(200, answer);
    });
    Clock& wall = wall_;
    // A long poll: waits up to wait_ms for a message behind `after`.
    add("GET", "/_control/phones/{number}/messages", [&runtime, &wall](RouteContext& context) -> Task<net::Response> {
      const std::chrono::milliseconds wait{integer_parameter(context, "wait_ms", 0, 0, kMaxWaitMs)};
      std::string after = context.query("after").value_or("");
      std::string number(context.param("number"));
      const std::vector<sandbox::PhoneMessage> messages =
          co_await runtime.sandbox().wait_for_messages(resource_of(context), std::move(number), std::move(after), wait, wall);
      json items = json::array();
      for (const sandbox::PhoneMessage& message : messages) items.push_back(message_json(message));
      json answer;
      answer["items"] = std::move(items);
      co_return json_response(200, answer);
    });
    add("POST", "/_control/phones/{number}/messages", [&runtime](RouteContext& context) -> Task<net::Response> {
      const json body = parse_body(context);
      const JsonRef request(body);
      std::string to(request.at("to").text());
      std::string text(request.at("message").text());
      std::string from(context.param("number"));
      json answer;
      answer["message_id"] =
          co_await runtime.sandbox().send_from_phone(resource_of(context), std::move(from), std::move(to), std::move(text));
      co_return json_response(202, answer);
    });
    add("GET", "/_control/rules", [&runtime](RouteContext& context) -> Task<net::Response> {
      const std::vector<sandbox::PhoneRule> rules = co_await runtime.sandbox().rules(resource_of(context));
      json items = json::array();
      for (const sandbox::PhoneRule& rule : rules) items.push_back(rule_json(rule));
      json answer;
      answer["items"] = std::move(items);
      co_return json_response(200, answer);
    });
    add("POST", "/_control/rules", [&runtime](RouteContext& context) -> Task<net::Response> {
      const json body = parse_body(context);
      sandbox::PhoneRule rule = parse_phone_rule(body);
      std::string provider(JsonRef(body).text_or("provider", ""));
      const json answer = rule_json(rule);
      co_await runtime.sandbox().add_rule(resource_of(context), std::move(rule), std::move(provider));
      co_return json_response(201, answer);
    });
    add("POST", "/_control/sandbox/reset", [&runtime](RouteContext& context) -> Task<net::Response> {
      co_await runtime.sandbox().reset(resource_of(context));
      co_await runtime.phone_sandbox().reset(resource_of(context));
      co_return json_response(200, json::object());
    });
  }

  void add_clock() {
    Runtime& runtime = runtime_;
    add("GET", "/_control/clock", [&runtime](RouteContext&) -> Task<net::Response> {
      json answer;
      answer["now"] = rfc3339_us(runtime.clock().now());
      answer["mode"] = runtime.clock().mode() == Clock::Mode::kReal ? "real" : "virtual";
      answer["pending_timers"] = runtime.clock().pending();
      co_return json_response(200, answer);
    });
    add("POST", "/_control/clock/advance", [&runtime](RouteContext& context) -> Task<net::Response> {
      const json body = parse_body(context);
      const Duration by = parse_duration_member(JsonRef(body).at("by"));
      const Time now = co_await runtime.clock().advance_async(by);
      json answer;
      answer["now"] = rfc3339_us(now);
      co_return json_response(200, answer);
    });
    add("POST", "/_control/settle", [&runtime](RouteContext&) -> Task<net::Response> {
      co_await runtime.settle();
      co_return json_response(200, json::object());
    });
  }

  void add_plugins() {
    Runtime& runtime = runtime_;
    add("GET", "/_control/plugins", [&runtime](RouteContext&) -> Task<net::Response> {
      json items = json::array();
      for (const service::PluginInfo& plugin : runtime.plugins()) {
        json item;
        item["id"] = plugin.id;
        item["version"] = plugin.version;
        item["path"] = plugin.path;
        item["interfaces"] = plugin.interfaces;
        item["state"] = plugin.state;
        set_optional(item, "detail", plugin.detail);
        items.push_back(std::move(item));
      }
      json answer;
      answer["items"] = std::move(items);
      co_return json_response(200, answer);
    });
  }

  std::vector<server::Route>& routes_;
  Runtime& runtime_;
  Clock& wall_;
};

}  // namespace

void add_control_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall) {
  ControlRoutes(routes, runtime, wall).add_all();
  add_control_mail_routes(routes, runtime, wall);
  add_control_provider_routes(routes, runtime, wall);
  add_control_sms_routes(routes, runtime);
  add_control_event_routes(routes, runtime, wall);
  add_control_subscription_routes(routes, runtime, wall);
  add_control_topic_routes(routes, runtime);
  add_control_resource_routes(routes, runtime);
  add_control_calling_routes(routes, runtime);
  add_control_call_routes(routes, runtime);
  add_control_workflow_routes(routes, runtime, wall);
}

}  // namespace trunkline::api
