#include "runtime/api/control_mail_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/control_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/encoding.h"
#include "runtime/core/runtime.h"
#include "runtime/services/email_service.h"
#include "runtime/services/sandbox_mail_service.h"

namespace trunkline::api {
namespace {

using email::EmailState;
using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kMaxMailBytes = 32u << 20;

constexpr std::pair<EmailState, std::string_view> kStates[] = {
    {EmailState::kQueued, "queued"},           {EmailState::kSent, "sent"},
    {EmailState::kDelivered, "delivered"},     {EmailState::kBounced, "bounced"},
    {EmailState::kSuppressed, "suppressed"},   {EmailState::kFilteredSpam, "filtered_spam"},
    {EmailState::kQuarantined, "quarantined"}, {EmailState::kExpanded, "expanded"},
    {EmailState::kFailed, "failed"},           {EmailState::kComplained, "complained"},
};

std::string_view mail_word(EmailState state) {
  for (const auto& [value, name] : kStates)
    if (value == state) return name;
  return "unknown";
}

std::string_view mail_word(service::EmailOperationStatus status) {
  constexpr std::string_view kWords[] = {"unknown", "not_started", "running", "succeeded", "failed", "canceled"};
  const auto i = static_cast<std::size_t>(status);
  return i < std::size(kWords) ? kWords[i] : kWords[0];
}

std::string_view mail_word(service::SuppressionReason reason) {
  constexpr std::string_view kWords[] = {"unknown", "hard_bounce", "complaint", "unsubscribe", "manual"};
  const auto i = static_cast<std::size_t>(reason);
  return i < std::size(kWords) ? kWords[i] : kWords[0];
}

json to_json(const service::EmailOperation& operation) {
  json out;
  out["operation_id"] = operation.operation_id;
  out["status"] = mail_word(operation.status);
  set_optional(out, "error_code", operation.error_code);
  set_optional(out, "error_message", operation.error_message);
  out["sender"] = operation.sender_address;
  out["subject"] = operation.subject;
  out["internet_message_id"] = operation.internet_message_id;
  out["created_at"] = rfc3339_us(operation.created_at);
  out["updated_at"] = rfc3339_us(operation.updated_at);
  out["recipients"] = json::array();
  for (const service::EmailRecipientStatus& recipient : operation.recipients) {
    json one;
    one["address"] = recipient.address;
    one["state"] = mail_word(recipient.state);
    set_optional(one, "status_code", recipient.status_code);
    set_optional(one, "detail", recipient.detail);
    set_optional(one, "provider", recipient.provider);
    set_optional(one, "provider_message_id", recipient.provider_message_id);
    one["attempts"] = recipient.attempts;
    if (recipient.next_attempt_at) one["next_attempt_at"] = rfc3339_us(*recipient.next_attempt_at);
    one["updated_at"] = rfc3339_us(recipient.updated_at);
    out["recipients"].push_back(std::move(one));
  }
  return out;
}

json decision_json(const DecisionRecord& record) {
  json out;
  out["subject"] = record.subject;
  out["steps"] = json::array();
  for (const DecisionStep& step : record.steps) {
    json item;
    item["at"] = rfc3339_us(step.at);
    item["rule"] = step.rule;
    item["outcome"] = step.outcome;
    item["value"] = step.value;
    set_optional(item, "detail", step.detail);
    out["steps"].push_back(std::move(item));
  }
  return out;
}

json to_json(const sandbox::CapturedMail& mail, bool whole) {
  json out;
  out["mail_id"] = mail.mail_id;
  set_optional(out, "operation_id", mail.message_id);
  out["from"] = mail.from;
  out["to"] = mail.to;
  out["subject"] = mail.subject;
  out["at"] = rfc3339_us(mail.at);
  out["via"] = mail.via;
  out["outcomes"] = mail.outcomes;
  out["size"] = mail.size_bytes;
  if (!whole) return out;
  set_optional(out, "text", mail.plain_text);
  set_optional(out, "html", mail.html);
  out["headers"] = mail.headers;
  out["files"] = json::array();
  for (const sandbox::CapturedFile& file : mail.files) {
    json one;
    one["name"] = file.name;
    one["content_type"] = file.content_type;
    set_optional(one, "content_id", file.content_id);
    one["size"] = file.size_bytes;
    out["files"].push_back(std::move(one));
  }
  return out;
}

json to_json(const sandbox::MailRule& rule) {
  const auto text = [](Duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + "ms";
  };
  json out;
  out["match"] = rule.match;
  out["latency"] = text(rule.latency);
  out["jitter"] = text(rule.jitter);
  out["outcome"] = mail_word(rule.outcome);
  set_optional(out, "status_code", rule.status_code);
  set_optional(out, "detail", rule.detail);
  out["refuse"] = rule.refuse;
  out["temporary"] = rule.temporary;
  set_optional(out, "rate", rule.rate);
  out["silent"] = rule.silent;
  out["bounce_mail"] = rule.bounce_mail;
  out["times"] = rule.times;
  return out;
}

sandbox::MailRule parse_mail_rule(const json& body) {
  const JsonRef request(body);
  sandbox::MailRule rule;
  rule.match = request.at("match").text();
  if (const auto v = request.find("latency")) rule.latency = parse_duration_member(*v);
  if (const auto v = request.find("jitter")) rule.jitter = parse_duration_member(*v);
  if (const auto v = request.find("outcome")) {
    rule.outcome = EmailState::kUnknown;
    for (const auto& [state, name] : kStates)
      if (name == v->text()) rule.outcome = state;
    if (rule.outcome == EmailState::kUnknown) throw v->error("'" + std::string(v->text()) + "' is no outcome");
  }
  if (const auto v = request.find("status_code")) rule.status_code = std::string(v->text());
  if (const auto v = request.find("detail")) rule.detail = std::string(v->text());
  rule.refuse = request.boolean_or("refuse", false);
  rule.temporary = request.boolean_or("temporary", false);
  if (const auto v = request.find("rate")) rule.rate = v->number();
  rule.silent = request.boolean_or("silent", false);
  rule.bounce_mail = request.boolean_or("bounce_mail", false);
  rule.times = static_cast<std::int32_t>(request.integer_or("times", 0, 0, 1'000'000));
  return rule;
}

template <class List, class F>
net::Response items_response(const List& list, F each) {
  json answer;
  answer["items"] = json::array();
  for (const auto& one : list) answer["items"].push_back(each(one));
  return json_response(200, answer);
}

void add_operations(std::vector<server::Route>& routes, Runtime& runtime) {
  add_control_route(routes, "GET", "/_control/emails", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto limit = static_cast<std::int32_t>(integer_parameter(context, "limit", 100, 1, 1000));
    const service::EmailPage page = runtime.email().list(*resource_of(context), limit, context.query("continuation"));
    json answer;
    answer["items"] = json::array();
    for (const service::EmailOperation& operation : page.items) answer["items"].push_back(to_json(operation));
    set_optional(answer, "continuation", page.continuation);
    co_return json_response(200, answer);
  });
  add_control_route(routes, "GET", "/_control/emails/{id}", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, to_json(runtime.email().get(*resource_of(context), context.param("id"))));
  });
  add_control_route(routes, "GET", "/_control/emails/{id}/explain", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, decision_json(runtime.email().explain(*resource_of(context), context.param("id"))));
  });
  add_control_route(routes, "GET", "/_control/received-emails", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto limit = static_cast<std::int32_t>(integer_parameter(context, "limit", 100, 1, 1000));
    co_return items_response(runtime.email().received_mails(*resource_of(context), limit), [](const auto& mail) {
      json one;
      one["message_id"] = mail.message_id;
      one["from"] = mail.from;
      one["to"] = mail.to;
      one["subject"] = mail.subject;
      one["received_at"] = rfc3339_us(mail.received_at);
      return one;
    });
  });
}

void add_suppressions(std::vector<server::Route>& routes, Runtime& runtime) {
  add_control_route(routes, "GET", "/_control/suppressions", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return items_response(runtime.email().suppressions(*resource_of(context)), [](const service::Suppression& s) {
      json one;
      one["address"] = s.address;
      one["sender"] = s.sender_address;
      one["reason"] = mail_word(s.reason);
      one["detail"] = s.detail;
      one["created_at"] = rfc3339_us(s.created_at);
      if (s.expires_at) one["expires_at"] = rfc3339_us(*s.expires_at);
      return one;
    });
  });
  add_control_route(routes, "POST", "/_control/suppressions", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::string address(request.at("address").text()), sender(request.text_or("sender", "")), note(request.text_or("note", ""));
    co_await runtime.email().suppress(resource_of(context), std::move(address), std::move(sender), std::move(note));
    co_return json_response(201, body);
  });
  add_control_route(routes, "DELETE", "/_control/suppressions/{address}",
                    [&runtime](RouteContext& context) -> Task<net::Response> {
                      std::string address = context.param("address");
                      co_await runtime.email().lift(resource_of(context), std::move(address));
                      co_return empty_response(204);
                    });
}

void add_mailboxes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall) {
  add_control_route(routes, "GET", "/_control/mailboxes", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto boxes = co_await runtime.sandbox_mail().mailboxes(resource_of(context));
    json answer;
    answer["items"] = json::array();
    for (const sandbox::CapturedMailbox& box : boxes) {
      json one;
      one["address"] = box.address;
      one["mail_count"] = box.mail_count;
      answer["items"].push_back(std::move(one));
    }
    answer["smtp"] = runtime.sandbox_mail().smtp_address();
    co_return json_response(200, answer);
  });
  // A long poll: waits up to wait_ms for a mail behind `after`.
  add_control_route(routes, "GET", "/_control/mails", [&runtime, &wall](RouteContext& context) -> Task<net::Response> {
    const std::chrono::milliseconds wait{integer_parameter(context, "wait_ms", 0, 0, kMaxWaitMs)};
    std::string address = context.query("address").value_or(""), after = context.query("after").value_or("");
    const auto mails =
        co_await runtime.sandbox_mail().wait_for_mails(resource_of(context), std::move(address), std::move(after), wait, wall);
    co_return items_response(mails, [](const sandbox::CapturedMail& mail) { return to_json(mail, false); });
  });
  add_control_route(routes, "GET", "/_control/mails/{id}", [&runtime](RouteContext& context) -> Task<net::Response> {
    std::string id = context.param("id");
    const sandbox::CapturedMail mail = co_await runtime.sandbox_mail().mail(resource_of(context), std::move(id));
    co_return json_response(200, to_json(mail, true));
  });
  add_control_route(routes, "GET", "/_control/mails/{id}/raw", [&runtime](RouteContext& context) -> Task<net::Response> {
    std::string id = context.param("id");
    const Bytes bytes = co_await runtime.sandbox_mail().raw(resource_of(context), std::move(id));
    net::Response response;
    response.content_type = "message/rfc822";
    response.body.assign(bytes.begin(), bytes.end());
    co_return response;
  });
  add_control_route(routes, "POST", "/_control/mails/{id}/complain", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    std::string id = context.param("id"), recipient(JsonRef(body).at("recipient").text());
    co_await runtime.sandbox_mail().complain(resource_of(context), std::move(id), std::move(recipient));
    co_return json_response(200, json::object());
  });
  // Somebody sends a mail to us: the whole mail as `mime`, or its parts.
  add_control_route(routes, "POST", "/_control/mails", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::string from(request.at("from").text());
    std::vector<std::string> to;
    const JsonRef list = request.at("to");
    for (std::size_t i = 0; i < list.array_size(); ++i) to.emplace_back(list[i].text());
    std::string text(request.text_or("mime", ""));
    if (text.empty()) {
      const auto plain = [](std::string_view value) {
        std::string line(value);
        for (char& c : line)
          if (c == '\r' || c == '\n') c = ' ';
        return line;
      };
      text = "From: " + plain(from) + "\r\nTo: " + plain(to.empty() ? "" : to.front()) +
             "\r\nSubject: " + plain(request.text_or("subject", "")) +
             "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
             std::string(request.text_or("text", "")) + "\r\n";
    }
    Bytes mime(text.begin(), text.end());
    json answer;
    answer["mail_id"] =
        co_await runtime.sandbox_mail().receive(resource_of(context), std::move(from), std::move(to), std::move(mime));
    co_return json_response(202, answer);
  });
  routes.back().max_body_bytes = kMaxMailBytes;
  add_control_route(routes, "GET", "/_control/mail-rules", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto rules = co_await runtime.sandbox_mail().rules(resource_of(context));
    co_return items_response(rules, [](const sandbox::MailRule& rule) { return to_json(rule); });
  });
  add_control_route(routes, "POST", "/_control/mail-rules", [&runtime](RouteContext& context) -> Task<net::Response> {
    sandbox::MailRule rule = parse_mail_rule(parse_body(context));
    const json answer = to_json(rule);
    co_await runtime.sandbox_mail().add_rule(resource_of(context), std::move(rule));
    co_return json_response(201, answer);
  });
  add_control_route(routes, "POST", "/_control/sandbox/mail/reset", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_await runtime.sandbox_mail().reset(resource_of(context));
    co_return json_response(200, json::object());
  });
}

}  // namespace

void add_control_mail_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall) {
  add_operations(routes, runtime);
  add_suppressions(routes, runtime);
  add_mailboxes(routes, runtime, wall);
}

}  // namespace trunkline::api
