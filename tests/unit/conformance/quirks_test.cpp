#include "runtime/conformance/quirks.h"

#include <gmock/gmock.h>

#include "trunkline/error.hpp"

namespace trunkline::conformance {
namespace {

using ::testing::HasSubstr;

std::string refusal(const char* text) {
  try {
    parse_quirks(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.message;
  }
  ADD_FAILURE() << text << " was taken";
  return {};
}

TEST(Quirks, EverythingHasADefault) {
  const Quirks quirks = parse_quirks("{}");
  EXPECT_EQ(quirks.patience, std::chrono::seconds(5));
  EXPECT_EQ(quirks.sms.text, "hello");
  EXPECT_EQ(quirks.skipped("sms.normal"), nullptr);
}

TEST(Quirks, AllMembers) {
  const Quirks quirks = parse_quirks(R"({
    "patience_ms": 20, "clock_limit_s": 7,
    "http": [{"method": "POST", "url": "https://a/*", "status": 201, "json": {"id": 1}, "delay_ms": 5}, {"fails": true}],
    "sms": {"to": "+1"}, "email": {"to": "a@b"}, "pstn": {"to": "+2", "answers": false}, "media": {"text": "moo"},
    "errors": {"sms.send.unavailable": {"skip": "never"}, "sms.send.invalid_argument": {"sms": {"from": ""}},
               "email.send.invalid_argument": {"email": {"from": "c@d"}}, "pstn.dial.unavailable": {"pstn": {"from": "+3"}}},
    "receipts": [{"body": "x", "state": "delivered"}],
    "email_receipts": [{"body": "{recipient}", "state": "complained"}],
    "email_inbound": [{"url": "https://b/", "json": []}],
    "skip": {"sms.leaks": "a cache", "chat.*": "no chat"},
    "load": {"calls": 3, "p99_ms": 1.5}})");
  EXPECT_EQ(quirks.patience.count(), 20);
  EXPECT_EQ(quirks.http[0].body, R"({"id":1})");
  EXPECT_EQ(quirks.http[0].headers.at("content-type"), "application/json");
  EXPECT_TRUE(quirks.http[1].fails);
  EXPECT_EQ(quirks.sms.to, "+1");
  EXPECT_EQ(quirks.errors.find("sms.send.unavailable")->second.skip, "never");
  EXPECT_EQ(quirks.errors.find("sms.send.invalid_argument")->second.sms->to, "+1");
  EXPECT_EQ(quirks.receipts[0].request.method, "POST");
  EXPECT_EQ(quirks.email.to, "a@b");
  EXPECT_EQ(quirks.email.subject, "hello");
  EXPECT_EQ(quirks.pstn.to, "+2");
  EXPECT_FALSE(quirks.pstn.answers);
  EXPECT_EQ(quirks.media.text, "moo");
  EXPECT_EQ(quirks.errors.find("email.send.invalid_argument")->second.email->to, "a@b");
  EXPECT_EQ(quirks.errors.find("pstn.dial.unavailable")->second.pstn->to, "+2");
  EXPECT_EQ(quirks.email_receipts[0].state, "complained");
  EXPECT_EQ(quirks.email_inbound[0].method, "POST");
  EXPECT_EQ(*quirks.skipped("chat.not_found"), "no chat");
  EXPECT_EQ(quirks.load_p99_ms, 1.5);
}

TEST(Quirks, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal(R"({"htpp": []})"), HasSubstr("htpp: unknown member; wanted one of patience_ms"));
  EXPECT_THAT(refusal(R"({"http": {}})"), HasSubstr("http: found object, wanted a list"));
  EXPECT_THAT(refusal(R"({"http": [{"status": 7}]})"), HasSubstr("http[0].status: found 7"));
  EXPECT_THAT(refusal(R"({"errors": {"x": {}}})"), HasSubstr("errors.x: found nothing"));
  EXPECT_THAT(refusal(R"({"receipts": [{"state": "lost"}]})"), HasSubstr("receipts[0].state: found \"lost\""));
  EXPECT_THAT(refusal(R"({"receipts": [{"state": "bounced"}]})"), HasSubstr("receipts[0].state: found \"bounced\""));
  EXPECT_THAT(refusal(R"({"email_receipts": [{"state": "lost"}]})"), HasSubstr("wanted delivered or bounced or suppressed"));
  EXPECT_THAT(refusal(R"({"email_inbound": [1]})"), HasSubstr("email_inbound[0]: found number"));
  EXPECT_THAT(refusal(R"({"pstn": {"answers": 1}})"), HasSubstr("pstn.answers: found number"));
  EXPECT_THAT(refusal(R"({"media": {"voice": "x"}})"), HasSubstr("media.voice: unknown member"));
  EXPECT_THAT(refusal(R"({"skip": {"a": 1}})"), HasSubstr("skip.a: found number, wanted text"));
  EXPECT_THAT(refusal("["), HasSubstr("JSON"));
}

TEST(Quirks, Patterns) {
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("sms.*.x", "sms.a.b.x"));
  EXPECT_TRUE(matches_pattern("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(matches_pattern("a*b", "aXc"));
  EXPECT_FALSE(matches_pattern("ab", "abc"));
  EXPECT_FALSE(matches_pattern("", "a"));
}

}  // namespace
}  // namespace trunkline::conformance
