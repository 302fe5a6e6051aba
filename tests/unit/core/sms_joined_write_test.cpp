// An answer and a receipt of the same message that wait for the writer together are one change.
#include <gmock/gmock.h>

#include <future>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/sms_records.h"
#include "tests/unit/core/sms_routing_fixture.h"

namespace trunkline {
namespace {

using sms::FailureReason;
using sms::MessageState;
using testing::ElementsAre;
using testing::HasSubstr;

class SmsJoinedWrite : public SmsRouting {
 protected:
  /// On the real clock: a virtual one stands still while a write is under way.
  void open_real(std::string config) {
    const std::string_view is_virtual = "clock: virtual";
    open(config.replace(config.find(is_virtual), is_virtual.size(), "clock: real"));
  }
  /// The carrier's answer, and then this receipt, come while the writer is busy.
  void answer_and_report(const std::string& id, MessageState state, FailureReason reason = FailureReason::kNone) {
    ASSERT_TRUE(eventually([&] {  // the call follows at once, and needs no write
      bool noted = false;
      resource_->database->read([&](store::Session& session) { noted = !sms_records::open_handovers(session).empty(); });
      return noted;
    }));
    std::promise<void> go_on;
    std::promise<void> waited;
    auto gate = go_on.get_future().share();
    resource_->database->write([gate](store::Session&) { gate.wait(); }, [&](Result<void>) { waited.set_value(); });
    // Counted once it is in the queue.
    EXPECT_TRUE(eventually([&] { return runtime_->metrics().expose().find("trunkline_sms_sent_total 1") != std::string::npos; }));
    sms::DeliveryReport report;
    report.message_id = id;
    report.provider_message_id = "other-" + id;
    report.state = state;
    report.reason = reason;
    report.at = runtime_->clock().now();
    std::promise<void> reported;
    spawn(runtime_->sms().on_delivery_report("a", report), [&](Result<void> result) {
      EXPECT_TRUE(result.ok());
      reported.set_value();
    });
    go_on.set_value();
    waited.get_future().wait();
    reported.get_future().wait();
  }
  /// The steps from the call on.
  std::vector<std::string> end_of(const std::string& id) {
    std::vector<std::string> all = steps(id);
    const auto call = std::find(all.begin(), all.end(), "provider.send pass a");
    return {call, all.end()};
  }
};

TEST_F(SmsJoinedWrite, ADeliveryIsTheEnd) {
  open_real(test_config("[" + carrier("a", "slow") + "]"));
  const std::string id = one();
  answer_and_report(id, MessageState::kDelivered);
  EXPECT_EQ(record(id).state, MessageState::kDelivered);
  EXPECT_EQ(record(id).provider, "a");
  EXPECT_EQ(record(id).provider_message_id, "carrier-" + id) << "the answer's id counts";
  EXPECT_EQ(record(id).receipt_count, 1);
  EXPECT_THAT(end_of(id), ElementsAre("provider.send pass a", "receipt applied a: delivered"));
  EXPECT_EQ(events("Microsoft.Communication.SMSDeliveryReportReceived").size(), 1u);
}

TEST_F(SmsJoinedWrite, AFailureGoesToTheNextCarrier) {
  open_real(test_config("[" + carrier("a", "slow") + ", " + carrier("b", "") + "]",
                        "[{interface: sms, providers: [a, b], receipt_failover: {on: [carrier_fault]}}]"));
  const std::string id = one();
  answer_and_report(id, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_TRUE(eventually([&] { return record(id).state == MessageState::kSent; }));
  expect_taken_by(id, "b");
}

TEST_F(SmsJoinedWrite, AReceiptThatChangesNothingIsKept) {
  open_real(test_config("[" + carrier("a", "slow") + "]"));
  const std::string id = one();
  answer_and_report(id, MessageState::kSent);
  expect_taken_by(id, "a");
  EXPECT_EQ(record(id).receipt_count, 1);
}

/// What both write at once is what they would have written one after the other.
TEST_F(SmsJoinedWrite, IsTheSameAsBothAfterEachOther) {
  open(test_config("[" + carrier("a", "silent, silent") + "]"));
  const std::string joined = one(), apart = one();
  settle();
  sms_records::Transition sent;
  sent.state = MessageState::kSent;
  sent.provider = "a";
  sent.segments = 3;
  sent.decision = "[1,\"provider.send\",\"pass\",\"a\"]\n";
  sent.at_us = 2;
  sent.price_micros = 70;
  sent.currency = "EUR";
  Receipt receipt;
  receipt.provider = "a";
  receipt.state = MessageState::kExpired;
  receipt.reason = FailureReason::kUnreachable;
  receipt.provider_code = "EXPIRED 7";
  receipt.at = runtime_->clock().now();
  const std::string lines = "[3,\"receipt\",\"applied\",\"a\"]\n";
  auto work = [&](store::Session& session) {
    const std::int64_t key = resource_->key;
    sms_records::apply(session, key, apart, sent);
    const auto before = sms_records::standing(session, key, apart);
    sms_records::apply_receipt(session, key, apart, *before, receipt, "theirs", lines);
    sms_records::apply_sent_and_receipt(session, key, joined, sent, receipt, "theirs", lines);
  };
  sync_wait(resource_->database->write(work));
  const service::SmsRecord one_change = record(joined), two = record(apart);
  EXPECT_EQ(one_change.state, two.state);
  EXPECT_EQ(one_change.reason, two.reason);
  EXPECT_EQ(one_change.provider, two.provider);
  EXPECT_EQ(one_change.provider_code, two.provider_code);
  EXPECT_EQ(one_change.provider_message_id, "theirs");
  EXPECT_EQ(two.provider_message_id, "theirs");
  EXPECT_EQ(one_change.segments, two.segments);
  EXPECT_EQ(one_change.price_micros, two.price_micros);
  EXPECT_EQ(one_change.currency, two.currency);
  EXPECT_EQ(one_change.receipt_count, two.receipt_count);
  EXPECT_EQ(one_change.updated_at, two.updated_at);
  EXPECT_EQ(end_of(joined), end_of(apart));
}

}  // namespace
}  // namespace trunkline
