// What becomes of mail: outcomes, attempts, reports, who gets none.
#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"
#include "runtime/store/database.h"
#include "tests/unit/core/email_fixture.h"

namespace trunkline {
namespace {

using email::EmailState;
using nlohmann::json;
using namespace std::chrono_literals;
using service::EmailOperationStatus;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(EmailOnSandbox, AHardBounceSuppressesForADayAndLongerEachTime) {
  add_rule("gone@*", EmailState::kBounced);
  send(message({"Gone@example.com", "ok@example.com"}));
  advance(1s);
  ASSERT_THAT(email().suppressions(*resource_), SizeIs(1));
  auto held = email().suppressions(*resource_)[0];
  EXPECT_EQ(held.address, "gone@example.com");
  EXPECT_EQ(held.reason, service::SuppressionReason::kHardBounce);
  EXPECT_EQ(held.expires_at.value() - held.created_at, 24h);
  const auto operation = send(message({"gone@example.com"}));
  settle();
  const auto failed = get(operation);
  EXPECT_EQ(failed.status, EmailOperationStatus::kFailed);
  EXPECT_EQ(failed.error_code, "EmailDroppedAllRecipientsSuppressed");
  EXPECT_EQ(failed.recipients[0].state, EmailState::kSuppressed);
  std::vector<std::string> statuses;
  for (const json& data : data_of(kMailReport)) statuses.push_back(data["status"]);
  EXPECT_THAT(statuses, testing::UnorderedElementsAre("Bounced", "Delivered", "Suppressed"));
  advance(25h);
  EXPECT_THAT(email().suppressions(*resource_), IsEmpty());
  send(message({"gone@example.com"}));
  advance(1s);
  held = email().suppressions(*resource_)[0];
  EXPECT_EQ(held.expires_at.value() - held.created_at, 48h);
  sync_wait(email().lift(resource_, "GONE@example.com"));
  EXPECT_THAT(email().suppressions(*resource_), IsEmpty());
  EXPECT_EQ(error_of([&] { sync_wait(email().lift(resource_, "gone@example.com")); }).code, ErrorCode::kNotFound);
}

TEST_F(EmailOnSandbox, WhatAServerHasAgainstTheMailSuppressesNobody) {
  sandbox::MailRule rule;
  rule.match = "*";
  rule.outcome = EmailState::kBounced;
  rule.status_code = "5.7.1";
  sync_wait(runtime_->sandbox_mail().add_rule(resource_, rule));
  send(message());
  advance(1s);
  EXPECT_EQ(data_of(kMailReport)[0]["status"], "Bounced");
  EXPECT_THAT(email().suppressions(*resource_), IsEmpty());
}

TEST_F(EmailOnSandbox, ComplaintsAndWishesHoldUntilTheyAreLifted) {
  add_rule("angry@*", EmailState::kComplained);
  send(message({"angry@example.com"}));
  advance(1s);
  ASSERT_THAT(data_of(kMailReport), SizeIs(1));
  EXPECT_EQ(data_of(kMailReport)[0]["status"], "Delivered");
  EXPECT_EQ(email().suppressions(*resource_)[0].reason, service::SuppressionReason::kComplaint);
  EXPECT_EQ(email().suppressions(*resource_)[0].expires_at, std::nullopt);
  sync_wait(email().suppress(resource_, "bob@example.com", "", "asked on the phone"));
  const auto operation = send(message({"bob@example.com", "ok@example.com"}));
  settle();
  EXPECT_EQ(get(operation).status, EmailOperationStatus::kSucceeded);
  EXPECT_EQ(get(operation).recipients[0].state, EmailState::kSuppressed);
  EXPECT_THAT(*get(operation).recipients[0].detail, HasSubstr("asked on the phone"));
}

TEST_F(EmailOnSandbox, AServerThatSaysLaterIsAskedAgain) {
  add_rule("slow@*", EmailState::kDelivered, true, true, 2);
  const auto operation = send(message({"slow@example.com"}));
  settle();
  auto now = get(operation);
  EXPECT_EQ(now.status, EmailOperationStatus::kSucceeded) << "out for delivery";
  EXPECT_EQ(now.recipients[0].state, EmailState::kQueued);
  EXPECT_EQ(now.recipients[0].attempts, 1);
  EXPECT_EQ(now.recipients[0].status_code, "4.2.0");
  ASSERT_TRUE(now.recipients[0].next_attempt_at);
  EXPECT_EQ(*now.recipients[0].next_attempt_at - runtime_->clock().now(), 1min);
  advance(61s);
  EXPECT_EQ(get(operation).recipients[0].attempts, 2);
  advance(10min);
  now = get(operation);
  EXPECT_EQ(now.recipients[0].state, EmailState::kDelivered);
  EXPECT_EQ(now.recipients[0].attempts, 3);
  ASSERT_THAT(mails(), SizeIs(1));
  EXPECT_THAT(raw(mails()[0].mail_id), HasSubstr("Message-ID: " + operation.internet_message_id));
}

TEST_F(EmailOnSandbox, EveryOutcomeHasItsStateAndItsWord) {
  const std::vector<std::pair<EmailState, std::string>> outcomes = {
      {EmailState::kDelivered, "Delivered"},       {EmailState::kExpanded, "Expanded"},       {EmailState::kBounced, "Bounced"},
      {EmailState::kFilteredSpam, "FilteredSpam"}, {EmailState::kQuarantined, "Quarantined"}, {EmailState::kFailed, "Failed"}};
  for (const auto& [outcome, word] : outcomes) {
    add_rule("*", outcome);
    const auto operation = send(message({"ann@" + to_lower(word) + ".example"}));
    advance(1s);
    EXPECT_EQ(get(operation).recipients[0].state, outcome);
    EXPECT_EQ(data_of(kMailReport).back()["status"], word);
    EXPECT_EQ(data_of(kMailReport).back()["messageId"], operation.operation_id);
    EXPECT_EQ(get(operation).status, EmailOperationStatus::kSucceeded) << "a provider took it";
  }
}

TEST_F(EmailOnSandbox, WhatTheStoreRefusesIsHandedOverAgainAndWhoWaitsIsLeftAlone) {
  static const store::Statement kRefuse{
      "CREATE TRIGGER full BEFORE UPDATE OF state ON email_recipients BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"};
  static const store::Statement kTake{"DROP TRIGGER full"};
  static const store::Statement kWait{"UPDATE email_recipients SET next_attempt_us = ? WHERE address = 'bob@example.com'"};
  sandbox::MailRule silent;  // a report would settle it
  silent.match = "*";
  silent.silent = true;
  sync_wait(runtime_->sandbox_mail().add_rule(resource_, std::move(silent)));
  store::Database& database = *resource_->database;
  sync_wait(database.write([](store::Session& session) { session.execute(kRefuse); }));
  const auto operation = send(message({"ann@example.com", "bob@example.com"}));
  settle();
  ASSERT_THAT(mails(), SizeIs(1)) << "the provider has it";
  EXPECT_EQ(get(operation).recipients[0].state, EmailState::kQueued);
  EXPECT_EQ(get(operation).recipients[0].attempts, 0);
  // As if Bob's server had said "later" in another pass.
  const std::int64_t bobs_time = unix_us(runtime_->clock().now() + 1h);
  sync_wait(database.write([&](store::Session& session) {
    session.execute(kTake);
    session.execute(kWait, {bobs_time});
  }));
  advance(9s);
  EXPECT_EQ(get(operation).recipients[0].attempts, 0);
  advance(2s);
  settle();
  const auto after = get(operation);
  EXPECT_EQ(after.recipients[0].state, EmailState::kSent);
  EXPECT_EQ(after.recipients[0].attempts, 1);
  EXPECT_EQ(after.recipients[1].state, EmailState::kQueued);
  EXPECT_EQ(after.recipients[1].attempts, 0) << "his time had not come";
  EXPECT_TRUE(after.recipients[1].next_attempt_at);
  EXPECT_THAT(mails("ann@example.com"), SizeIs(1)) << "the same key again: nothing goes twice";
  EXPECT_EQ(after.status, EmailOperationStatus::kSucceeded);
}

TEST_F(EmailOnSandbox, AServerThatNeverTakesItEndsInAFailure) {
  add_rule("slow@*", EmailState::kDelivered, true, true);
  const auto operation = send(message({"slow@example.com"}));
  advance(48h);
  const auto now = get(operation);
  EXPECT_EQ(now.recipients[0].state, EmailState::kFailed);
  EXPECT_THAT(*now.recipients[0].detail, HasSubstr("given up"));
  EXPECT_EQ(data_of(kMailReport)[0]["status"], "Failed");
}

TEST_F(EmailOnSandbox, ABounceThatComesAsAMailIsAReport) {
  sandbox::MailRule rule;
  rule.match = "gone@*";
  rule.outcome = EmailState::kBounced;
  rule.bounce_mail = true;
  sync_wait(runtime_->sandbox_mail().add_rule(resource_, rule));
  const auto operation = send(message({"gone@example.com"}));
  advance(1s);
  EXPECT_EQ(get(operation).recipients[0].state, EmailState::kBounced);
  EXPECT_EQ(get(operation).recipients[0].status_code, "5.1.1");
  ASSERT_THAT(data_of(kMailReport), SizeIs(1));
  EXPECT_EQ(data_of(kMailReport)[0]["status"], "Bounced");
  EXPECT_THAT(events(kReceived), IsEmpty());
  EXPECT_THAT(email().suppressions(*resource_), SizeIs(1));
}

TEST_F(EmailOnSandbox, AComplaintThatComesAsAMailIsAReport) {
  const auto operation = send(message({"ann@example.com", "bob@example.com"}));
  advance(1s);
  const auto hand_in = [&](const std::string& message_id) {
    const std::string text =
        "From: abuse@example.com\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=B\r\n\r\n"
        "--B\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
        "--B\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: X/1\r\nVersion: 1\r\n"
        "Original-Rcpt-To: <ann@example.com>\r\n\r\n"
        "--B\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: " +
        message_id + "\r\n\r\nbody\r\n--B--\r\n";
    sync_wait(runtime_->sandbox_mail().receive(resource_, "abuse@example.com", {kSender}, Bytes(text.begin(), text.end())));
    settle();
  };
  hand_in(operation.internet_message_id);
  EXPECT_EQ(get(operation).recipients[0].state, EmailState::kComplained);
  EXPECT_EQ(get(operation).recipients[1].state, EmailState::kDelivered);
  const auto held = email().suppressions(*resource_);
  ASSERT_THAT(held, SizeIs(1));
  EXPECT_EQ(held[0].address, "ann@example.com");
  EXPECT_EQ(held[0].reason, service::SuppressionReason::kComplaint);
  EXPECT_THAT(events(kReceived), IsEmpty()) << "it is a report, and no mail";
  // About a mail that is not ours it is a mail like others.
  hand_in("<0d6e7a5c-0000-4000-8000-00000000dead@elsewhere.test>");
  EXPECT_THAT(events(kReceived), SizeIs(1));
  EXPECT_THAT(email().suppressions(*resource_), SizeIs(1));
}

TEST_F(EmailOnSandbox, AReportThatIsFasterThanTheAnswerWaitsForIt) {
  const auto sent = send(message());
  settle();
  const std::string theirs = get(sent).recipients.at(0).provider_message_id.value();
  // The next runtime is the same to the provider, which gives the same ids again; its report comes before it is even asked.
  open(config());
  email::EmailReport report;
  report.provider_message_id = theirs;
  report.recipient = "ann@example.com";
  report.state = EmailState::kBounced;
  report.detail = "no such mailbox";
  report.at = runtime_->clock().now();
  sync_wait(email().on_report("mail", report));
  email::EmailEngagement engagement;
  engagement.provider_message_id = theirs;
  engagement.recipient = "ann@example.com";
  engagement.kind = email::EngagementKind::kView;
  engagement.at = report.at;
  sync_wait(email().on_engagement("mail", engagement));
  EXPECT_TRUE(data_of(kEngagement).empty());
  const auto again = send(message());
  settle();
  ASSERT_EQ(get(again).recipients.at(0).provider_message_id, theirs) << "the sandbox is no longer the same each time";
  EXPECT_EQ(get(again).recipients.at(0).state, EmailState::kBounced);
  EXPECT_EQ(get(again).recipients.at(0).detail, "no such mailbox");
  EXPECT_EQ(data_of(kEngagement).size(), 1u);
}

}  // namespace
}  // namespace trunkline
