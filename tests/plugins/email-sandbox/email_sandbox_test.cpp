// The sandbox mail carrier behind a host that keeps what it is told or refuses it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/plugins/host.h"
#include "trunkline/email_client.hpp"
#include "trunkline/email_provider.hpp"
#include "trunkline/mail.hpp"
#include "trunkline/sandbox_client.hpp"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using email::EmailReport;
using email::EmailSendRequest;
using email::EmailSendResult;
using email::EmailState;
using sandbox::MailRule;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::on_behalf_of;
using ::testing::SizeIs;

class Sink final : public email::EmailEvents {
 public:
  Task<void> report(Call, EmailReport report) override {
    const std::lock_guard lock(mutex_);
    if (refusals_ > 0) {
      --refusals_;
      throw Error(ErrorCode::kUnavailable, "the disk is full");
    }
    reports_.push_back(std::move(report));
    co_return;
  }
  Task<void> received(Call, email::InboundEmail mail) override {
    const std::lock_guard lock(mutex_);
    if (!known_) throw Error(ErrorCode::kNotFound, "no such domain", "to");
    received_.push_back(std::move(mail));
    co_return;
  }
  void refuse(int times) {
    const std::lock_guard lock(mutex_);
    refusals_ = times;
  }
  void know_no_domain() {
    const std::lock_guard lock(mutex_);
    known_ = false;
  }
  std::vector<EmailReport> reports() const {
    const std::lock_guard lock(mutex_);
    return reports_;
  }
  std::vector<email::InboundEmail> received_mails() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  mutable std::mutex mutex_;
  int refusals_ = 0;
  bool known_ = true;
  std::vector<EmailReport> reports_;
  std::vector<email::InboundEmail> received_;
};

class EmailSandbox : public ::testing::Test {
 protected:
  void open(const std::string& config = "{}") {
    instance_ = host_.open("email-sandbox", config, email::iface_of(&sink_));
    email_ = {instance_->interface("trunkline.email/1"), instance_->calls()};
    sandbox_ = {instance_->interface("trunkline.sandboxmail/1"), instance_->calls()};
  }
  static EmailSendRequest request(std::vector<std::string> to) {
    EmailSendRequest request;
    request.message_id = "11111111-1111-4111-8111-111111111111";
    request.internet_message_id = "<11111111-1111-4111-8111-111111111111@ours.test>";
    request.from.address = "donotreply@ours.test";
    request.subject = "Grüße";
    request.plain_text = "hello";
    for (const std::string& address : to) {
      email::Mailbox box;
      box.address = address;
      request.to.push_back(std::move(box));
    }
    request.recipients = std::move(to);
    return request;
  }
  std::vector<EmailSendResult> send(EmailSendRequest request, CallOptions options = on_behalf_of("acme")) {
    return email_.send_sync(std::move(request), std::move(options));
  }
  void add_rule(MailRule rule) { sandbox_.add_rule_sync(std::move(rule), on_behalf_of("acme")); }
  static MailRule rule(std::string match, EmailState outcome) {
    MailRule rule;
    rule.match = std::move(match);
    rule.outcome = outcome;
    return rule;
  }
  std::vector<sandbox::CapturedMail> mails(const std::string& address = "") {
    return sandbox_.mails_sync(address, on_behalf_of("acme"));
  }

  testing::Host host_;
  Sink sink_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  email::EmailProviderClient email_;
  sandbox::SandboxMailProviderClient sandbox_;
};

TEST_F(EmailSandbox, KeepsTheRawMailAndReportsAfterItsLatency) {
  open();
  const auto results = send(request({"Ann@example.com"}));
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_EQ(results[0].state, EmailState::kSent);
  ASSERT_THAT(mails("ann@example.com"), SizeIs(1));
  const auto mail = sandbox_.mail_sync(mails()[0].mail_id, on_behalf_of("acme"));
  EXPECT_EQ(mail.subject, "Grüße");
  EXPECT_EQ(mail.plain_text, "hello\r\n");
  EXPECT_EQ(mail.via, "api");
  EXPECT_EQ(mail.outcomes.at("Ann@example.com"), "sent");
  const Bytes raw = sandbox_.raw_mail_sync(mail.mail_id, on_behalf_of("acme"));
  EXPECT_THAT(std::string(raw.begin(), raw.end()), HasSubstr("Subject: =?utf-8?B?"));
  host_.clock.advance(49ms);
  EXPECT_THAT(sink_.reports(), IsEmpty());
  host_.clock.advance(1ms);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].state, EmailState::kDelivered);
  EXPECT_EQ(sink_.reports()[0].message_id, mail.message_id);
  EXPECT_EQ(mails()[0].outcomes.at("Ann@example.com"), "delivered");
  EXPECT_THAT(sandbox_.mails_sync("", on_behalf_of("other")), IsEmpty());
}

TEST_F(EmailSandbox, RulesDecideByRecipient) {
  open(R"({"rules": [{"match": "*@full.test", "outcome": "bounced", "status_code": "5.2.2", "detail": "mailbox full"}]})");
  add_rule(rule("spam@*", EmailState::kFilteredSpam));
  send(request({"a@full.test", "spam@example.com", "x@nowhere.invalid", "ok@example.com"}));
  host_.clock.advance(1s);
  ASSERT_THAT(sink_.reports(), SizeIs(4));
  std::map<std::string, EmailReport> by;
  for (const EmailReport& report : sink_.reports()) by[report.recipient] = report;
  EXPECT_EQ(by["a@full.test"].state, EmailState::kBounced);
  EXPECT_EQ(by["a@full.test"].status_code, "5.2.2");
  EXPECT_EQ(by["a@full.test"].detail, "mailbox full");
  EXPECT_EQ(by["spam@example.com"].state, EmailState::kFilteredSpam);
  EXPECT_EQ(by["x@nowhere.invalid"].state, EmailState::kBounced);
  EXPECT_EQ(by["x@nowhere.invalid"].status_code, "5.1.2");
  EXPECT_EQ(by["ok@example.com"].state, EmailState::kDelivered);
}

TEST_F(EmailSandbox, RefusalsAnswerAtOnceAndTemporaryOnesMayBeTriedAgain) {
  open();
  MailRule no = rule("no@*", EmailState::kBounced);
  no.refuse = true;
  add_rule(no);
  MailRule later = rule("later@*", EmailState::kDelivered);
  later.refuse = later.temporary = true;
  later.times = 1;
  add_rule(later);
  CallOptions options = on_behalf_of("acme");
  options.idempotency_key = "k";
  auto results = send(request({"no@example.com", "later@example.com"}), options);
  ASSERT_THAT(results, SizeIs(2));
  EXPECT_EQ(results[0].state, EmailState::kBounced);
  EXPECT_FALSE(results[0].retryable);
  EXPECT_TRUE(results[1].retryable);
  EXPECT_EQ(results[1].status_code, "4.2.0");
  EXPECT_THAT(mails(), IsEmpty());
  results = send(request({"later@example.com"}), options);
  EXPECT_EQ(results[0].state, EmailState::kSent) << "the rule has retired, and the refusal was not remembered";
}

TEST_F(EmailSandbox, TheSameKeySendsOnce) {
  open();
  CallOptions options = on_behalf_of("acme");
  options.idempotency_key = "one";
  const auto first = send(request({"a@example.com"}), options);
  const auto second = send(request({"a@example.com"}), options);
  EXPECT_EQ(first, second);
  EXPECT_THAT(mails(), SizeIs(1));
  host_.clock.advance(1s);
  EXPECT_THAT(sink_.reports(), SizeIs(1));
}

TEST_F(EmailSandbox, ReportsAreRepeatedUntilTheHostKeepsThem) {
  open();
  sink_.refuse(2);
  send(request({"a@example.com"}));
  host_.clock.advance(1s);
  EXPECT_THAT(sink_.reports(), IsEmpty());
  host_.clock.advance(10s);
  EXPECT_THAT(sink_.reports(), SizeIs(1));
}

TEST_F(EmailSandbox, ABounceMayComeAsAMail) {
  open();
  MailRule bounce = rule("gone@*", EmailState::kBounced);
  bounce.bounce_mail = true;
  add_rule(bounce);
  send(request({"gone@example.com"}));
  host_.clock.advance(1s);
  EXPECT_THAT(sink_.reports(), IsEmpty());
  ASSERT_THAT(sink_.received_mails(), SizeIs(1));
  const email::InboundEmail mail = sink_.received_mails()[0];
  EXPECT_EQ(mail.from, "");
  EXPECT_THAT(mail.to, ElementsAre("donotreply@ours.test"));
  const std::string raw(mail.mime.begin(), mail.mime.end());
  const auto reports = mail::read_status_reports(raw);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].recipient, "gone@example.com");
  EXPECT_EQ(reports[0].state, EmailState::kBounced);
  EXPECT_EQ(reports[0].status_code, "5.1.1");
  EXPECT_EQ(reports[0].envelope_id, "11111111-1111-4111-8111-111111111111");
  EXPECT_EQ(reports[0].original_message_id, "<11111111-1111-4111-8111-111111111111@ours.test>");
}

TEST_F(EmailSandbox, SomebodyComplains) {
  open();
  send(request({"a@example.com"}));
  host_.clock.advance(1s);
  sandbox_.complain_sync(mails()[0].mail_id, "a@example.com", on_behalf_of("acme"));
  ASSERT_THAT(sink_.reports(), SizeIs(2));
  EXPECT_EQ(sink_.reports()[1].state, EmailState::kComplained);
  std::string target;
  EXPECT_EQ(code_of([&] { sandbox_.complain_sync(mails()[0].mail_id, "b@example.com", on_behalf_of("acme")); }, &target),
            ErrorCode::kNotFound);
  EXPECT_EQ(target, "recipient");
}

TEST_F(EmailSandbox, SomebodyWritesToUs) {
  open();
  const std::string text = "From: ann@example.com\r\nSubject: hi\r\n\r\nhello\r\n";
  const Bytes mime(text.begin(), text.end());
  const std::string id = sandbox_.receive_sync("ann@example.com", {"support@ours.test"}, mime, on_behalf_of("acme"));
  ASSERT_THAT(sink_.received_mails(), SizeIs(1));
  EXPECT_EQ(sink_.received_mails()[0].provider_message_id, id);
  EXPECT_EQ(sink_.received_mails()[0].resource, "acme");
  EXPECT_EQ(sink_.received_mails()[0].mime, mime);
  std::string target;
  EXPECT_EQ(code_of([&] { sandbox_.receive_sync("ann@", {"support@ours.test"}, mime, on_behalf_of("acme")); }, &target),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "from");
  EXPECT_EQ(code_of([&] { sandbox_.receive_sync("", {}, mime, on_behalf_of("acme")); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "to");
  sink_.know_no_domain();
  EXPECT_EQ(code_of([&] { sandbox_.receive_sync("ann@example.com", {"x@elsewhere.test"}, mime, on_behalf_of("acme")); }),
            ErrorCode::kNotFound);
}

TEST_F(EmailSandbox, RefusesBadRulesNamingTheMember) {
  open();
  const auto target_of = [&](MailRule bad) {
    std::string target;
    EXPECT_EQ(code_of([&] { add_rule(bad); }, &target), ErrorCode::kInvalidArgument);
    return target;
  };
  MailRule bad = rule("", EmailState::kBounced);
  EXPECT_EQ(target_of(bad), "rule.match");
  bad.match = "nobody";
  EXPECT_EQ(target_of(bad), "rule.match");
  bad = rule("*", EmailState::kSuppressed);
  EXPECT_EQ(target_of(bad), "rule.outcome");
  bad = rule("*", EmailState::kBounced);
  bad.status_code = "550";
  EXPECT_EQ(target_of(bad), "rule.statusCode");
  bad = rule("*", EmailState::kBounced);
  bad.temporary = true;
  EXPECT_EQ(target_of(bad), "rule.temporary");
  bad = rule("*", EmailState::kBounced);
  bad.rate = 1.5;
  EXPECT_EQ(target_of(bad), "rule.rate");
}

TEST_F(EmailSandbox, ForgetsTheOldestAndStartsAgain) {
  open(R"({"mails_per_resource": 2})");
  for (const char* to : {"a@example.com", "b@example.com", "c@example.com"}) send(request({to}));
  EXPECT_THAT(mails(), SizeIs(2));
  EXPECT_THAT(mails("a@example.com"), IsEmpty());
  ASSERT_THAT(sandbox_.mailboxes_sync(on_behalf_of("acme")), SizeIs(2));
  sandbox_.reset_sync(on_behalf_of("acme"));
  EXPECT_THAT(mails(), IsEmpty());
}

}  // namespace
}  // namespace trunkline
