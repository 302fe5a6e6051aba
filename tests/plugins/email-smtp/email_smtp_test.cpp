// The SMTP client against a server that misbehaves at every stage. The peers that behave are in tests/sdk and tests/integration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/email-smtp/fake_smtp_server.h"
#include "tests/plugins/host.h"
#include "trunkline/email_client.hpp"

namespace trunkline {
namespace {

using email::EmailSendRequest;
using email::EmailSendResult;
using email::EmailState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::FakeSmtpServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::on_behalf_of;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Script = std::map<std::string, std::string>;

class EmailSmtp : public ::testing::Test {
 protected:
  void open(const FakeSmtpServer& server, const std::string& more = "", std::map<std::string, Secret> secrets = {}) {
    instance_ = host_.open("email-smtp",
                           R"({"host": "127.0.0.1", "port": )" + std::to_string(server.port()) +
                               R"(, "reply_ms": 400, "connect_ms": 2000, "connections": 2)" +
                               (more.find("\"tls\"") == std::string::npos ? R"(, "tls": "off")" : "") +
                               (more.empty() ? "" : ", " + more) + "}",
                           {}, std::move(secrets));
    email_ = {instance_->interface("trunkline.email/1"), instance_->calls()};
  }
  static EmailSendRequest request(std::vector<std::string> to = {"ann@example.com"}) {
    EmailSendRequest request;
    request.message_id = "op-1";
    request.internet_message_id = "<op-1@ours.test>";
    request.from.address = "me@ours.test";
    request.subject = "s";
    request.plain_text = ".dot\nline";
    request.to.emplace_back().address = to[0];
    request.recipients = std::move(to);
    return request;
  }
  std::vector<EmailSendResult> send(EmailSendRequest r = request()) {
    return email_.send_sync(std::move(r), on_behalf_of("acme"));
  }
  Error failure(EmailSendRequest r = request()) {
    try {
      send(std::move(r));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "was sent";
    return {};
  }

  testing::Host host_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  email::EmailProviderClient email_;
};

TEST_F(EmailSmtp, SendsInOneGoAndKeepsTheConnection) {
  FakeSmtpServer server;
  open(server);
  const auto results = send(request({"ann@example.com", "bob@example.com"}));
  ASSERT_THAT(results, SizeIs(2));
  EXPECT_EQ(results[0].state, EmailState::kDelivered);
  EXPECT_EQ(results[0].status_code, "2.0.0");
  EXPECT_EQ(results[0].provider_message_id, "Q1");
  send();
  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(server.commands(), ElementsAre("EHLO localhost", StartsWith("MAIL FROM:<me@ours.test> SIZE="),
                                             StartsWith("RCPT TO:<ann@example.com>"), StartsWith("RCPT TO:<bob@example.com>"),
                                             "DATA", StartsWith("MAIL"), StartsWith("RCPT TO:<ann@example.com>"), "DATA"));
  EXPECT_THAT(server.mails()[0], HasSubstr("\r\n\r\n..dot\r\nline\r\n"));
}

TEST_F(EmailSmtp, EachRecipientHasAnOutcomeOfItsOwn) {
  FakeSmtpServer server(Script{{"RCPT TO:<gone@", "550 5.1.1 no such user"},
                               {"RCPT TO:<full@", "452 4.2.2 mailbox full"},
                               {"RCPT TO:<old@", "551 moved"}});
  open(server);
  const auto results = send(request({"ok@example.com", "gone@example.com", "full@example.com", "old@example.com"}));
  EXPECT_EQ(results[0].state, EmailState::kDelivered);
  EXPECT_EQ(results[1].state, EmailState::kBounced);
  EXPECT_EQ(results[1].status_code, "5.1.1");
  EXPECT_EQ(results[1].detail, "550 5.1.1 no such user");
  EXPECT_TRUE(results[2].retryable);
  EXPECT_EQ(results[2].status_code, "4.2.2");
  EXPECT_EQ(results[3].status_code, "5.1.1");
  EXPECT_THAT(server.mails(), SizeIs(1));
}

TEST_F(EmailSmtp, WhenNobodyIsTakenTheConnectionGoesOn) {
  FakeSmtpServer server(Script{{"RCPT TO:<gone@", "550 5.1.1 no such user"}, {"DATA", "554 5.5.1 no valid recipients"}});
  open(server);
  EXPECT_EQ(send(request({"gone@example.com"}))[0].state, EmailState::kBounced);
  server.set("DATA", "354 go");
  EXPECT_EQ(send()[0].state, EmailState::kDelivered);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(EmailSmtp, AServerThatTakesDataForNobodyGetsAnEmptyOne) {
  FakeSmtpServer server(Script{{"RCPT", "550 5.1.1 no such user"}});
  open(server);
  EXPECT_EQ(send()[0].state, EmailState::kBounced);
  EXPECT_THAT(server.mails(), ElementsAre(""));
}

struct Stage {
  const char* command;
  const char* reply;
  EmailState state;
  bool retryable;
  const char* status;
};
class EmailSmtpStage : public EmailSmtp, public ::testing::WithParamInterface<Stage> {};
TEST_P(EmailSmtpStage, IsAnOutcome) {
  FakeSmtpServer server(Script{{GetParam().command, GetParam().reply}});
  open(server);
  const auto results = send();
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_EQ(results[0].state, GetParam().state);
  EXPECT_EQ(results[0].retryable, GetParam().retryable);
  EXPECT_EQ(results[0].status_code, GetParam().status);
  EXPECT_EQ(results[0].detail, GetParam().reply);
}
INSTANTIATE_TEST_SUITE_P(Replies, EmailSmtpStage,
                         ::testing::Values(Stage{"MAIL", "451 4.3.0 later", EmailState::kQueued, true, "4.3.0"},
                                           Stage{"MAIL", "550 5.7.1 not you", EmailState::kBounced, false, "5.7.1"},
                                           Stage{"RCPT", "450 4.2.0 greylisted", EmailState::kQueued, true, "4.2.0"},
                                           Stage{"RCPT", "550 no such user", EmailState::kBounced, false, "5.1.1"},
                                           Stage{"DATA", "451 4.3.2 busy", EmailState::kQueued, true, "4.3.2"},
                                           Stage{"DATA", "554 5.7.1 no", EmailState::kBounced, false, "5.7.1"},
                                           Stage{"END", "452 4.3.1 disk full", EmailState::kQueued, true, "4.3.1"},
                                           Stage{"END", "552 too large", EmailState::kBounced, false, "5.3.4"},
                                           Stage{"END", "554 5.7.1 spam", EmailState::kBounced, false, "5.7.1"},
                                           Stage{"END", "421 4.3.2 going down", EmailState::kQueued, true, "4.3.2"}));

struct Trouble {
  const char* command;
  const char* reply;
  ErrorCode code;
  const char* words;
};
class EmailSmtpTrouble : public EmailSmtp, public ::testing::WithParamInterface<Trouble> {};
TEST_P(EmailSmtpTrouble, IsAnError) {
  FakeSmtpServer server(Script{{GetParam().command, GetParam().reply}});
  open(server);
  const Error error = failure();
  EXPECT_EQ(error.code, GetParam().code) << error.message;
  EXPECT_THAT(error.message, HasSubstr(GetParam().words));
}
INSTANTIATE_TEST_SUITE_P(
    Servers, EmailSmtpTrouble,
    ::testing::Values(Trouble{"GREETING", "554 5.3.2 no service", ErrorCode::kUnavailable, "554 5.3.2 no service"},
                      Trouble{"GREETING", "421 4.3.2 full", ErrorCode::kUnavailable, "421"},
                      Trouble{"GREETING", "HTTP/1.1 400 Bad Request", ErrorCode::kUnavailable, "wanted a reply of SMTP"},
                      Trouble{"GREETING", "*close*", ErrorCode::kUnavailable, "closed the connection"},
                      Trouble{"GREETING", "*hang*", ErrorCode::kUnavailable, "no answer in time"},
                      Trouble{"EHLO", "421 4.3.2 full", ErrorCode::kUnavailable, "EHLO"},
                      Trouble{"MAIL", "*close*", ErrorCode::kUnavailable, "closed the connection"},
                      Trouble{"RCPT", "*hang*", ErrorCode::kUnavailable, "no answer in time"},
                      Trouble{"DATA", "*close*", ErrorCode::kUnavailable, "closed the connection"},
                      // The mail is with the server: nobody knows whether it was taken.
                      Trouble{"END", "*close*", ErrorCode::kDeadlineExceeded, "its answer lost"},
                      Trouble{"END", "*hang*", ErrorCode::kDeadlineExceeded, "its answer lost"}));

struct Refusal {
  std::map<std::string, std::string> script;
  ErrorCode code;
  const char* words;
};
class EmailSmtpBeforeMail : public EmailSmtp, public ::testing::WithParamInterface<Refusal> {};
TEST_P(EmailSmtpBeforeMail, IsAnError) {
  FakeSmtpServer server(GetParam().script);
  open(server, GetParam().script.contains("STARTTLS") ? R"("tls": "starttls")" : "");
  const Error error = failure();
  EXPECT_EQ(error.code, GetParam().code) << error.message;
  EXPECT_THAT(error.message, HasSubstr(GetParam().words));
  EXPECT_THAT(server.mails(), IsEmpty());
  for (const std::string& command : server.commands()) EXPECT_THAT(command, Not(HasSubstr("MAIL")));
}
constexpr const char* kOffersTls = "250-fake\r\n250-STARTTLS\r\n250 SIZE 1000000";
INSTANTIATE_TEST_SUITE_P(
    Servers, EmailSmtpBeforeMail,
    ::testing::Values(
        // The server's refusal for now is worth another attempt; the one for good is not.
        Refusal{{{"EHLO", "451 4.3.2 later"}}, ErrorCode::kUnavailable, "EHLO: 451"},
        Refusal{
            {{"EHLO", "550 5.7.1 not you"}, {"HELO", "550 5.7.1 not you"}}, ErrorCode::kFailedPrecondition, "HELO: 550 5.7.1"},
        Refusal{{{"EHLO", "502 what?"}, {"HELO", "450 4.7.1 later"}}, ErrorCode::kUnavailable, "HELO: 450 4.7.1"},
        Refusal{{{"EHLO", "502 what?"}, {"HELO", "*close*"}}, ErrorCode::kUnavailable, "closed the connection"},
        Refusal{{{"EHLO", kOffersTls}, {"STARTTLS", "454 4.7.0 TLS is not there now"}}, ErrorCode::kUnavailable, "STARTTLS: 454"},
        Refusal{{{"EHLO", kOffersTls}, {"STARTTLS", "421 4.3.2 going down"}}, ErrorCode::kUnavailable, "STARTTLS: 421"},
        Refusal{{{"EHLO", kOffersTls}, {"STARTTLS", "502 5.5.1 no"}}, ErrorCode::kFailedPrecondition, "STARTTLS: 502 5.5.1"},
        Refusal{{{"EHLO", kOffersTls}, {"STARTTLS", "*hang*"}}, ErrorCode::kUnavailable, "no answer in time"}));

TEST_F(EmailSmtp, AnOldServerIsGreetedTheOldWay) {
  FakeSmtpServer server(Script{{"EHLO", "502 5.5.2 what?"}});
  open(server);
  EXPECT_EQ(send()[0].state, EmailState::kDelivered);
  EXPECT_THAT(server.commands(),
              ElementsAre("EHLO localhost", "HELO localhost", "MAIL FROM:<me@ours.test>", "RCPT TO:<ann@example.com>", "DATA"));
}

TEST_F(EmailSmtp, NobodyListens) {
  int port = 0;
  {
    FakeSmtpServer gone;
    port = gone.port();
  }
  instance_ = host_.open("email-smtp", R"({"host": "127.0.0.1", "tls": "off", "port": )" + std::to_string(port) + "}");
  email_ = {instance_->interface("trunkline.email/1"), instance_->calls()};
  const Error error = failure();
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("connecting"));
}

TEST_F(EmailSmtp, MailGoesOverTlsOrNotAtAll) {
  FakeSmtpServer server;
  open(server, R"("tls": "starttls")");
  const Error error = failure();
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(error.target, "tls");
  EXPECT_THAT(server.commands(), ElementsAre("EHLO localhost"));
}

TEST_F(EmailSmtp, ATlsThatFailsIsSaidSo) {
  FakeSmtpServer server(Script{{"EHLO", "250-fake.test\r\n250 STARTTLS"}, {"STARTTLS", "220 go\r\nno TLS at all"}});
  open(server, R"("tls": "starttls")");
  const Error error = failure();
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("TLS"));
  FakeSmtpServer plain(Script{{"GREETING", "220 this is no TLS"}});
  open(plain, R"("tls": "implicit")");
  EXPECT_THAT(failure().message, HasSubstr("TLS"));
}

TEST_F(EmailSmtp, WrongCredentialsAreNotTriedAgain) {
  FakeSmtpServer server(Script{{"EHLO", "250-fake.test\r\n250 AUTH PLAIN LOGIN"}, {"AUTH", "535 5.7.8 wrong"}});
  open(server, R"("username": "u")", {{"password", Secret("p")}});
  const Error error = failure();
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(error.provider_code, "5.7.8");
  EXPECT_THAT(error.message, Not(HasSubstr("AHUAcA==")));
  EXPECT_THAT(server.commands(), Contains("AUTH PLAIN AHUAcA=="));
  server.set("AUTH", "454 4.7.0 later");
  EXPECT_EQ(failure().code, ErrorCode::kUnavailable);
}

TEST_F(EmailSmtp, SpeaksLoginAndXoauth2) {
  FakeSmtpServer server(Script{{"EHLO", "250-fake.test\r\n250 AUTH LOGIN XOAUTH2"},
                               {"AUTH LOGIN", "334 VXNlcm5hbWU6"},
                               {"dQ==", "334 UGFzc3dvcmQ6"},
                               {"cA==", "235 2.7.0 ok"}});
  open(server, R"("username": "u")", {{"password", Secret("p")}});
  EXPECT_EQ(send()[0].state, EmailState::kDelivered);
  instance_.reset();
  open(server, R"("username": "u")", {{"access_token", Secret("t")}});
  EXPECT_EQ(send()[0].state, EmailState::kDelivered);
  EXPECT_THAT(server.commands(), Contains("AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ=="));
  instance_.reset();
  open(server, R"("username": "u", "auth": "plain")", {{"password", Secret("p")}});
  EXPECT_EQ(failure().target, "auth");
}

TEST_F(EmailSmtp, EveryStepOfALoginMayBeRefused) {
  struct Step {
    const char* auth;
    Script script;
    ErrorCode code;
    const char* words;
  };
  const std::vector<Step> steps = {
      {"plain", {{"AUTH PLAIN", "504 5.5.4 not that one"}}, ErrorCode::kUnauthenticated, "504 5.5.4"},
      {"plain", {{"AUTH PLAIN", "421 4.3.2 going down"}}, ErrorCode::kUnavailable, "421"},
      {"login", {{"AUTH LOGIN", "454 4.7.0 later"}}, ErrorCode::kUnavailable, "454"},
      {"login", {{"AUTH LOGIN", "334 VXNlcm5hbWU6"}, {"dQ==", "535 5.7.8 who?"}}, ErrorCode::kUnauthenticated, "535"},
      {"login",
       {{"AUTH LOGIN", "334 VXNlcm5hbWU6"}, {"dQ==", "334 UGFzc3dvcmQ6"}, {"cA==", "454 4.7.0 later"}},
       ErrorCode::kUnavailable,
       "454"},
      {"login",
       {{"AUTH LOGIN", "334 VXNlcm5hbWU6"}, {"dQ==", "334 UGFzc3dvcmQ6"}, {"cA==", "535 5.7.8 wrong"}},
       ErrorCode::kUnauthenticated,
       "535"},
      {"login", {{"AUTH LOGIN", "334 VXNlcm5hbWU6"}, {"dQ==", "*close*"}}, ErrorCode::kUnavailable, "closed"},
      // The reason comes as a challenge, the refusal after an empty answer.
      {"xoauth2",
       {{"AUTH XOAUTH2", "334 eyJzdGF0dXMiOiI0MDEifQ=="}, {"", "535 5.7.8 expired"}},
       ErrorCode::kUnauthenticated,
       "535"},
      {"xoauth2", {{"AUTH XOAUTH2", "454 4.7.0 later"}}, ErrorCode::kUnavailable, "454"}};
  for (const Step& step : steps) {
    Script script = step.script;
    script["EHLO"] = "250-fake.test\r\n250 AUTH PLAIN LOGIN XOAUTH2";
    FakeSmtpServer server(script);
    open(server, R"("username": "u", "auth": ")" + std::string(step.auth) + "\"",
         {{"password", Secret("p")}, {"access_token", Secret("t")}});
    const Error error = failure();
    EXPECT_EQ(error.code, step.code) << step.auth << ": " << error.message;
    EXPECT_THAT(error.message, HasSubstr(step.words));
    EXPECT_THAT(server.mails(), IsEmpty());
    for (const std::string& command : server.commands()) EXPECT_THAT(command, Not(HasSubstr("MAIL")));
    instance_.reset();
  }
}

TEST_F(EmailSmtp, AServerThatCannotForgetAMailIsLeft) {
  for (const char* reply : {"421 4.3.2 going down", "451 4.3.0 later", "500 5.5.1 what?"}) {
    FakeSmtpServer server(Script{{"RCPT TO:<gone@", "550 5.1.1 no such user"}, {"DATA", "554 5.5.1 nobody"}, {"RSET", reply}});
    open(server);
    EXPECT_EQ(send(request({"gone@example.com"}))[0].state, EmailState::kBounced);
    server.set("DATA", "354 go");
    EXPECT_EQ(send()[0].state, EmailState::kDelivered) << reply;
    EXPECT_EQ(server.connections(), 2);
    instance_.reset();
  }
}

TEST_F(EmailSmtp, AConnectionThatWasClosedMeanwhileIsReplaced) {
  FakeSmtpServer server(Script{{"END", "421 4.3.2 bye"}});
  open(server);
  send();
  server.set("END", "250 ok");
  EXPECT_EQ(send()[0].state, EmailState::kDelivered);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(EmailSmtp, AsksForReportsWhereItIsTold) {
  FakeSmtpServer server;
  open(server, R"("reports": "dsn")");
  EXPECT_EQ(send(request({"a+b@example.com"}))[0].state, EmailState::kSent);
  EXPECT_THAT(server.commands()[1], HasSubstr(" RET=HDRS ENVID=op-1"));
  EXPECT_EQ(server.commands()[2], "RCPT TO:<a+b@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@example.com");
}

TEST_F(EmailSmtp, WhatABounceIsAboutIsSaidInAnyCase) {
  FakeSmtpServer server;
  open(server);
  auto r = request({"a=b@example.com"});
  r.message_id = "op +1";
  EXPECT_EQ(send(r)[0].state, EmailState::kDelivered);
  EXPECT_THAT(server.commands()[1], EndsWith(" RET=HDRS ENVID=op+20+2B1"));
  EXPECT_EQ(server.commands()[2], "RCPT TO:<a=b@example.com> ORCPT=rfc822;a+3Db@example.com");
  // What the server need not take is left out.
  r.message_id = std::string(101, 'x');
  send(r);
  EXPECT_THAT(server.commands()[4], EndsWith(" RET=HDRS"));
  // A server that does not offer DSN hears nothing of it.
  instance_.reset();
  FakeSmtpServer plain(Script{{"EHLO", "250-fake.test\r\n250 PIPELINING"}});
  open(plain, R"("reports": "dsn", "return": "full")");
  EXPECT_EQ(send()[0].state, EmailState::kDelivered) << "nobody will report";
  EXPECT_THAT(plain.commands(), ElementsAre("EHLO localhost", "MAIL FROM:<me@ours.test>", "RCPT TO:<ann@example.com>", "DATA"));
}

TEST_F(EmailSmtp, AsksForTheReportsThatAreWanted) {
  FakeSmtpServer server;
  open(server, R"("notify": ["failure", "delay"], "return": "full")");
  EXPECT_EQ(send()[0].state, EmailState::kDelivered);
  EXPECT_THAT(server.commands()[1], HasSubstr(" RET=FULL ENVID=op-1"));
  EXPECT_THAT(server.commands()[2], HasSubstr(" NOTIFY=DELAY,FAILURE ORCPT="));
  instance_.reset();
  open(server, R"("notify": ["never"])");
  send();
  EXPECT_THAT(server.commands(), Contains("RCPT TO:<ann@example.com> NOTIFY=NEVER ORCPT=rfc822;ann@example.com"));
}

TEST_F(EmailSmtp, AnAddressBeyondAsciiIsNamedInUtf8) {
  FakeSmtpServer server(Script{{"EHLO", "250-fake.test\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8"}});
  open(server);
  send(request({"mü+r@example.com", "ann@example.com"}));
  EXPECT_THAT(server.commands(), Contains("RCPT TO:<mü+r@example.com> ORCPT=utf-8;mü\\x{2B}r@example.com"));
  EXPECT_THAT(server.commands(), Contains("RCPT TO:<ann@example.com> ORCPT=rfc822;ann@example.com"));
}

TEST_F(EmailSmtp, AddressesBeyondAsciiNeedAServerThatTakesThem) {
  FakeSmtpServer server;
  open(server);
  EXPECT_EQ(send(request({"müller@example.com"}))[0].status_code, "5.6.7");
  instance_.reset();
  FakeSmtpServer able(Script{{"EHLO", "250-fake.test\r\n250-8BITMIME\r\n250 SMTPUTF8"}});
  open(able);
  EXPECT_EQ(send(request({"müller@example.com"}))[0].state, EmailState::kDelivered);
  EXPECT_THAT(able.commands(), Contains("MAIL FROM:<me@ours.test> BODY=8BITMIME SMTPUTF8"));
  EXPECT_THAT(able.commands(), Contains("RCPT TO:<müller@example.com>"));
}

TEST_F(EmailSmtp, EightBitWhereTheServerTakesIt) {
  FakeSmtpServer server;
  open(server, R"("eight_bit": true)");
  auto r = request();
  r.plain_text = "Grüße from somewhere far away, in plain words";
  send(r);
  EXPECT_THAT(server.commands()[1], HasSubstr("BODY=8BITMIME"));
  EXPECT_THAT(server.mails()[0], HasSubstr("Grüße"));
  server.set("EHLO", "250 fake.test");
  instance_.reset();
  open(server, R"("eight_bit": true)");
  send(r);
  EXPECT_THAT(server.mails()[1], HasSubstr("Gr=C3=BC=C3=9Fe from somewhere"));
}

TEST_F(EmailSmtp, AMailThatIsTooLargeIsNotBegun) {
  FakeSmtpServer server(Script{{"EHLO", "250-fake.test\r\n250 SIZE 100"}});
  open(server);
  EXPECT_EQ(send()[0].status_code, "5.3.4");
  EXPECT_THAT(server.commands(), ElementsAre("EHLO localhost"));
}

TEST_F(EmailSmtp, RefusesWhatCannotBeSent) {
  FakeSmtpServer server;
  open(server);
  auto r = request();
  r.recipients = {"a@b.test>\r\nRCPT TO:<c@d.test"};
  EXPECT_EQ(failure(r).target, "recipients");
  r.recipients.clear();
  EXPECT_EQ(failure(r).target, "recipients");
  EXPECT_THAT(server.commands(), IsEmpty());
}

TEST_F(EmailSmtp, RefusesSettingsThatCannotWork) {
  const auto target = [&](const std::string& config) {
    std::string at;
    testing::code_of([&] { host_.open("email-smtp", config); }, &at);
    return at;
  };
  EXPECT_THAT(target(R"({"host": "a b"})"), HasSubstr("host"));
  EXPECT_THAT(target(R"({"host": "a", "reports": "dsn", "notify": ["failure"]})"), HasSubstr("notify"));
  EXPECT_THAT(target(R"({"host": "a", "reports": "dsn", "notify": ["success", "delay"]})"), HasSubstr("notify"));
  EXPECT_THAT(target(R"({"host": "a", "notify": ["never", "delay"]})"), HasSubstr("notify"));
  EXPECT_THAT(target(R"({"host": "a", "auth": "plain"})"), HasSubstr("username"));
  EXPECT_THAT(target(R"({"host": "a", "auth": "xoauth2", "username": "u"})"), HasSubstr("access_token"));
  EXPECT_THAT(target(R"({"host": "a", "dkim": [{"domain": "a.test", "selector": "s"}]})"), HasSubstr("dkim_key"));
}

}  // namespace
}  // namespace trunkline
