// What the carrier says later: receipts, texts from phones, and answers to questions.
#include <algorithm>

#include "engine.h"
#include "signature.h"

namespace http_carrier {

using trunkline::Bytes;
using trunkline::Call;
using trunkline::CallOptions;
using trunkline::Custody;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;
using trunkline::host::LogLevel;
using trunkline::sms::DeliveryReport;
using trunkline::sms::FailureReason;
using trunkline::sms::InboundSms;
using trunkline::sms::MessageState;
using trunkline::sms::SmsCustody;
using trunkline::sms::SmsQuery;
using trunkline::sms::SmsQueryResult;

namespace {

std::string_view path_of(std::string_view url) {
  const std::string_view target = target_of(url);
  return target.substr(0, target.find('?'));
}

bool applies(const CallbackMap& map, const json& one) {
  if (map.only_if.empty()) return true;
  const auto value = find_text(one, map.only_if);
  return value && (map.only_if_values.empty() ||
                   std::find(map.only_if_values.begin(), map.only_if_values.end(), *value) != map.only_if_values.end());
}

std::optional<MessageState> state_of(const std::map<std::string, MessageState>& states, const std::optional<std::string>& word) {
  if (!word) return std::nullopt;
  const auto found = states.find(*word);
  return found == states.end() ? std::nullopt : std::optional(found->second);
}

HttpResponse answer_of(const CallbackMap& map) {
  HttpResponse response;
  response.status = map.answer_status;
  if (!map.answer_type.empty()) response.headers["content-type"] = map.answer_type;
  if (!map.answer_body.empty()) response.body = Bytes(map.answer_body.begin(), map.answer_body.end());
  return response;
}

}  // namespace

json Engine::document_of(const HttpRequest& request) const {
  const std::string type = header_of(request, "content-type");
  if (request.method == "GET") {
    const std::size_t query = request.url.find('?');
    return form_object(query == std::string::npos ? std::string_view() : std::string_view(request.url).substr(query + 1));
  }
  if (type.starts_with("application/x-www-form-urlencoded")) return form_object(body_of(request));
  json document = json::parse(body_of(request), nullptr, false);
  if (document.is_discarded()) throw Error(ErrorCode::kInvalidArgument, "body: wanted JSON", "body");
  return document;
}

Task<HttpResponse> Engine::receive(Call call, HttpRequest request) {
  const std::string_view path = path_of(request.url);
  const auto here = [&](const CallbackMap& map) { return path.ends_with(map.path); };
  const auto receipt = std::find_if(description_.receipts.begin(), description_.receipts.end(), here);
  const auto text = std::find_if(description_.inbound.begin(), description_.inbound.end(), here);
  const bool is_receipt = receipt != description_.receipts.end(), is_text = text != description_.inbound.end();
  HttpResponse nowhere;
  nowhere.status = 404;
  if (!is_receipt && !is_text) co_return nowhere;
  if (hooks_.verify)
    hooks_.verify(request);
  else
    verify(is_receipt ? receipt->verification : text->verification, request, secret_of_);
  const json document = document_of(request);
  if (hooks_.special)
    if (auto answer = hooks_.special(document)) co_return std::move(*answer);
  // Both may come to one path: what each is for says which it is.
  for (const CallbackMap& map : description_.receipts) {
    if (!here(map)) continue;
    const json* all = map.each.empty() ? &document : http_carrier::find(document, map.each);
    if (!all) continue;
    for (const json& one : all->is_array() ? *all : json::array({*all}))
      if (applies(map, one)) {
        std::string ours = map.message_id_parameter.empty() ? std::string() : parameter(request.url, map.message_id_parameter);
        co_await take_receipt(call, map, one, std::move(ours));
      }
  }
  for (const CallbackMap& map : description_.inbound) {
    if (!here(map)) continue;
    const json* all = map.each.empty() ? &document : http_carrier::find(document, map.each);
    if (!all) continue;
    for (const json& one : all->is_array() ? *all : json::array({*all}))
      if (applies(map, one)) co_await take_text(call, map, one);
  }
  co_return answer_of(is_receipt ? *receipt : *text);
}

Task<void> Engine::take_receipt(const Call& call, const CallbackMap& map, const json& one, std::string ours) {
  const auto word = find_text(one, map.state);
  if (!word) throw Error(ErrorCode::kInvalidArgument, "the receipt says no state", "body");
  const auto state = state_of(map.states, word);
  if (!state) {
    log_.write(LogLevel::kWarning, "a receipt has a state that the description does not have",
               trunkline::Properties{{"state", word->substr(0, 64)}});
    co_return;
  }
  DeliveryReport report;
  report.message_id = find_text(one, map.message_id).value_or(std::move(ours));
  if (auto id = find_text(one, map.id)) report.provider_message_id = std::move(*id);
  if (report.message_id.empty() && report.provider_message_id) {
    // The host knows the carrier's id once the answer is on its disk; we know it since the carrier answered.
    co_await custody_.ready();
    report.message_id = custody_.key_of(*report.provider_message_id);
  }
  if (report.message_id.empty() && !report.provider_message_id)
    throw Error(ErrorCode::kInvalidArgument, "the receipt names no message", "body");
  report.state = *state;
  report.at = clock_.now();
  if (*state == MessageState::kFailed || *state == MessageState::kExpired) {
    const auto code = find_text(one, map.code);
    const Meaning why = meaning(200, code && hooks_.code ? std::optional(hooks_.code(map, *code)) : code);
    report.reason = *state == MessageState::kExpired ? FailureReason::kUnreachable : why.reason;
    report.provider_code = code && !code->empty() ? *word + " " + *code : *word;
  }
  CallOptions options = call.forward();
  co_await events_.delivery_report(std::move(report), std::move(options));
}

Task<void> Engine::take_text(const Call& call, const CallbackMap& map, const json& one) {
  InboundSms text;
  const auto need = [&](const char* what, const Pointers& pointers) {
    auto value = find_text(one, pointers);
    if (!value) throw Error(ErrorCode::kInvalidArgument, std::string("the text has no ") + what, "body");
    return std::move(*value);
  };
  const auto number = [](std::string value) {
    const bool digits = value.size() >= 9 && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits ? "+" + value : value;
  };
  text.provider_message_id = need("id", map.id);
  text.from = number(need("from", map.from));
  text.to = number(need("to", map.to));
  text.text = need("text", map.text);
  text.received_at = clock_.now();
  CallOptions options = call.forward();
  co_await events_.received(std::move(text), std::move(options));
}

Task<SmsQueryResult> Engine::query(Call call, SmsQuery query) {
  SmsQueryResult result;
  std::string id = query.provider_message_id.value_or("");
  co_await custody_.ready();
  const bool sure = !description_.idempotent && custody_.would_know(query.sent_at);
  if (sure && !custody_.find(query.message_id)) co_await custody_.refresh();
  if (const auto known = custody_.find(query.message_id)) {
    if (known->custody == Custody::kRefused) result.custody = SmsCustody::kNotTaken;
    if (known->custody == Custody::kTaken) result.custody = SmsCustody::kTaken;
    if (id.empty()) id = known->carrier_id;
  } else if (sure) {
    result.custody = SmsCustody::kNotTaken;  // the crash was faster than we
  }
  if (!id.empty()) result.custody = SmsCustody::kTaken;
  if (result.custody == SmsCustody::kTaken) {
    // What the carrier says of its state, below, says more.
    DeliveryReport& report = result.report.emplace();
    report.message_id = query.message_id;
    if (!id.empty()) report.provider_message_id = id;
    report.state = MessageState::kSent;
    report.at = clock_.now();
  }
  if (result.custody == SmsCustody::kNotTaken || !description_.query) co_return result;
  const QueryMap& map = *description_.query;
  if (id.empty() && map.request.names("id")) co_return result;  // it can only be asked by an id that nobody was told
  Variables variables;
  variables["id"] = id;
  variables["message_id"] = query.message_id;
  variables["to"] = query.to;
  variables["from"] = query.from;
  HttpRequest request = fill(map.request, variables);
  CallOptions options = call.forward();
  const HttpResponse response = co_await http_.send(std::move(request), std::move(options));
  if (std::find(map.unknown.begin(), map.unknown.end(), response.status) != map.unknown.end()) {
    if (result.custody != SmsCustody::kTaken) result.custody = SmsCustody::kNotTaken;
    co_return result;
  }
  if (response.status < 200 || response.status > 299 || !response.body) co_return result;
  const json document = json::parse(response.body->begin(), response.body->end(), nullptr, false);
  const auto word = find_text(document, map.state);
  const auto state = state_of(map.states, word);
  if (!state) co_return result;
  result.custody = SmsCustody::kTaken;
  DeliveryReport& report = result.report.emplace();
  report.message_id = query.message_id;
  if (!id.empty()) report.provider_message_id = id;
  report.state = *state;
  report.at = clock_.now();
  if (*state == MessageState::kFailed) {
    const auto code = find_text(document, map.code);
    report.reason = meaning(200, code).reason;
    report.provider_code = code ? *word + " " + *code : *word;
  }
  co_return result;
}

}  // namespace http_carrier
