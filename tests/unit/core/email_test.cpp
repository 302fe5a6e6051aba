// What is accepted, refused and caught.
#include "runtime/base/encoding.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/email_domain_service.h"
#include "tests/unit/core/email_fixture.h"

namespace trunkline {
namespace {

using email::EmailState;
using nlohmann::json;
using namespace std::chrono_literals;
using service::EmailOperationStatus;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(EmailOnSandbox, IsAcceptedSentDeliveredAndReported) {
  service::EmailMessage m = message();
  m.bcc.emplace_back().address = "secret@example.com";
  m.to[0].display_name = "Ann";
  const auto operation = send(m);
  EXPECT_EQ(operation.status, EmailOperationStatus::kRunning);
  settle();
  EXPECT_EQ(get(operation).status, EmailOperationStatus::kSucceeded);
  EXPECT_EQ(get(operation).recipients[0].state, EmailState::kSent);
  EXPECT_THAT(events(kMailReport), IsEmpty());
  advance(50ms);
  const auto after = get(operation);
  ASSERT_THAT(after.recipients, SizeIs(2));
  EXPECT_EQ(after.recipients[0].state, EmailState::kDelivered);
  EXPECT_EQ(after.recipients[0].provider, "mail");
  EXPECT_EQ(after.recipients[1].address, "secret@example.com");
  const auto reports = events(kMailReport);
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].subject, "sender/support@mail.world.test/message/" + operation.operation_id);
  const json data = json::parse(reports[0].data);
  EXPECT_EQ(data["status"], "Delivered");
  EXPECT_EQ(data["recipient"], "ann@example.com");
  EXPECT_EQ(data["messageId"], operation.operation_id);
  EXPECT_EQ(data["internetMessageId"], operation.internet_message_id);
  ASSERT_THAT(mails("secret@example.com"), SizeIs(1));
  const std::string text = raw(mails()[0].mail_id);
  EXPECT_THAT(text, HasSubstr("From: World Support <support@mail.world.test>\r\n"));
  EXPECT_THAT(text, HasSubstr("To: Ann <ann@example.com>\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("secret@example.com")));
}

TEST_F(EmailOnSandbox, AnOperationIdIsSentOnceAndForOneMailOnly) {
  service::EmailMessage m = message();
  m.operation_id = "0D6E7A5C-0000-4000-8000-000000000001";
  const auto first = send(m);
  EXPECT_EQ(first.operation_id, "0d6e7a5c-0000-4000-8000-000000000001");
  const auto second = send(m);
  EXPECT_TRUE(second.repeated);
  m.subject = "Another";
  const Error error = error_of([&] { send(m); });
  EXPECT_EQ(error.code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(error.service_code, "OperationIdAlreadyExists");
  advance(1s);
  EXPECT_THAT(mails(), SizeIs(1));
  m.operation_id = "no-guid";
  EXPECT_EQ(error_of([&] { send(m); }).target, "Operation-Id");
}

TEST_F(EmailOnSandbox, RefusesBadMailNamingTheMember) {
  const auto refused = [&](auto change) {
    service::EmailMessage m = message();
    change(m);
    const Error error = error_of([&] { send(m); });
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << error.message;
    return error;
  };
  EXPECT_EQ(refused([](auto& m) { m.sender_address = "Name <support@mail.world.test>"; }).target, "senderAddress");
  EXPECT_EQ(refused([](auto& m) { m.subject = ""; }).target, "content.subject");
  EXPECT_EQ(refused([](auto& m) { m.subject = "a\r\nBcc: x@y.z"; }).target, "content.subject");
  EXPECT_EQ(refused([](auto& m) { m.plain_text.reset(); }).target, "content");
  EXPECT_EQ(refused([](auto& m) { m.to.clear(); }).target, "recipients");
  EXPECT_EQ(refused([](auto& m) { m.to.resize(51, m.to[0]); }).target, "recipients");
  EXPECT_EQ(refused([](auto& m) { m.to[0].address = "two@@signs.test"; }).target, "recipients.to[0].address");
  EXPECT_EQ(refused([](auto& m) { m.reply_to.emplace_back().address = "@b.test"; }).target, "replyTo[0].address");
  EXPECT_EQ(refused([](auto& m) { m.to[0].display_name = "a\nb"; }).target, "recipients.to[0].displayName");
  EXPECT_EQ(refused([](auto& m) { m.headers = Properties{{"Bcc", "x@y.z"}}; }).target, "headers.Bcc");
  EXPECT_EQ(refused([](auto& m) { m.headers = Properties{{"X-A", "a\r\nb"}}; }).target, "headers.X-A");
  EXPECT_EQ(refused([](auto& m) {
              m.headers = Properties{{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"}};
            }).target,
            "headers.List-Unsubscribe");
  const auto file = [](service::EmailMessage& m) -> email::EmailAttachment& {
    email::EmailAttachment& a = m.attachments.emplace_back();
    a.name = "a.txt";
    a.content_type = "text/plain";
    return a;
  };
  const Error type = refused([&](auto& m) { file(m).content_type = "text"; });
  EXPECT_EQ(type.service_code, "InvalidAttachmentType");
  EXPECT_EQ(refused([&](auto& m) { file(m).name = "a.exe"; }).service_code, "InvalidAttachmentType");
  EXPECT_EQ(refused([&](auto& m) { file(m).content_id = "a b"; }).target, "attachments[0].contentId");
  const Error size = refused([&](auto& m) { file(m).content.resize(8 * 1024 * 1024); });
  EXPECT_EQ(size.service_code, "RequestEntityTooLarge");
  EXPECT_EQ(size.http_status, 413);
  EXPECT_EQ(refused([](auto& m) { m.sender_address = "nobody@mail.world.test"; }).service_code, "InvalidSenderUserName");
  service::EmailMessage m = message();
  m.sender_address = "support@elsewhere.test";
  const Error unlinked = error_of([&] { send(m); });
  EXPECT_EQ(unlinked.code, ErrorCode::kNotFound);
  EXPECT_EQ(unlinked.service_code, "DomainNotLinked");
  EXPECT_THAT(mails(), IsEmpty());
}

TEST_F(EmailOnSandbox, OpeningsClicksAndUnsubscribingAreTold) {
  runtime_->set_endpoint("http://here.test/");
  service::EmailMessage m = message({"ann@example.com", "bob@example.com"});
  m.html = "<body><a class=x href=\"https://example.com/a?b=1&amp;c=2\">go</a> <a href='mailto:x@y.z'>m</a></body>";
  m.unsubscribe = true;
  const auto operation = send(m);
  advance(1s);
  ASSERT_THAT(mails(), SizeIs(2)) << "links tell recipients apart";
  const auto mail = sync_wait(runtime_->sandbox_mail().mail(resource_, mails("bob@example.com")[0].mail_id));
  const auto token = [&](const std::string& text, const std::string& path) {
    const auto at = text.find("http://here.test/_mail/" + path + "/");
    if (at == std::string::npos) return std::string();
    const auto begin = at + std::string("http://here.test/_mail/" + path + "/").size();
    return text.substr(begin, text.find_first_of("\"'>", begin) - begin);
  };
  EXPECT_THAT(*mail.html, HasSubstr("mailto:x@y.z"));
  EXPECT_THAT(*mail.html, Not(HasSubstr("example.com/a?b")));
  EXPECT_TRUE(sync_wait(email().use_link(token(*mail.html, "open"), EmailLinkKind::kOpen, "Agent/1")));
  const auto click = sync_wait(email().use_link(token(*mail.html, "click"), EmailLinkKind::kClick, "Agent/1"));
  ASSERT_TRUE(click);
  EXPECT_EQ(click->url, "https://example.com/a?b=1&c=2");
  std::string forged = token(*mail.html, "click");
  forged[10] = forged[10] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(sync_wait(email().use_link(forged, EmailLinkKind::kClick, "")));
  EXPECT_FALSE(sync_wait(email().use_link(token(*mail.html, "open"), EmailLinkKind::kClick, "")));
  const auto engagements = data_of(kEngagement);
  ASSERT_THAT(engagements, SizeIs(2));
  EXPECT_EQ(engagements[0]["engagementType"], "view");
  EXPECT_EQ(engagements[0]["recipient"], "bob@example.com");
  EXPECT_EQ(engagements[1]["engagementType"], "click");
  EXPECT_EQ(engagements[1]["engagementContext"], "https://example.com/a?b=1&c=2");
  EXPECT_EQ(engagements[1]["userAgent"], "Agent/1");
  EXPECT_THAT(mail.headers, Contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"));
  std::string links;
  for (const std::string& header : mail.headers) links += header + ">";
  EXPECT_TRUE(sync_wait(email().use_link(token(links, "unsubscribe"), EmailLinkKind::kUnsubscribe, "")));
  ASSERT_THAT(email().suppressions(*resource_), SizeIs(1));
  EXPECT_EQ(email().suppressions(*resource_)[0].sender_address, kSender);
  EXPECT_EQ(email().suppressions(*resource_)[0].reason, service::SuppressionReason::kUnsubscribe);
  m.disable_tracking = true;
  m.unsubscribe = false;
  send(m);
  advance(1s);
  EXPECT_THAT(raw(mails().back().mail_id), Not(HasSubstr("_mail/")));
}

TEST_F(EmailOnSandbox, MailThatComesIsAnEvent) {
  const std::string text =
      "From: Ann <ann@example.com>\r\nTo: support@mail.world.test\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
      "Message-ID: <m1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
      "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nH=E9llo\r\n"
      "--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--b--\r\n";
  const auto receive = [&](std::vector<std::string> to) {
    return sync_wait(
        runtime_->sandbox_mail().receive(resource_, "ann@example.com", std::move(to), Bytes(text.begin(), text.end())));
  };
  receive({"Support@Mail.World.test", "other@elsewhere.test"});
  ASSERT_THAT(events(kReceived), SizeIs(1));
  const json data = json::parse(events(kReceived)[0].data);
  EXPECT_EQ(data["from"], "ann@example.com");
  EXPECT_EQ(data["recipients"], json::array({"Support@Mail.World.test"}));
  EXPECT_EQ(data["subject"], "Grüße");
  EXPECT_EQ(data["plainText"], "Héllo");
  EXPECT_EQ(data["attachments"][0]["name"], "a.pdf");
  EXPECT_EQ(data["attachments"][0]["sizeInBytes"], 3);
  const auto kept = email().received(*resource_, data["messageId"].get<std::string>());
  EXPECT_EQ(std::string(kept.mime.begin(), kept.mime.end()), text);
  EXPECT_THAT(email().received_mails(*resource_, 10), SizeIs(1));
  EXPECT_EQ(error_of([&] { receive({"x@elsewhere.test"}); }).code, ErrorCode::kNotFound);
}

TEST_F(EmailOnSandbox, AForkKeepsTheRecordsAndSendsNothing) {
  add_rule("slow@*", EmailState::kDelivered, true, true, 1);
  const auto operation = send(message({"slow@example.com"}));
  settle();
  sync_wait(email().suppress(resource_, "bob@example.com", "", ""));
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  EXPECT_EQ(email().get(*fork, operation.operation_id).recipients[0].state, EmailState::kFailed);
  EXPECT_THAT(email().suppressions(*fork), SizeIs(1));
  advance(2min);
  EXPECT_EQ(get(operation).recipients[0].state, EmailState::kDelivered);
  EXPECT_THAT(sync_wait(runtime_->sandbox_mail().mails(fork, "")), IsEmpty());
}

TEST_F(EmailOnSandbox, PagesHoldEveryOperationOnce) {
  std::vector<std::string> sent;
  for (int i = 0; i < 5; ++i) sent.push_back(send(message()).operation_id);
  std::vector<std::string> seen;
  std::optional<std::string> continuation;
  do {
    const auto page = email().list(*resource_, 2, continuation);
    for (const auto& operation : page.items) seen.push_back(operation.operation_id);
    continuation = page.continuation;
  } while (continuation);
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(sent));
  EXPECT_EQ(error_of([&] { email().list(*resource_, 2, "nonsense"); }).target, "continuation");
  EXPECT_EQ(error_of([&] { email().list(*resource_, 0, std::nullopt); }).target, "limit");
}

TEST_F(EmailOnSandbox, ExplainSaysWhatWasTried) {
  const auto operation = send(message());
  advance(1s);
  std::vector<std::string> steps;
  for (const DecisionStep& step : email().explain(*resource_, operation.operation_id).steps)
    steps.push_back(step.rule + ":" + step.outcome);
  EXPECT_THAT(steps, ElementsAre("sender.allowed:pass", "message.valid:pass", "route.match:pick", "provider.capability:pass",
                                 "provider.breaker:pass", "route.pick:pick", "provider.send:pass", "provider.report:pass"));
}

class EmailLimits : public EmailOnSandbox {
 protected:
  void SetUp() override { open("email: {rate_limits: documented}\n" + config()); }
};

TEST_F(EmailLimits, AreThePublishedOnesAndSayWhenToComeAgain) {
  for (int i = 0; i < 30; ++i) send(message());
  const Error error = error_of([&] { send(message()); });
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(error.service_code, "TooManyRequests");
  EXPECT_EQ(error.retry_after, 60s);
  advance(61s);
  send(message());
}

class EmailWithoutProvider : public EmailOnSandbox {
 protected:
  void SetUp() override { open(config("[{name: sim, plugin: sms-sandbox}]")); }
};

TEST_F(EmailWithoutProvider, FailsSayingWhy) {
  const auto operation = send(message());
  settle();
  EXPECT_EQ(get(operation).status, EmailOperationStatus::kFailed);
  EXPECT_EQ(get(operation).error_code, "EmailDropped");
  EXPECT_THAT(*get(operation).error_message, HasSubstr("no email provider is configured"));
  EXPECT_EQ(data_of(kMailReport)[0]["status"], "Failed");
}

}  // namespace
}  // namespace trunkline
