// For people and tests: the calls under way, the virtual phones and who is at them.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "runtime/api/calls_api.h"
#include "runtime/api/control_rest.h"
#include "runtime/calls/call_json.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/phone_sandbox.h"
#include "runtime/core/runtime.h"

namespace trunkline::api {
namespace {

using calls::PhoneSandbox;
using nlohmann::json;
using pstnsandbox::Persona;
using pstnsandbox::PersonaBehavior;
using pstnsandbox::PhoneCall;
using pstnsandbox::PromptReply;
using server::RouteContext;

// In the order of their enumerations.
constexpr std::array<const char*, 7> kBehaviors = {"unknown",   "answer",      "busy",     "reject",
                                                   "no_answer", "unreachable", "voicemail"};
constexpr std::array<const char*, 5> kLegStates = {"unknown", "dialing", "ringing", "answered", "ended"};

template <std::size_t N, class E>
const char* word_of(const std::array<const char*, N>& words, E value) {
  const auto i = static_cast<std::size_t>(value);
  return i < N ? words[i] : words[0];
}

std::int64_t milliseconds(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

json call_json(const PhoneCall& call) {
  json out;
  out["leg_id"] = call.leg_id;
  out["phone"] = call.phone;
  out["other"] = call.other;
  out["outbound"] = call.outbound;
  out["state"] = word_of(kLegStates, call.state);
  out["heard"] = call.heard;
  set_optional(out, "cause", call.cause);
  out["started_at"] = rfc3339_us(call.started_at);
  out["prompts"] = call.prompts;
  out["said"] = call.said;
  return out;
}

json persona_json(const Persona& persona) {
  json out;
  out["match"] = persona.match;
  out["behavior"] = word_of(kBehaviors, persona.behavior);
  out["after_ms"] = milliseconds(persona.after);
  set_optional(out, "digits", persona.digits);
  set_optional(out, "says", persona.says);
  if (persona.digits) {
    out["digits_after_ms"] = milliseconds(persona.digits_after);
    out["digit_interval_ms"] = milliseconds(persona.digit_interval);
  }
  if (persona.says) out["says_after_ms"] = milliseconds(persona.says_after);
  if (persona.hang_up_after) out["hang_up_after_ms"] = milliseconds(*persona.hang_up_after);
  if (persona.drop_after) out["drop_after_ms"] = milliseconds(*persona.drop_after);
  for (const PromptReply& reply : persona.replies.value_or(std::vector<PromptReply>{})) {
    json one;
    set_optional(one, "prompt", reply.prompt);
    one["after_ms"] = milliseconds(reply.after);
    one["barge_in"] = reply.barge_in;
    set_optional(one, "digits", reply.digits);
    set_optional(one, "says", reply.says);
    out["replies"].push_back(std::move(one));
  }
  return out;
}

std::optional<std::string> optional_text(const JsonRef& value, const char* name) {
  const auto found = value.find(name);
  return found ? std::optional<std::string>(found->text()) : std::nullopt;
}

/// `250ms`, `2s`, `PT1H`.
Duration duration_or(const JsonRef& value, const char* name, Duration fallback) {
  const auto found = value.find(name);
  return found ? parse_duration_member(*found) : fallback;
}

PromptReply read_reply(const JsonRef& value) {
  PromptReply reply;
  reply.prompt = optional_text(value, "prompt");
  reply.after = duration_or(value, "after", reply.after);
  reply.barge_in = value.boolean_or("barge_in", false);
  reply.digits = optional_text(value, "digits");
  reply.says = optional_text(value, "says");
  return reply;
}

Persona read_persona(const JsonRef& value) {
  Persona persona;
  persona.match = value.at("match").text();
  const std::string_view behavior = value.text_or("behavior", "answer");
  const auto known = std::find(kBehaviors.begin() + 1, kBehaviors.end(), behavior);
  if (known == kBehaviors.end())
    throw value.at("behavior")
        .error("'" + std::string(behavior) + "' is none of answer, busy, reject, no_answer, unreachable, voicemail");
  persona.behavior = static_cast<PersonaBehavior>(known - kBehaviors.begin());
  persona.after = duration_or(value, "after", persona.after);
  persona.digits = optional_text(value, "digits");
  persona.digits_after = duration_or(value, "digits_after", persona.digits_after);
  persona.digit_interval = duration_or(value, "digit_interval", persona.digit_interval);
  persona.says = optional_text(value, "says");
  persona.says_after = duration_or(value, "says_after", persona.says_after);
  if (const auto after = value.find("hang_up_after")) persona.hang_up_after = parse_duration_member(*after);
  if (const auto after = value.find("drop_after")) persona.drop_after = parse_duration_member(*after);
  if (const auto replies = value.find("replies"))
    for (std::size_t i = 0; i < replies->array_size(); ++i) {
      if (!persona.replies) persona.replies.emplace();
      persona.replies->push_back(read_reply((*replies)[i]));
    }
  return persona;
}

void add_phone_routes(std::vector<server::Route>& routes, PhoneSandbox& phones) {
  add_control_route(routes, "GET", "/_control/phone-calls", [&phones](RouteContext& context) -> Task<net::Response> {
    const std::vector<PhoneCall> calls = co_await phones.calls(resource_of(context), context.query("phone"));
    json answer;
    answer["items"] = json::array();
    for (const PhoneCall& call : calls) answer["items"].push_back(call_json(call));
    co_return json_response(200, answer);
  });
  add_control_route(routes, "POST", "/_control/phone-calls", [&phones](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::string from(request.at("from").text()), to(request.at("to").text());
    json answer;
    answer["leg_id"] = co_await phones.call(resource_of(context), std::move(from), std::move(to));
    co_return json_response(202, answer);
  });
  add_control_route(routes, "POST", "/_control/phone-calls/{legId}/digits",
                    [&phones](RouteContext& context) -> Task<net::Response> {
                      const json body = parse_body(context);
                      std::string digits(JsonRef(body).at("digits").text());
                      co_await phones.press(resource_of(context), context.param("legId"), std::move(digits));
                      co_return empty_response(204);
                    });
  add_control_route(routes, "POST", "/_control/phone-calls/{legId}/speech",
                    [&phones](RouteContext& context) -> Task<net::Response> {
                      const json body = parse_body(context);
                      std::string text(JsonRef(body).at("text").text());
                      co_await phones.speak(resource_of(context), context.param("legId"), std::move(text));
                      co_return empty_response(204);
                    });
  add_control_route(routes, "DELETE", "/_control/phone-calls/{legId}", [&phones](RouteContext& context) -> Task<net::Response> {
    co_await phones.hang_up(resource_of(context), context.param("legId"));
    co_return empty_response(204);
  });
  add_control_route(routes, "GET", "/_control/personas", [&phones](RouteContext& context) -> Task<net::Response> {
    const std::vector<Persona> personas = co_await phones.personas(resource_of(context));
    json answer;
    answer["items"] = json::array();
    for (const Persona& persona : personas) answer["items"].push_back(persona_json(persona));
    co_return json_response(200, answer);
  });
  add_control_route(routes, "POST", "/_control/personas", [&phones](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    Persona persona = read_persona(JsonRef(body));
    co_await phones.add_persona(resource_of(context), std::move(persona));
    co_return empty_response(204);
  });
}

}  // namespace

void add_control_call_routes(std::vector<server::Route>& routes, Runtime& runtime) {
  add_control_route(routes, "GET", "/_control/calls", [&runtime](RouteContext& context) -> Task<net::Response> {
    json answer;
    answer["items"] = json::array();
    for (const calls::ConnectionView& view : runtime.calls().list(*resource_of(context))) {
      json item = calls::connection_json(view);
      item["participants"] = json::array();
      for (const calls::ParticipantView& one : runtime.calls().participants(*resource_of(context), view.id))
        item["participants"].push_back(calls::participant_json(one));
      answer["items"].push_back(std::move(item));
    }
    co_return json_response(200, answer);
  });
  add_phone_routes(routes, runtime.phone_sandbox());
}

}  // namespace trunkline::api
