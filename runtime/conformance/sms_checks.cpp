// What an SMS provider promises: see SmsProvider in bindings/idl/sms.tsp.
#include <algorithm>
#include <set>

#include "runtime/conformance/check.h"
#include "runtime/conformance/declared_errors.h"
#include "trunkline/sms_client.hpp"

namespace trunkline::conformance {
namespace {

using Results = std::vector<sms::SmsSendResult>;

sms::SmsProviderClient sms_client(plugin::PluginInstance& instance) {
  return {instance.interface(sms::SmsProviderClient::kInterfaceId), instance.calls()};
}

sms::SmsSendRequest request_of(const SmsSample& sample, int seed = 0) {
  sms::SmsSendRequest request;
  request.from = sample.from;
  request.text = sample.text;
  sms::Recipient recipient;
  recipient.to = sample.to;
  recipient.message_id = "kit-" + std::to_string(seed);
  request.recipients.push_back(std::move(recipient));
  return request;
}

/// A send whose results are kept. Fails the check when it never ends.
Result<Results> send(CheckContext& kit, Subject& subject, sms::SmsSendRequest request, CallOptions options = {}) {
  auto record = std::make_shared<CallRecord>();
  auto results = std::make_shared<Result<Results>>();
  options.resource = "kit";
  sms_client(*subject.instance)
      .start_send(std::move(request), std::move(options),
                  [results, settled = kit.recorder(record)](Result<Results> result) mutable {
                    if (result.ok()) *results = std::move(result);
                    const Error* error = result.ok() ? nullptr : &result.error();
                    settled(error);
                  });
  kit.await(record, "send");
  if (record->error) return *record->error;
  return std::move(*results);
}

/// One result for each recipient, in order, each consistent with itself.
void check_results(const sms::SmsSendRequest& request, const Results& results) {
  CheckContext::require(results.size() == request.recipients.size(), "found " + std::to_string(results.size()) + " results for " +
                                                                         std::to_string(request.recipients.size()) +
                                                                         " recipients, wanted one for each");
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string at = "result " + std::to_string(i) + ": ";
    CheckContext::require(results[i].message_id == request.recipients[i].message_id,
                          at + "message_id is \"" + results[i].message_id + "\", wanted \"" + request.recipients[i].message_id +
                              "\": results come in the order of the request");
    CheckContext::require(results[i].segments >= 0, at + "segments is " + std::to_string(results[i].segments));
    CheckContext::require(results[i].accepted || results[i].reason != sms::FailureReason::kNone || results[i].provider_code,
                          at + "refused without a reason or the carrier's code");
  }
}

void answers_each_recipient(CheckContext& kit) {
  Subject subject = kit.open();
  const std::int32_t most = sms_client(*subject.instance).capabilities().max_recipients;
  sms::SmsSendRequest request = request_of(kit.input.quirks.sms);
  for (int i = 1; i < std::min(most, 3); ++i) {
    request.recipients.push_back(request.recipients.front());
    request.recipients.back().message_id = "kit-" + std::to_string(i);
  }
  const auto result = send(kit, subject, request);
  if (!result.ok()) kit.fail("send failed: " + result.error().message);
  check_results(request, result.value());
  for (const sms::SmsSendResult& one : result.value())
    kit.require(one.accepted, "the carrier refused " + kit.input.quirks.sms.to + " (" + one.provider_code.value_or("no code") +
                                  "): name a number that it takes in the quirks' \"sms\"");
  kit.close(subject);
}

void capabilities(CheckContext& kit) {
  Subject subject = kit.open();
  const sms::SmsCapabilities first = sms_client(*subject.instance).capabilities();
  kit.require(first.max_recipients > 0, "max_recipients is " + std::to_string(first.max_recipients));
  kit.require(first.max_segments > 0, "max_segments is " + std::to_string(first.max_segments));
  for (const std::string& country : first.countries)
    kit.require(country.size() == 2 && std::all_of(country.begin(), country.end(), [](char c) { return c >= 'A' && c <= 'Z'; }),
                "countries has \"" + country + "\", wanted ISO 3166-1 alpha-2");
  send(kit, subject, request_of(kit.input.quirks.sms));
  kit.require(sms_client(*subject.instance).capabilities() == first, "capabilities changed while the instance lived");
  kit.close(subject);
}

void sms_unknown_enum(CheckContext& kit) {
  constexpr int kFromTheFuture = 9999;
  Subject subject = kit.open();
  sms::SmsSendRequest request = request_of(kit.input.quirks.sms);
  request.encoding = static_cast<sms::Encoding>(kFromTheFuture);
  const auto result = send(kit, subject, request);
  if (result.ok())
    check_results(request, result.value());
  else
    kit.remark(error_name(result.error().code) + ": " + result.error().message);
  kit.close(subject);
}

/// Texts that must not upset it. `what`, and the text.
void odd_text(CheckContext& kit, const std::string& text) {
  Subject subject = kit.open();
  sms::SmsSendRequest request = request_of(kit.input.quirks.sms);
  request.text = text;
  request.properties.emplace();
  (*request.properties)["kit"] = text.substr(0, 16);
  const auto result = send(kit, subject, request);
  if (result.ok()) {
    check_results(request, result.value());
  } else {
    require_meaning(kit, result.error());
  }
  kit.close(subject);
}

// A message id with a NUL in it comes back whole: nothing was taken for a C string.
void nul_in_id(CheckContext& kit) {
  Subject subject = kit.open();
  sms::SmsSendRequest request = request_of(kit.input.quirks.sms);
  request.recipients.front().message_id = std::string("kit\0id", 6);
  const auto result = send(kit, subject, request);
  if (result.ok()) check_results(request, result.value());
  kit.close(subject);
}

void idempotency(CheckContext& kit) {
  Subject subject = kit.open();
  if (!sms_client(*subject.instance).capabilities().idempotent) kit.skip("capabilities say that it is not idempotent");
  CallOptions options;
  options.idempotency_key = "kit-once";
  const auto first = send(kit, subject, request_of(kit.input.quirks.sms), options);
  const auto second = send(kit, subject, request_of(kit.input.quirks.sms), options);
  if (!first.ok() || !second.ok()) kit.fail("send failed: " + (first.ok() ? second : first).error().message);
  kit.require(first.value().size() == 1 && second.value().size() == 1, "not one result for one recipient");
  kit.require(first.value()[0].provider_message_id == second.value()[0].provider_message_id,
              "the same idempotency key gave two carrier ids: the text was sent twice");
  kit.close(subject);
}

// ---- declared errors ----

constexpr DeclaredError kErrors[] = {{ErrorCode::kInvalidArgument, 0},
                                     {ErrorCode::kUnauthenticated, 401},
                                     {ErrorCode::kResourceExhausted, 429},
                                     {ErrorCode::kUnavailable, 503}};

void declared_error(CheckContext& kit, const DeclaredError& wanted) {
  Subject subject = kit.open();
  sms::SmsSendRequest request = request_of(kit.input.quirks.sms);
  std::optional<HttpRule> answer;
  const ErrorRecipe* told = provocation(
      kit, "sms.send", wanted, [&] { send(kit, subject, request); }, answer);
  if (told && told->sms) request = request_of(*told->sms);
  if (!told && wanted.status == 0) {
    request.from.clear();
    request.recipients.clear();
  }
  kit.host.http.answer_all(answer);
  const auto result = send(kit, subject, request);
  kit.host.http.answer_all({});
  if (!result.ok()) {
    require_code(result.error(), wanted.code);
  } else if (wanted.code != ErrorCode::kInvalidArgument || told) {
    // Refusing a recipient is right where only it is at fault.
    const auto& results = result.value();
    kit.require(!results.empty() && std::none_of(results.begin(), results.end(), [](const auto& one) { return one.accepted; }),
                "wanted " + error_name(wanted.code) + ", but the text was accepted");
    kit.remark("told as a refused recipient, not as an error");
  } else {
    kit.require(result.value().empty(), "a request without recipients was given results");
  }
  kit.close(subject);
}

void failed_means_not_sent(CheckContext& kit) {
  // After a fault has passed the same text is taken: nothing is stuck.
  Subject subject = kit.open();
  HttpRule down;
  down.fails = true;
  kit.host.http.answer_all(down);
  const auto failed = send(kit, subject, request_of(kit.input.quirks.sms));
  kit.host.http.answer_all({});
  if (kit.host.http.requests() == 0) kit.skip("it does not use the host's HTTP");
  kit.require(
      !failed.ok() || std::none_of(failed.value().begin(), failed.value().end(), [](const auto& one) { return one.accepted; }),
      "the carrier could not be reached, but the text was accepted");
  if (!failed.ok())
    kit.require(failed.error().code == ErrorCode::kUnavailable || failed.error().code == ErrorCode::kDeadlineExceeded,
                "the carrier could not be reached: wanted unavailable, found " + error_name(failed.error().code));
  const auto sent = send(kit, subject, request_of(kit.input.quirks.sms, 1));
  kit.require(sent.ok(), "the carrier is back, but send fails: " + (sent.ok() ? "" : sent.error().message));
  kit.close(subject);
}

}  // namespace

std::vector<Check> sms_checks(NormalCall& normal) {
  normal = [](CheckContext& kit, plugin::PluginInstance& instance, int seed, CallOptions options, Settled done) {
    sms_client(instance).start_send(request_of(kit.input.quirks.sms, seed), std::move(options), settle(std::move(done)));
  };
  std::vector<Check> all{{"sms.capabilities", capabilities},    {"sms.send.answers_each_recipient", answers_each_recipient},
                         {"sms.send.idempotency", idempotency}, {"sms.send.unknown_enum", sms_unknown_enum},
                         {"sms.send.nul_in_id", nul_in_id},     {"sms.send.failed_means_not_sent", failed_means_not_sent}};
  const std::pair<const char*, std::string> texts[] = {{"nul_in_text", std::string("a\0b\0", 4)},
                                                       {"empty_text", ""},
                                                       {"emoji_text", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x82\xac{}[]"},
                                                       {"malformed_utf8", "a\xff\xc3"},
                                                       {"huge_text", std::string(1'000'000, 'x')}};
  for (const auto& [name, text] : texts)
    all.push_back({std::string("sms.send.") + name, [text = text](CheckContext& kit) { odd_text(kit, text); }});
  for (const DeclaredError& error : kErrors)
    all.push_back({"sms.send.error." + error_name(error.code), [&error](CheckContext& kit) { declared_error(kit, error); }});
  return all;
}

}  // namespace trunkline::conformance
