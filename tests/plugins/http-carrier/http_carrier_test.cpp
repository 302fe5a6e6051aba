// A carrier that is described in a file.
#include "tests/plugins/http-carrier/http_carrier.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace trunkline {
namespace {

using nlohmann::json;
using sms::FailureReason;
using sms::MessageState;
using sms::SmsCustody;
using testing::code_of;
using ::testing::HasSubstr;
using testing::kOurs;
using testing::kPhone;
using ::testing::SizeIs;

constexpr const char* kAcme = R"(
name: Acme
send:
  url: "https://api.acme.example/v1/send/{{to}}?ref={{message_id}}"
  headers: {Authorization: "Bearer {{secret.token}}"}
  json:
    to: "{{to_digits}}"
    from: "{{from}}"
    parts: "{{segments}}"
    unicode: "{{unicode}}"
    until: "{{valid_until}}"
    hook: "{{callback}}"
    text: "{{from}} says: {{text}}"
result:
  accepted: [200, 202]
  ok: /result
  ok_values: [accepted]
  id: [/message/id, /id]
  code: /error/code
  text: /error/message
  segments: /message/parts
  price: /message/cost
errors:
  E1: {reason: bad_destination}
  E2: {reason: temporary}
  "http:409": {reason: blocked}
  default: {reason: bad_sender}
query:
  url: "https://api.acme.example/v1/messages/{{id}}"
  state: /state
  states: {done: delivered, gone: failed}
  unknown: [404]
receipt:
  path: /receipt
  verify: {kind: hmac, header: X-Acme-Signature, secret: "{{secret.callback_secret}}", prefix: "sha256="}
  each: /reports
  message_id: /ref
  id: /id
  state: /state
  code: /why
  states: {done: delivered, gone: failed, late: expired, moving: sent}
  answer: {status: 200, body: "ok"}
inbound:
  path: /inbound
  verify: {kind: equals, query: code, secret: "{{secret.callback_token}}"}
  id: /id
  from: /from
  to: /to
  text: /text
)";

class Acme : public testing::HttpCarrier {
 protected:
  Acme() {
    std::string name = std::filesystem::temp_directory_path() / "acme-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~Acme() override { std::filesystem::remove_all(folder_); }
  void describe(const std::string& text) {
    std::ofstream(folder_ / "acme.yaml") << text;
    open("http-carrier",
         json{{"file", (folder_ / "acme.yaml").string()}, {"callback_url", "https://us.example/_webhooks/main"}}.dump(),
         {{"token", Secret("t0ken")}, {"callback_secret", Secret("s3cret")}, {"callback_token", Secret("c0de")}});
  }
  /// The message of the error that a description gives.
  std::string fault(const std::string& text) {
    try {
      describe(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
      return error.message;
    }
    return "none";
  }
  std::filesystem::path folder_;
};

TEST_F(Acme, SendsAsTheTemplateSays) {
  describe(kAcme);
  http_.answer(202, R"({"result": "accepted", "message": {"id": 77, "parts": "2", "cost": "0.0075"}})");
  const auto results = send(request({"m1"}, "caf\xc3\xa9 \xd1\x8f"));
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_TRUE(results[0].accepted);
  EXPECT_EQ(results[0].provider_message_id, "77");
  EXPECT_EQ(results[0].segments, 2);
  EXPECT_EQ(results[0].price_micros, 7500);
  const auto sent = http_.requests();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].method, "POST");
  EXPECT_EQ(sent[0].url, "https://api.acme.example/v1/send/%2B14255550123?ref=m1");
  EXPECT_EQ(sent[0].headers.at("authorization"), "Bearer t0ken");
  EXPECT_EQ(sent[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(json::parse(http_.body(0)), json({{"to", "14255550123"},
                                              {"from", kOurs},
                                              {"parts", 1},
                                              {"unicode", true},
                                              {"hook", "https://us.example/_webhooks/main"},
                                              {"text", std::string(kOurs) + " says: caf\xc3\xa9 \xd1\x8f"}}));
}

TEST_F(Acme, ReadsRefusals) {
  describe(kAcme);
  const auto refused = [&](int status, const std::string& body) {
    http_.answer(status, body);
    return send(request({"m"}))[0];
  };
  auto result = refused(400, R"({"error": {"code": "E1", "message": "no such number"}})");
  EXPECT_FALSE(result.accepted);
  EXPECT_EQ(result.reason, FailureReason::kBadDestination);
  EXPECT_EQ(result.provider_code, "E1 no such number");
  EXPECT_FALSE(result.retryable);
  result = refused(200, R"({"result": "refused", "error": {"code": "E2"}})");
  EXPECT_EQ(result.reason, FailureReason::kTemporary);
  EXPECT_TRUE(result.retryable);
  EXPECT_EQ(refused(409, "{}").reason, FailureReason::kBlocked);
  EXPECT_EQ(refused(418, "no JSON").reason, FailureReason::kBadSender);
  EXPECT_EQ(refused(418, "no JSON").provider_code, "HTTP 418");
  EXPECT_EQ(refused(429, "{}").reason, FailureReason::kOverQuota);
  EXPECT_TRUE(refused(503, "{}").retryable);
  EXPECT_TRUE(refused(401, "{}").retryable);  // our account: another carrier may do
}

TEST_F(Acme, NothingIsSentTwice) {
  describe(kAcme);
  http_.fail(testing::no_connection());
  EXPECT_EQ(code_of([&] { send(request({"m1"})); }), ErrorCode::kUnavailable);  // another carrier may
  EXPECT_EQ(query("m1").custody, SmsCustody::kNotTaken);
  http_.fail(Error(ErrorCode::kUnavailable, "reset"));
  EXPECT_EQ(code_of([&] { send(request({"m2"})); }), ErrorCode::kDeadlineExceeded);  // nobody knows
  EXPECT_EQ(query("m2").custody, SmsCustody::kUnclear);  // it can only be asked by an id that the lost answer had
  http_.answer(502, "<html>");
  EXPECT_EQ(code_of([&] { send(request({"m3"})); }), ErrorCode::kDeadlineExceeded);
  http_.answer(202, R"({"result": "accepted", "id": "a1"})");
  http_.fail(Error(ErrorCode::kDeadlineExceeded, "late"));
  EXPECT_EQ(code_of([&] { send(request({"m4", "m5"})); }), ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(http_.requests(), SizeIs(5));
}

TEST_F(Acme, AnIdempotentCarrierIsAskedAgain) {
  describe(std::string(kAcme) + "idempotent: true\n");
  http_.fail(Error(ErrorCode::kUnavailable, "reset"));
  http_.answer(202, R"({"result": "accepted", "id": "a1"})");
  EXPECT_EQ(send(request({"m1"}))[0].provider_message_id, "a1");
  EXPECT_EQ(http_.body(0), http_.body(1));
}

TEST_F(Acme, AnswersQuestions) {
  describe(kAcme);
  http_.answer(200, R"({"state": "done"})");
  const auto done = query("m1", "a1");
  EXPECT_EQ(done.custody, SmsCustody::kTaken);
  ASSERT_TRUE(done.report);
  EXPECT_EQ(done.report->state, MessageState::kDelivered);
  EXPECT_EQ(http_.requests().at(0).url, "https://api.acme.example/v1/messages/a1");
  EXPECT_EQ(http_.requests().at(0).method, "GET");
  http_.answer(404, "{}");
  EXPECT_EQ(query("m2", "a2").custody, SmsCustody::kTaken);  // it told us this id
}

TEST_F(Acme, ACarrierThatKnowsOurIdIsAskedByIt) {
  std::string text = kAcme;
  text.replace(text.find("messages/{{id}}"), 15, "messages?ref={{message_id}}");
  describe(text);
  http_.fail(Error(ErrorCode::kUnavailable, "reset"));
  EXPECT_EQ(code_of([&] { send(request({"m1"})); }), ErrorCode::kDeadlineExceeded);
  http_.answer(200, R"({"state": "done"})");
  EXPECT_EQ(query("m1").report->state, MessageState::kDelivered);
  EXPECT_EQ(http_.requests().at(1).url, "https://api.acme.example/v1/messages?ref=m1");
  http_.answer(404, "{}");
  EXPECT_EQ(query("m1").custody, SmsCustody::kNotTaken);
}

TEST_F(Acme, ACancelledRequestMayHaveBeenSent) {
  describe(kAcme);
  http_.fail(Error(ErrorCode::kCancelled, "the request was cancelled"));
  EXPECT_EQ(code_of([&] { send(request({"m1"})); }), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(query("m1").custody, SmsCustody::kUnclear);
}

TEST_F(Acme, ARestartForgetsNothing) {
  describe(kAcme);
  http_.answer(202, R"({"result": "accepted", "id": "a1"})");
  send(request({"taken"}));
  http_.answer(400, R"({"error": {"code": "E1"}})");
  send(request({"refused"}));
  http_.fail(Error(ErrorCode::kUnavailable, "reset"));
  EXPECT_EQ(code_of([&] { send(request({"lost"})); }), ErrorCode::kDeadlineExceeded);
  const std::size_t requests = http_.requests().size();

  instance_.reset();
  describe(kAcme);
  http_.answer(500, "");  // it does not want to say
  const auto taken = query("taken");
  EXPECT_EQ(taken.custody, SmsCustody::kTaken);
  EXPECT_EQ(http_.requests().at(requests).url, "https://api.acme.example/v1/messages/a1");
  ASSERT_TRUE(taken.report);
  EXPECT_EQ(taken.report->state, MessageState::kSent);
  EXPECT_EQ(taken.report->provider_message_id, "a1");
  EXPECT_EQ(query("refused").custody, SmsCustody::kNotTaken);
  EXPECT_EQ(query("lost").custody, SmsCustody::kUnclear);
  EXPECT_EQ(query("never handed over").custody, SmsCustody::kNotTaken);

  // openssl dgst -sha256 -hmac s3cret, of this body
  const std::string body = R"({"reports": [{"id": "a1", "state": "done"}]})";
  const std::string signature = "sha256=" + std::string("729736bd31583d9ea19124de34cea04cbaee6103c34d6560b28173c031f9d4b3");
  EXPECT_EQ(receive(callback("/receipt", body, {{"x-acme-signature", signature}})).status, 200);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].message_id, "taken");
}

TEST_F(Acme, WhatWasBeforeItsNotesIsNotJudged) {
  const Time before = host_.clock.now() - std::chrono::hours(1);
  describe(kAcme);
  http_.answer(202, R"({"result": "accepted", "id": "a1"})");
  send(request({"m1"}));
  sms::SmsQuery old;
  old.message_id = "old";
  old.from = kOurs;
  old.to = kPhone;
  old.sent_at = before;
  EXPECT_EQ(query_.query_sync(std::move(old), testing::on_behalf_of("acme")).custody, SmsCustody::kUnclear);
}

TEST_F(Acme, TakesReceiptsWithASignature) {
  describe(kAcme);
  const std::string body =
      R"({"reports": [{"ref": "m1", "id": "a1", "state": "done"}, {"id": "a2", "state": "gone", "why": "E1"}, {"ref": "m3", "state": "?"}]})";
  // openssl dgst -sha256 -hmac s3cret, of this body
  const std::string good = "sha256=" + std::string("0a3124c5620e835f1406e4e143e2e7b0825cdf304f8d4a75dccdb7a20a93e89a");
  EXPECT_EQ(refused(callback("/receipt", body)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refused(callback("/receipt", body + " ", {{"x-acme-signature", good}})), ErrorCode::kUnauthenticated);
  EXPECT_THAT(sink_.reports(), SizeIs(0));
  const auto answer = receive(callback("/receipt", body, {{"x-acme-signature", good}}));
  EXPECT_EQ(answer.status, 200);
  const auto reports = sink_.reports();
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].message_id, "m1");
  EXPECT_EQ(reports[0].state, MessageState::kDelivered);
  EXPECT_EQ(reports[1].message_id, "");
  EXPECT_EQ(reports[1].provider_message_id, "a2");
  EXPECT_EQ(reports[1].reason, FailureReason::kBadDestination);
  EXPECT_EQ(reports[1].provider_code, "gone E1");
}

TEST_F(Acme, TakesTexts) {
  describe(kAcme);
  const std::string form = "id=in1&from=14255550123&to=18005550100&text=a+b%26c";
  const Properties type{{"content-type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(refused(callback("/inbound?code=wrong", form, type)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(receive(callback("/inbound?code=c0de", form, type)).status, 204);
  ASSERT_THAT(sink_.received(), SizeIs(1));
  EXPECT_EQ(sink_.received()[0].from, kPhone);
  EXPECT_EQ(sink_.received()[0].to, kOurs);
  EXPECT_EQ(sink_.received()[0].text, "a b&c");
  EXPECT_EQ(receive(callback("/elsewhere", "{}")).status, 404);
  EXPECT_EQ(refused(callback("/inbound?code=c0de", "no JSON")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused(callback("/inbound?code=c0de", R"({"id": "x"})")), ErrorCode::kInvalidArgument);
}

TEST_F(Acme, ADescriptionThatIsWrongSaysWhere) {
  const std::string send = "send: {url: 'https://x.example'}\n";
  EXPECT_THAT(fault("name: Acme\n"), HasSubstr("send: is missing"));
  EXPECT_THAT(fault("send: {method: PUT}\n"), HasSubstr("send.url: is missing"));
  EXPECT_THAT(fault(send + "\nextra: 1\n"), HasSubstr("acme.yaml:3: extra: unknown member"));
  EXPECT_THAT(fault("send:\n  url: 'https://x.example/{{too}}'\n"), HasSubstr("acme.yaml:2: send.url: there is no {{too}}"));
  EXPECT_THAT(fault("send: {url: 'https://x.example/{{to'}\n"), HasSubstr("found {{ without }}"));
  EXPECT_THAT(fault(send + "result: {id: 'no/pointer'}\n"), HasSubstr("result.id: wanted a JSON pointer"));
  EXPECT_THAT(fault(send + "result: {accepted: 2}\n"), HasSubstr("result.accepted"));
  EXPECT_THAT(fault(send + "errors: {E1: {reason: bored}}\n"),
              HasSubstr("errors.E1.reason: wanted one of none, bad_destination"));
  EXPECT_THAT(fault(send + "receipt: {id: /id, state: /s}\n"), HasSubstr("receipt.verify: is missing"));
  EXPECT_THAT(fault(send + "receipt: {verify: {kind: hmac, header: x}}\n"), HasSubstr("receipt.verify.secret: is missing"));
  EXPECT_THAT(fault(send + "receipt: {verify: {kind: none}, id: /id}\n"), HasSubstr("receipt.state: is missing"));
  EXPECT_THAT(fault(send + "inbound: {verify: {kind: none}, id: /id}\n"), HasSubstr("inbound.from: is missing"));
  EXPECT_THAT(fault("send: {url: 'https://x.example', json: {a: 1}, form: {a: 1}}\n"), HasSubstr("found both"));
  EXPECT_THAT(fault("send: [\n"), HasSubstr("acme.yaml:"));
  EXPECT_THAT(fault("a: 1\na: 2\n"), HasSubstr("found twice"));
  std::filesystem::remove(folder_ / "acme.yaml");
  EXPECT_EQ(code_of([&] { open("http-carrier", R"({"file": "/nowhere.yaml"})", {}); }), ErrorCode::kInvalidArgument);
}

TEST_F(Acme, BadInput) {
  describe(std::string(kAcme) + "max_segments: 1\n");
  std::string target;
  EXPECT_EQ(code_of([&] { send(request({})); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "recipients");
  EXPECT_EQ(code_of([&] { send(request({"m"}, std::string(161, 'a'))); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "text");
  EXPECT_EQ(code_of([&] { send(request({"m"}, "\xff")); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_THAT(http_.requests(), SizeIs(0));
}

}  // namespace
}  // namespace trunkline
