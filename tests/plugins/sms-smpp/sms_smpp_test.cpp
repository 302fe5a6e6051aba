// Sending: binds, answers, refusals, long texts.
#include "tests/plugins/sms-smpp/sms_smpp.h"
#include "codec/user_data.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using sms::FailureReason;
using sms::MessageState;
using testing::code_of;
using ::testing::HasSubstr;
using testing::kOurs;
using testing::kPhone;
using ::testing::SizeIs;
using testing::SmsSmpp;
using Reaction = testing::FakeSmsc::Reaction;

TEST_F(SmsSmpp, BindsAndSends) {
  open(R"("system_type": "VMA", "service_type": "CMT")");
  const Results results = send(request({"m1"}));
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_TRUE(results[0].accepted);
  EXPECT_EQ(results[0].message_id, "m1");
  EXPECT_EQ(results[0].provider_message_id, "id1");
  const auto binds = smsc_.binds();
  ASSERT_THAT(binds, SizeIs(1));
  EXPECT_EQ(binds[0].system_id, "trunk");
  EXPECT_EQ(binds[0].password, "hunter2");
  EXPECT_EQ(binds[0].system_type, "VMA");
  const auto submits = smsc_.submits();
  ASSERT_THAT(submits, SizeIs(1));
  EXPECT_EQ(submits[0].service_type, "CMT");
  EXPECT_EQ(submits[0].source, (smpp::Address{1, 1, "18005550100"}));
  EXPECT_EQ(submits[0].destination, (smpp::Address{1, 1, "14255550123"}));
  EXPECT_EQ(submits[0].short_message, "hello");
  EXPECT_EQ(submits[0].data_coding, 0);
  EXPECT_EQ(submits[0].registered_delivery, 1);
}

TEST_F(SmsSmpp, SourceRulesAndWhatElseTheCarrierWants) {
  open(R"("plus_sign": true, "destination_ton": 2, "destination_npi": 0, "receipts": "failures", "validity_minutes": 60,
          "user_message_reference": false, "source_rules": [{"match": "+1800", "ton": 4, "npi": 8}, {"match": "short_code", "ton": 3},
          {"match": "alphanumeric", "ton": 5, "send_as": "ACME"}])");
  send(request({"m1"}));
  auto other = request({"m2"});
  other.from = "Contoso";
  other.valid_until = host_.clock.now() + 5min;
  send(other);
  other.from = "12345";
  other.delivery_report = false;
  other.recipients[0].message_id = "m3";
  send(other);
  const auto submits = smsc_.submits();
  ASSERT_THAT(submits, SizeIs(3));
  EXPECT_EQ(submits[0].source, (smpp::Address{4, 8, "+18005550100"}));
  EXPECT_EQ(submits[0].destination, (smpp::Address{2, 0, "+14255550123"}));
  EXPECT_EQ(submits[0].registered_delivery, 2);
  EXPECT_THAT(submits[0].validity, SizeIs(16));
  EXPECT_THAT(submits[0].tlvs, SizeIs(0));
  EXPECT_EQ(submits[1].source, (smpp::Address{5, 0, "ACME"}));
  EXPECT_LT(submits[1].validity, submits[0].validity);
  EXPECT_EQ(submits[2].source, (smpp::Address{3, 0, "12345"}));
  EXPECT_EQ(submits[2].registered_delivery, 0);
}

TEST_F(SmsSmpp, APairHasATransmitterAndAReceiver) {
  open(R"("bind": "pair", "connections": 2)");
  EXPECT_TRUE(send(request({"m1"}))[0].accepted);
  EXPECT_TRUE(smsc_.wait_for([&] {
    return smsc_.count_unlocked(smpp::command::kBindTransmitter) == 2 && smsc_.count_unlocked(smpp::command::kBindReceiver) == 2;
  }));
}

TEST_F(SmsSmpp, AReceiverSendsNothing) {
  open(R"("bind": "receiver")");
  std::string target;
  EXPECT_EQ(code_of([&] { send(request({"m1"})); }, &target), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(target, "bind");
}

TEST_F(SmsSmpp, WrongCredentialsAreToldAndTriedAgainWithPatience) {
  smsc_.on_bind = [](const smpp::Bind&) { return smpp::status::kInvalidPassword; };
  open(R"("reconnect_first_ms": 1000)");
  try {
    send(request({"m1"}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_TRUE(error.retryable);
    EXPECT_THAT(error.message, HasSubstr("ESME_RINVPASWD"));
    EXPECT_THAT(error.message, ::testing::Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(smsc_.submits(), SizeIs(0));
  EXPECT_TRUE(advance_until([&] { return smsc_.bind_count_unlocked() >= 3; }, 100ms));
  // Nothing was handed over: somebody else may send it.
  EXPECT_EQ(query("m1").custody, sms::SmsCustody::kNotTaken);
}

TEST_F(SmsSmpp, NobodyThere) {
  open(R"("port": 1)");
  EXPECT_EQ(code_of([&] { send(request({"m1"})); }), ErrorCode::kUnavailable);
}

TEST_F(SmsSmpp, TlsAgainstACarrierWithoutIt) {
  open(R"("tls": true)");
  try {
    send(request({"m1"}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_THAT(error.message, HasSubstr("TLS failed"));
  }
}

TEST_F(SmsSmpp, RefusalsSayWhy) {
  const std::vector<std::pair<std::uint32_t, FailureReason>> cases = {
      {smpp::status::kInvalidDestination, FailureReason::kBadDestination},
      {smpp::status::kInvalidSource, FailureReason::kBadSender},
      {smpp::status::kRejectedByApp, FailureReason::kBlocked},
      {smpp::status::kSystemError, FailureReason::kTemporary},
      {0x0401, FailureReason::kUnspecified},
  };
  smsc_.on_submit = [&](const smpp::Message&, std::size_t number) {
    return Reaction{Reaction::kAnswer, cases[number].first, {}};
  };
  open();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Results results = send(request({"m" + std::to_string(i)}));
    EXPECT_FALSE(results[0].accepted);
    EXPECT_EQ(results[0].reason, cases[i].second);
    EXPECT_EQ(results[0].provider_code, smpp::status_code(cases[i].first));
    EXPECT_EQ(results[0].retryable, cases[i].second == FailureReason::kTemporary);
  }
}

TEST_F(SmsSmpp, BadInput) {
  open(R"("max_segments": 2)");
  std::string target;
  const auto refused = [&](sms::SmsSendRequest bad) { return code_of([&] { send(std::move(bad)); }, &target); };
  EXPECT_EQ(refused(request({})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "recipients");
  EXPECT_EQ(refused(request({"m"}, std::string(307, 'a'))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "text");
  EXPECT_EQ(refused(request({"m"}, "\xff")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "text");
  auto nobody = request({"m"});
  nobody.from.clear();
  EXPECT_EQ(refused(nobody), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "from");
  auto far = request({"a", "b"});
  far.recipients[0].to = "+" + std::string(30, '1');
  const Results results = send(far);
  EXPECT_FALSE(results[0].accepted);
  EXPECT_EQ(results[0].reason, FailureReason::kBadDestination);
  EXPECT_TRUE(results[1].accepted);
}

TEST_F(SmsSmpp, BadConfigurationNamesTheKey) {
  std::string target;
  const auto refused = [&](const std::string& more) { return code_of([&] { open(more); }, &target); };
  EXPECT_EQ(refused(R"("system_type": "longer than twelve")"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "system_type");
  EXPECT_EQ(refused(R"("reconnect_longest_ms": 10)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "reconnect_longest_ms");
  EXPECT_EQ(refused(R"("tls_ca_file": "x")"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "tls");
  EXPECT_EQ(refused(R"("tls": true, "tls_ca_file": "/nowhere")"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "tls_ca_file");
  EXPECT_EQ(refused(R"("source_rules": [{"match": "x y"}])"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "source_rules[0].match");
}

TEST_F(SmsSmpp, TheWindowIsKept) {
  smsc_.on_submit = [](const smpp::Message&, std::size_t) { return Reaction{Reaction::kSilence, 0, {}}; };
  open(R"("window": 3, "connections": 1, "reconnect_first_ms": 6000)");
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back("m" + std::to_string(i));
  auto sent = start(request(ids));
  ASSERT_TRUE(smsc_.wait_for_submits(3));
  EXPECT_FALSE(smsc_.wait_for([&] { return smsc_.submit_count_unlocked() > 3; }, 50ms));
  smsc_.hang_up();
  EXPECT_EQ(sent.get().error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(SmsSmpp, WhatWaitsGoesOverTheNextConnection) {
  smsc_.on_submit = [](const smpp::Message&, std::size_t number) {
    return number == 0 ? Reaction{Reaction::kSilence, 0, {}} : Reaction{};
  };
  open(R"("window": 1)");
  auto lost = start(request({"a"}));
  ASSERT_TRUE(smsc_.wait_for_submits(1));
  auto waits = start(request({"b"}));
  smsc_.hang_up();
  EXPECT_EQ(lost.get().error().code, ErrorCode::kDeadlineExceeded);
  ASSERT_TRUE(advance_until([&] { return smsc_.submit_count_unlocked() == 2; }, 100ms));
  EXPECT_TRUE(waits.get().value()[0].accepted);
}

TEST_F(SmsSmpp, WhatWaitsGoesBackWhenThereIsNoNextConnection) {
  int binds = 0;
  smsc_.on_bind = [&](const smpp::Bind&) { return ++binds == 1 ? smpp::status::kOk : smpp::status::kSystemError; };
  smsc_.on_submit = [](const smpp::Message&, std::size_t) { return Reaction{Reaction::kSilence, 0, {}}; };
  open(R"("window": 1)");
  auto lost = start(request({"a"}));
  ASSERT_TRUE(smsc_.wait_for_submits(1));
  auto waits = start(request({"b"}));
  smsc_.hang_up();
  EXPECT_EQ(lost.get().error().code, ErrorCode::kDeadlineExceeded);
  ASSERT_TRUE(advance_until([&] { return smsc_.bind_count_unlocked() == 2; }, 100ms));
  EXPECT_EQ(waits.get().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(query("b").custody, sms::SmsCustody::kNotTaken);
}

TEST_F(SmsSmpp, ThrottlingIsWaitedOut) {
  smsc_.on_submit = [](const smpp::Message&, std::size_t number) {
    return number < 2 ? Reaction{Reaction::kAnswer, smpp::status::kThrottled, {}} : Reaction{};
  };
  open(R"("throttle_pause_ms": 100)");
  auto sent = start(request({"m1"}));
  ASSERT_TRUE(advance_until([&] { return smsc_.submit_count_unlocked() == 3; }, 10ms));
  const auto result = sent.get();
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result.value()[0].accepted);
}

TEST_F(SmsSmpp, ACarrierThatStaysFullIsGivenUp) {
  smsc_.on_submit = [](const smpp::Message&, std::size_t) { return Reaction{Reaction::kAnswer, smpp::status::kQueueFull, {}}; };
  open(R"("throttle_pause_ms": 60000)");
  const Results results = send(request({"m1"}));
  EXPECT_FALSE(results[0].accepted);
  EXPECT_TRUE(results[0].retryable);
  EXPECT_EQ(results[0].provider_code, "0x00000014 ESME_RMSGQFUL");
}

TEST_F(SmsSmpp, LongTexts) {
  open(R"("long_text": "udh16")");
  const Results results = send(request({"m1"}, std::string(400, 'x')));
  EXPECT_EQ(results[0].segments, 3);
  EXPECT_EQ(results[0].provider_message_id, "id1");
  const auto submits = smsc_.submits();
  ASSERT_THAT(submits, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(submits[i].esm_class & smpp::kEsmUdhi);
    const auto header = smpp::read_user_data_header(submits[i].short_message);
    ASSERT_TRUE(header.concatenation);
    EXPECT_EQ(header.concatenation->number, i + 1);
    EXPECT_EQ(header.concatenation->total, 3);
  }
}

TEST_F(SmsSmpp, APartThatIsRefusedTakesTheOthersBack) {
  smsc_.on_submit = [](const smpp::Message&, std::size_t number) {
    return number == 1 ? Reaction{Reaction::kAnswer, smpp::status::kSystemError, {}} : Reaction{};
  };
  open(R"("window": 1)");
  const Results results = send(request({"m1"}, std::string(400, 'x')));
  EXPECT_FALSE(results[0].accepted);
  EXPECT_FALSE(results[0].retryable);  // the first part may be on its way
  EXPECT_TRUE(smsc_.wait_for([&] { return smsc_.count_unlocked(smpp::command::kCancelSm) == 1; }));
  EXPECT_THAT(smsc_.submits(), SizeIs(2));
}

TEST_F(SmsSmpp, ARateIsKept) {
  open(R"("rate_per_second": 10)");
  auto sent = start(request({"a", "b", "c"}));
  ASSERT_TRUE(smsc_.wait_for_submits(1));
  const Time began = host_.clock.now();
  ASSERT_TRUE(advance_until([&] { return smsc_.submit_count_unlocked() == 3; }, 5ms));
  EXPECT_GE(host_.clock.now() - began, 195ms);
  EXPECT_TRUE(sent.get().ok());
}

TEST_F(SmsSmpp, SilenceIsAskedAboutAndNoAnswerEndsTheConnection) {
  open(R"("enquire_link_seconds": 30)");
  send(request({"m1"}));
  ASSERT_TRUE(advance_until([&] { return smsc_.count_unlocked(smpp::command::kEnquireLink) >= 2; }, 5s));
  EXPECT_EQ(smsc_.binds().size(), 1u);
  smsc_.react([](const smpp::Message&, std::size_t) { return Reaction{Reaction::kSilence, 0, {}}; });
  auto lost = start(request({"m2"}));
  ASSERT_TRUE(smsc_.wait_for_submits(2));
  ASSERT_TRUE(advance_until([&] { return smsc_.bind_count_unlocked() >= 2; }, 1s));
  EXPECT_EQ(lost.get().error().code, ErrorCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace trunkline
