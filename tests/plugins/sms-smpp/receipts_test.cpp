// What comes back: receipts, texts from phones, lost answers, crashes.
#include "tests/plugins/sms-smpp/sms_smpp.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using sms::FailureReason;
using sms::MessageState;
using sms::SmsCustody;
using testing::code_of;
using testing::kOurs;
using testing::kPhone;
using ::testing::SizeIs;
using testing::SmsSmpp;
using Reaction = testing::FakeSmsc::Reaction;

TEST_F(SmsSmpp, AReceiptIsAnsweredOnceTheHostHasKeptIt) {
  open();
  send(request({"m1"}));
  sink_.refuse(1);
  EXPECT_EQ(smsc_.deliver(receipt("id1", "DELIVRD")), smpp::status::kTemporaryAppError);
  EXPECT_EQ(smsc_.deliver(receipt("id1", "DELIVRD")), 0u);
  const auto reports = sink_.reports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].message_id, "m1");
  EXPECT_EQ(reports[0].provider_message_id, "id1");
  EXPECT_EQ(reports[0].state, MessageState::kDelivered);
  EXPECT_EQ(reports[0].segments_delivered, 1);
  EXPECT_EQ(sink_.resources()[0], "acme");
}

TEST_F(SmsSmpp, FailuresCarryTheCarriersCode) {
  open();
  send(request({"m1", "m2"}));
  EXPECT_EQ(smsc_.deliver(receipt("id1", "UNDELIV", "027")), 0u);
  EXPECT_EQ(smsc_.deliver(receipt("id2", "REJECTD", "011")), 0u);
  const auto reports = sink_.reports();
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].state, MessageState::kFailed);
  EXPECT_EQ(reports[0].reason, FailureReason::kUnreachable);
  EXPECT_EQ(reports[0].provider_code, "UNDELIV 027");
  EXPECT_EQ(reports[1].reason, FailureReason::kBlocked);
}

TEST_F(SmsSmpp, IdsMayBeWrittenInTwoWays) {
  smsc_.on_submit = [](const smpp::Message&, std::size_t) { return Reaction{Reaction::kAnswer, 0, "00FF"}; };
  open(R"("receipt_ids": "decimal-of-hex")");
  send(request({"m1"}));
  EXPECT_EQ(smsc_.deliver(receipt("255", "DELIVRD")), 0u);
  EXPECT_EQ(sink_.reports().at(0).message_id, "m1");
}

TEST_F(SmsSmpp, AReceiptThatNobodyKnowsIsPassedOnWithTheCarriersId) {
  open();
  send(request({"m1"}));
  EXPECT_EQ(smsc_.deliver(receipt("elsewhere", "DELIVRD")), 0u);
  EXPECT_EQ(sink_.reports().at(0).message_id, "");
  EXPECT_EQ(sink_.reports().at(0).provider_message_id, "elsewhere");
}

TEST_F(SmsSmpp, ALongTextIsDeliveredWhenAllOfItIs) {
  open();
  send(request({"m1"}, std::string(400, 'x')));
  EXPECT_EQ(smsc_.deliver(receipt("id1", "DELIVRD")), 0u);
  EXPECT_EQ(smsc_.deliver(receipt("id3", "DELIVRD")), 0u);
  EXPECT_THAT(sink_.reports(), SizeIs(0));
  EXPECT_EQ(smsc_.deliver(receipt("id2", "DELIVRD")), 0u);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].state, MessageState::kDelivered);
  EXPECT_EQ(sink_.reports()[0].segments_delivered, 3);
  send(request({"m2"}, std::string(200, 'x')));
  EXPECT_EQ(smsc_.deliver(receipt("id4", "DELIVRD")), 0u);
  EXPECT_EQ(smsc_.deliver(receipt("id5", "EXPIRED")), 0u);
  ASSERT_THAT(sink_.reports(), SizeIs(2));
  EXPECT_EQ(sink_.reports()[1].state, MessageState::kExpired);
  EXPECT_EQ(sink_.reports()[1].segments_delivered, 1);
}

TEST_F(SmsSmpp, ACarrierThatNeverReportsIsAsked) {
  smsc_.on_query = [](const smpp::Query& query) { return smpp::QueryResponse{query.message_id, "", 2, 0}; };
  open(R"("query_after_seconds": 60)");
  send(request({"m1"}));
  ASSERT_TRUE(advance_until([&] { return !sink_.reports().empty(); }, 10s));
  EXPECT_EQ(sink_.reports()[0].message_id, "m1");
  EXPECT_EQ(sink_.reports()[0].state, MessageState::kDelivered);
}

TEST_F(SmsSmpp, AConnectionThatEndsWithinTheWindowSendsNothingTwice) {
  smsc_.on_submit = [](const smpp::Message&, std::size_t number) {
    return number == 0 ? Reaction{} : number < 3 ? Reaction{Reaction::kSilence, 0, {}} : Reaction{Reaction::kHangUp, 0, {}};
  };
  open(R"("window": 4, "reconnect_first_ms": 10)");
  send(request({"taken"}));
  auto lost = start(request({"lost1", "lost2", "lost3"}));
  EXPECT_EQ(lost.get().error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(query("taken").custody, SmsCustody::kTaken);
  EXPECT_EQ(query("lost1").custody, SmsCustody::kUnclear);
  EXPECT_EQ(query("never seen").custody, SmsCustody::kNotTaken);
  smsc_.react([](const smpp::Message&, std::size_t) { return Reaction{}; });
  ASSERT_TRUE(advance_until([&] { return smsc_.bind_count_unlocked() >= 2; }, 10ms));
  // The host comes again with the same ids.
  EXPECT_EQ(send(request({"taken"}))[0].provider_message_id, "id1");
  EXPECT_EQ(code_of([&] { send(request({"lost1"})); }), ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(send_when_up(request({"fresh"}))[0].accepted);
  const auto submits = smsc_.submits();
  ASSERT_THAT(submits, SizeIs(5));
  // A receipt tells that one of them was taken after all, and by which name.
  smpp::Message told = receipt("late7", "DELIVRD");
  smpp::add_number(told.tlvs, smpp::tag::kUserMessageReference,
                   *smpp::find_number(submits[2].tlvs, smpp::tag::kUserMessageReference), 2);
  EXPECT_EQ(smsc_.deliver(told), 0u);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].message_id, "lost2");
  EXPECT_EQ(query("lost2").custody, SmsCustody::kTaken);
  EXPECT_EQ(send(request({"lost2"}))[0].provider_message_id, "late7");
}

TEST_F(SmsSmpp, WhatItSaidSurvivesACrash) {
  smsc_.on_submit = [](const smpp::Message& message, std::size_t) {
    return message.short_message == "silence" ? Reaction{Reaction::kSilence, 0, {}} : Reaction{};
  };
  open();
  EXPECT_TRUE(send(request({"taken"}))[0].accepted);
  EXPECT_TRUE(send(request({"long"}, std::string(200, 'x')))[0].accepted);
  auto unanswered = start(request({"open"}, "silence"));
  ASSERT_TRUE(smsc_.wait_for_submits(4));
  close();
  EXPECT_FALSE(unanswered.get().ok());
  open();
  EXPECT_EQ(send(request({"taken"}))[0].provider_message_id, "id1");
  EXPECT_EQ(code_of([&] { send(request({"open"}, "silence")); }), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(query("open").custody, SmsCustody::kUnclear);
  EXPECT_EQ(query("other").custody, SmsCustody::kNotTaken);
  EXPECT_THAT(smsc_.submits(), SizeIs(4));
  ASSERT_TRUE(smsc_.wait_for_binds(2));
  EXPECT_EQ(smsc_.deliver(receipt("id2", "DELIVRD")), 0u);  // a part of the long one
  EXPECT_EQ(smsc_.deliver(receipt("id3", "DELIVRD")), 0u);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].message_id, "long");
}

TEST_F(SmsSmpp, TextsFromPhones) {
  open();
  send(request({"m1"}));
  EXPECT_EQ(smsc_.deliver(text("caf\x05 \x1b\x65")), 0u);
  ASSERT_THAT(sink_.received(), SizeIs(1));
  EXPECT_EQ(sink_.received()[0].from, kPhone);
  EXPECT_EQ(sink_.received()[0].to, kOurs);
  EXPECT_EQ(sink_.received()[0].text, "café €");
}

TEST_F(SmsSmpp, PartsOfATextAreKeptAcrossARestart) {
  const auto part = [](const char* number, const std::string& octets) {
    smpp::Message message = text("\x05\x00\x03\x07\x02"s + number + octets);
    message.esm_class = smpp::kEsmUdhi;
    return message;
  };
  open();
  send(request({"m1"}));
  EXPECT_EQ(smsc_.deliver(part("\x02", "world")), 0u);
  EXPECT_THAT(sink_.received(), SizeIs(0));
  close();
  open();
  ASSERT_TRUE(smsc_.wait_for_binds(2));
  send(request({"m2"}));
  EXPECT_EQ(smsc_.deliver(part("\x01", "hello ")), 0u);
  ASSERT_THAT(sink_.received(), SizeIs(1));
  EXPECT_EQ(sink_.received()[0].text, "hello world");
  EXPECT_EQ(sink_.received()[0].segments, 2);
}

TEST_F(SmsSmpp, PartsBeyondAPageOfTheStorageAreKeptAcrossARestart) {
  constexpr int kTexts = 6, kParts = 201;  // all but the last part of each: more than the 1000 of a page
  const auto part = [](int reference, int number) {
    smpp::Message message =
        text("\x05\x00\x03"s + static_cast<char>(reference) + static_cast<char>(kParts) + static_cast<char>(number) + "x");
    message.esm_class = smpp::kEsmUdhi;
    return message;
  };
  open();
  send(request({"m1"}));
  for (int reference = 0; reference < kTexts; ++reference)
    for (int number = 1; number < kParts; ++number) ASSERT_EQ(smsc_.deliver(part(reference, number)), 0u);
  EXPECT_THAT(sink_.received(), SizeIs(0));
  close();
  open();
  ASSERT_TRUE(smsc_.wait_for_binds(2));
  send(request({"m2"}));
  for (int reference = 0; reference < kTexts; ++reference) EXPECT_EQ(smsc_.deliver(part(reference, kParts)), 0u);
  const auto received = sink_.received();
  ASSERT_THAT(received, SizeIs(kTexts));
  for (const auto& one : received) EXPECT_EQ(one.text, std::string(kParts, 'x'));
}

TEST_F(SmsSmpp, APartThatStaysAloneIsToldInTheEnd) {
  open(R"("inbound_minutes": 2)");
  send(request({"m1"}));
  smpp::Message part = text("\x05\x00\x03\x07\x02\x01half"s);
  part.esm_class = smpp::kEsmUdhi;
  EXPECT_EQ(smsc_.deliver(part), 0u);
  ASSERT_TRUE(advance_until([&] { return !sink_.received().empty(); }, 10s));
  EXPECT_EQ(sink_.received()[0].text, "half");
}

TEST_F(SmsSmpp, WhatIsNoMessageIsAnsweredAndHarmsNothing) {
  open();
  send(request({"m1"}));
  smpp::Message broken = text("\x09\x00\x03\x07\x02\x01half"s);  // a header longer than the text
  broken.esm_class = smpp::kEsmUdhi;
  broken.short_message.resize(4);
  EXPECT_EQ(smsc_.deliver(broken), smpp::status::kInvalidMessageLength);
  // A deliver_sm that ends in the middle, and a command that there is not.
  smsc_.send_raw("\0\0\0\x14\0\0\0\x05\0\0\0\0\0\0\0\x01zzzz"s);
  smsc_.send_raw("\0\0\0\x10\0\0\x77\x05\0\0\0\0\0\0\0\x02"s);
  EXPECT_TRUE(smsc_.wait_for([&] { return smsc_.count_unlocked(smpp::command::kGenericNack) == 1; }));
  EXPECT_TRUE(send(request({"m2"}))[0].accepted);
  EXPECT_EQ(smsc_.binds().size(), 1u);
}

TEST_F(SmsSmpp, APduThatIsTooLongEndsTheConnection) {
  open(R"("reconnect_first_ms": 10)");
  send(request({"m1"}));
  smsc_.send_raw("\x7f\0\0\0\0\0\0\x05"s);
  ASSERT_TRUE(advance_until([&] { return smsc_.bind_count_unlocked() >= 2; }, 10ms));
  EXPECT_EQ(smsc_.count(smpp::command::kGenericNack), 1u);
}

}  // namespace
}  // namespace trunkline
