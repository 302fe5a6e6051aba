// Mail as bytes: what is composed reads back the same, and what others write is read.
#include "trunkline/mail.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::mail {
namespace {

using email::EmailState;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

email::EmailSendRequest request() {
  email::EmailSendRequest r;
  r.message_id = "op";
  r.internet_message_id = "<op@example.test>";
  r.date = Time{std::chrono::seconds{1767225600}};
  r.from.address = "a@example.test";
  r.recipients = {"b@example.test"};
  r.to.emplace_back().address = "b@example.test";
  r.subject = "Hello";
  r.plain_text = "plain text\n.leading dot\ntrailing space \n";
  return r;
}

email::EmailAttachment file(std::string name, std::string type, std::size_t size) {
  email::EmailAttachment f;
  f.name = std::move(name);
  f.content_type = std::move(type);
  for (std::size_t i = 0; i < size; ++i) f.content.push_back(static_cast<std::uint8_t>(i * 7));
  return f;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find("\r\n", begin);
    EXPECT_NE(end, std::string::npos) << "a line without CR LF";
    if (end == std::string::npos) break;
    out.push_back(text.substr(begin, end - begin));
    begin = end + 2;
  }
  return out;
}

TEST(Compose, PlainTextIsOnePart) {
  const Message m = compose(request());
  EXPECT_THAT(m.headers, HasSubstr("Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"));
  EXPECT_THAT(m.headers, HasSubstr("Content-Transfer-Encoding: 7bit\r\n"));
  EXPECT_EQ(m.body, "plain text\r\n.leading dot\r\ntrailing space \r\n");
}

TEST(Compose, EverythingTogetherReadsBackTheSame) {
  auto r = request();
  r.subject = "Grüße № 7 – a rather long subject line that needs folding ✓ and goes on and on";
  r.from.display_name = "Tränk, Line";
  r.to[0].display_name = "Bob \"the\" Builder";
  r.cc.emplace_back().address = "c@example.test";
  r.reply_to.emplace_back().address = "reply@example.test";
  r.plain_text = "Héllo wörld\nsecond = line \n" + std::string(2000, 'x') + "\n";
  r.html = "<p>Héllo <b>wörld</b> <img src=\"cid:logo\"></p>";
  r.headers["X-Campaign"] = "früh";
  r.attachments = {file("résumé.bin", "application/octet-stream", 3000), file("logo.png", "image/png", 70),
                   file("a \"b\".txt", "text/plain", 0)};
  r.attachments[1].content_id = "logo";
  const Message m = compose(r);
  for (const std::string& line : lines(m.str())) EXPECT_LE(line.size(), 998u);
  const Parsed p = parse(m.str());
  EXPECT_EQ(p.subject, r.subject);
  EXPECT_EQ(p.from, "a@example.test");
  EXPECT_EQ(p.header("From"), "Tränk, Line <a@example.test>");
  EXPECT_THAT(p.to, ElementsAre("b@example.test"));
  EXPECT_THAT(p.cc, ElementsAre("c@example.test"));
  EXPECT_EQ(p.header("Reply-To"), "reply@example.test");
  EXPECT_EQ(p.header("X-Campaign"), "früh");
  EXPECT_EQ(p.message_id, "<op@example.test>");
  std::string text;
  for (const char c : *r.plain_text) text += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(p.plain_text, text);
  EXPECT_EQ(p.html, *r.html);
  ASSERT_THAT(p.files, SizeIs(3));
  for (const File& f : p.files) {
    const auto of = std::find_if(r.attachments.begin(), r.attachments.end(), [&](const auto& a) { return a.name == f.name; });
    ASSERT_NE(of, r.attachments.end()) << f.name;
    EXPECT_EQ(f.content, std::string(of->content.begin(), of->content.end()));
    EXPECT_EQ(f.content_type, of->content_type);
    EXPECT_EQ(f.content_id, of->content_id.value_or(""));
  }
}

TEST(Compose, BccAloneShowsNobody) {
  auto r = request();
  r.to.clear();
  EXPECT_THAT(compose(r).headers, HasSubstr("To: undisclosed-recipients:;\r\n"));
}

TEST(Compose, LongListsAreFolded) {
  auto r = request();
  r.to.clear();
  for (int i = 0; i < 50; ++i) {
    auto& box = r.to.emplace_back();
    box.address = "somebody" + std::to_string(i) + "@example.test";
    box.display_name = "Nämé " + std::to_string(i);
  }
  const Message m = compose(r);
  for (const std::string& line : lines(m.headers)) EXPECT_LE(line.size(), 78u) << line;
  EXPECT_THAT(parse(m.str()).to, SizeIs(50));
}

TEST(Compose, EightBitOnlyWhereAsked) {
  auto r = request();
  r.plain_text = "Grüße";
  EXPECT_THAT(compose(r).headers, Not(HasSubstr("8bit")));
  const Message m = compose(r, {.eight_bit = true});
  EXPECT_THAT(m.headers, HasSubstr("Content-Transfer-Encoding: 8bit\r\n"));
  EXPECT_EQ(m.body, "Grüße\r\n");
}

TEST(Compose, NothingBreaksOutOfItsLine) {
  const auto target = [](auto change) {
    auto r = request();
    change(r);
    try {
      compose(r);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
      return error.target;
    }
    ADD_FAILURE() << "was composed";
    return std::string();
  };
  EXPECT_EQ(target([](auto& r) { r.subject = "a\r\nBcc: x@y.z"; }), "subject");
  EXPECT_EQ(target([](auto& r) { r.to[0].display_name = "a\nb"; }), "to[0]");
  EXPECT_EQ(target([](auto& r) { r.from.address = "a@b>\r\nX: y"; }), "from");
  EXPECT_EQ(target([](auto& r) { r.headers["X\r\nY"] = "z"; }), "headers.X\r\nY");
  EXPECT_EQ(target([](auto& r) { r.headers["X"] = "z\n"; }), "headers.X");
  EXPECT_EQ(target([](auto& r) { r.attachments = {file("a\nb", "text/plain", 1)}; }), "attachments[0].name");
  EXPECT_EQ(target([](auto& r) { r.attachments = {file("a", "text\r\nX: y/plain", 1)}; }), "attachments[0].contentType");
}

TEST(Compose, ABoundaryInTheTextIsHarmless) {
  auto r = request();
  r.html = "<p>";
  const std::string boundary = compose(r).headers;
  const auto at = boundary.find("boundary=\"") + 10;
  const std::string mark = "--" + boundary.substr(at, boundary.find('"', at) - at);
  r.plain_text = "before\r\n" + mark + "--\r\nafter\r\n";
  EXPECT_EQ(parse(compose(r).str()).plain_text, r.plain_text);
}

TEST(Address, KnowsAMailboxFromSomethingElse) {
  for (const char* good : {"a@b.test", "a.b+c@sub.example.com", "\"a b\"@example.com", "müller@bücher.example"})
    EXPECT_TRUE(is_address(good)) << good;
  for (const char* bad : {"", "a", "a@", "@b.test", "two@@signs.test", "a b@c.test", "a@b..c", ".a@b.test", "a.@b.test",
                          "a@-b.test", "a@b.test\r\n", "<a@b.test>", "a@b.test>", "a,b@c.test"})
    EXPECT_FALSE(is_address(bad)) << bad;
  EXPECT_FALSE(is_address(std::string(65, 'a') + "@b.test"));
}

TEST(Parse, MalformedMailIsNoError) {
  for (const char* text : {"", "\r\n", "no header", "Subject: =?utf-8?B?!!!?=\r\n\r\n", "Content-Type: multipart/mixed\r\n\r\nx",
                           "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--c"})
    EXPECT_NO_THROW(parse(text)) << text;
  EXPECT_EQ(parse("Subject: \xff\xfe\r\n\r\n\xff").plain_text.value_or("").find('\xff'), std::string::npos);
}

TEST(Reports, ReadsWhatAPostfixWrites) {
  const std::string raw =
      "From: MAILER-DAEMON@mx.example.test (Mail Delivery System)\r\nSubject: Undelivered Mail Returned to Sender\r\n"
      "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"B\"\r\nMIME-Version: 1.0\r\n\r\n"
      "--B\r\nContent-Type: text/plain\r\n\r\nI'm sorry\r\n"
      "--B\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n"
      "Reporting-MTA: dns; mx.example.test\r\nX-Postfix-Queue-ID: ABC\r\nOriginal-Envelope-Id: op+2Bid\r\n\r\n"
      "Final-Recipient: rfc822; ann@example.com\r\nOriginal-Recipient: rfc822;Ann@example.com\r\nAction: failed\r\nStatus: "
      "5.1.1\r\n"
      "Remote-MTA: dns; mail.example.com\r\nDiagnostic-Code: smtp; 550 5.1.1 no such\r\n user here\r\n\r\n"
      "Final-Recipient: rfc822; bob@example.com\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n"
      "--B\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <op@example.test>\r\nSubject: x\r\n\r\n--B--\r\n";
  const auto reports = read_status_reports(raw);
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].recipient, "Ann@example.com");
  EXPECT_EQ(reports[0].state, EmailState::kBounced);
  EXPECT_EQ(reports[0].status_code, "5.1.1");
  EXPECT_EQ(reports[0].diagnostic, "550 5.1.1 no such user here");
  EXPECT_EQ(reports[0].original_message_id, "<op@example.test>");
  EXPECT_EQ(reports[0].envelope_id, "op+id");
  EXPECT_EQ(reports[1].state, EmailState::kSent) << "delayed is no end";
}

TEST(Reports, RecipientsAreReadHoweverTheyWereWritten) {
  const auto recipient = [](const std::string& fields) {
    const auto reports = read_status_reports(
        "Content-Type: multipart/report; report-type=global-delivery-status; boundary=B\r\n\r\n"
        "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n"
        "--B\r\nContent-Type: message/global-delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n" +
        fields +
        "\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--B\r\nContent-Type: message/global-headers\r\n\r\n"
        "Message-ID: <op@example.test>\r\n\r\n--B--\r\n");
    if (reports.size() != 1) return std::string("reports: ") + std::to_string(reports.size());
    EXPECT_EQ(reports[0].original_message_id, "<op@example.test>");
    return reports[0].recipient;
  };
  // Original-Recipient as xtext, and as Postfix writes it.
  EXPECT_EQ(recipient("Final-Recipient: rfc822; a+b@example.com\r\nOriginal-Recipient: rfc822; a+2Bb@example.com"),
            "a+b@example.com");
  EXPECT_EQ(recipient("Final-Recipient: rfc822; a+2Bb@example.com\r\nOriginal-Recipient: rfc822; a+2Bb@example.com"),
            "a+2Bb@example.com");
  EXPECT_EQ(recipient("Final-Recipient: rfc822; x@y.test\r\nOriginal-Recipient: rfc822; a+ad@example.com"), "a+ad@example.com");
  EXPECT_EQ(recipient("Final-Recipient: rfc822; a+2b@example.com"), "a+2b@example.com");
  EXPECT_EQ(recipient("Final-Recipient: rfc822; x@y.test\r\nOriginal-Recipient: UTF-8; m\\x{FC}\\x{2B}r@example.com"),
            "mü+r@example.com");
  EXPECT_EQ(recipient("Final-Recipient: utf-8; m\\x{0}\\x{0D}\\x{0A}\\x{20}\\x{7F}\\x{85}@example.com"),
            "m\\x{0}\\x{0D}\\x{0A}\\x{20}\\x{7F}\\x{85}@example.com");
  EXPECT_EQ(recipient("Final-Recipient: utf-8; m\\x{110000}\\x{}\\x{41@example.com"), "m\\x{110000}\\x{}\\x{41@example.com");
}

TEST(Reports, ReadsAComplaint) {
  const std::string raw =
      "Content-Type: multipart/report; report-type=feedback-report; boundary=B\r\n\r\n--B\r\nContent-Type: "
      "text/plain\r\n\r\nx\r\n"
      "--B\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: X/1\r\nVersion: 1\r\n"
      "Original-Rcpt-To: <ann@example.com>\r\n\r\n"
      "--B\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <op@example.test>\r\n\r\nbody\r\n--B--\r\n";
  const auto reports = read_status_reports(raw);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].state, EmailState::kComplained);
  EXPECT_EQ(reports[0].recipient, "ann@example.com");
  EXPECT_EQ(reports[0].original_message_id, "<op@example.test>");
}

TEST(Reports, OtherMailIsNone) {
  EXPECT_THAT(read_status_reports(compose(request()).str()), IsEmpty());
  EXPECT_THAT(read_status_reports("Content-Type: multipart/report; boundary=B\r\n\r\n--B--\r\n"), IsEmpty());
}

TEST(Dkim, RefusesKeysThatAreNone) {
  const auto target = [](auto make) {
    try {
      make();
    } catch (const Error& error) {
      return error.target;
    }
    return std::string("none");
  };
  EXPECT_EQ(target([] { DkimSigner("example.test", "s1", "nonsense"); }), "privateKey");
  EXPECT_EQ(target([] { DkimSigner("", "s1", ""); }), "domain");
  EXPECT_EQ(target([] { DkimSigner("example.test", "a b", ""); }), "selector");
}

}  // namespace
}  // namespace trunkline::mail
