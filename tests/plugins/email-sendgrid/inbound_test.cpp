// Mail that the service brings as a form.
#include "inbound.h"

#include <gmock/gmock.h>

#include "tests/plugins/host.h"
#include "trunkline/mail.hpp"

namespace trunkline {
namespace {

using email_sendgrid::boundary_of;
using email_sendgrid::FormData;
using email_sendgrid::InboundMail;
using email_sendgrid::read_form_data;
using email_sendgrid::read_inbound;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string part(const std::string& name, const std::string& content, const std::string& more = "") {
  return "--xYzZY\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + content + "\r\n";
}
std::string form(const std::string& parts) { return parts + "--xYzZY--\r\n"; }

const std::string kEnvelope = part("envelope", R"({"to":["help@shop.example"],"from":"ann@example.com"})");
const std::string kHeaders = part("headers",
                                  "Received: by mx.example\nMIME-Version: 1.0\nFrom: Ann <ann@example.com>\n"
                                  "Subject: =?UTF-8?B?SGVsbG8g4pyI?=\nMessage-ID: <m1@example.com>\n"
                                  "Content-Type: multipart/mixed;\n boundary=\"their own\"\nTo: help@shop.example\n");

TEST(FormData, ReadsFieldsAndFiles) {
  const std::string body =
      form("a preamble\r\n" + part("a", "1") + part("empty", "") + part("a", "2\r\nlines") +
           part("attachment1", "PK\r\n--xYzZ", "; filename=\"b \\\"c\\\".zip\"\r\nContent-Type: application/zip"));
  const FormData read = read_form_data(body, "xYzZY");
  EXPECT_EQ(read.field("a"), "2\r\nlines");
  EXPECT_EQ(read.field("empty"), "");
  EXPECT_EQ(read.field("absent"), "");
  ASSERT_THAT(read.files, SizeIs(1));
  EXPECT_EQ(read.files[0].field, "attachment1");
  EXPECT_EQ(read.files[0].name, "b \"c\".zip");
  EXPECT_EQ(read.files[0].content_type, "application/zip");
  EXPECT_EQ(read.files[0].content, "PK\r\n--xYzZ");
}

TEST(FormData, NamesItsBoundary) {
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(boundary_of("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""), "a b");
  EXPECT_EQ(boundary_of("application/json"), "");
  EXPECT_EQ(boundary_of("multipart/form-data"), "");
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=" + std::string(71, 'x')), "");
}

TEST(FormData, RefusesWhatIsNone) {
  for (const std::string& body : {std::string(), std::string("nothing"), std::string("--xYzZY"), std::string("--xYzZYno line"),
                                  part("a", "no end"), "--xYzZY\r\n" + std::string(20'000, 'h') + "\r\n\r\n"})
    EXPECT_EQ(code_of([&] { read_form_data(body, "xYzZY"); }), ErrorCode::kInvalidArgument) << body.substr(0, 20);
  std::string many;
  for (int i = 0; i < 1001; ++i) many += part("a", "");
  EXPECT_EQ(code_of([&] { read_form_data(form(many), "xYzZY"); }), ErrorCode::kInvalidArgument);
}

TEST(InboundMailForm, TakesARawMailAsItIs) {
  const std::string raw = "From: ann@example.com\r\nSubject: Hi\r\n\r\nbody\r\n";
  const std::string body = form(part("email", raw) + kEnvelope);
  const InboundMail mail = read_inbound(read_form_data(body, "xYzZY"));
  EXPECT_EQ(mail.mime, raw);
  EXPECT_EQ(mail.from, "ann@example.com");
  EXPECT_THAT(mail.to, ElementsAre("help@shop.example"));
  EXPECT_EQ(mail.id, read_inbound(read_form_data(body, "xYzZY")).id);
  const std::string to_another =
      form(part("email", raw) + part("envelope", R"({"to":["other@shop.example"],"from":"ann@example.com"})"));
  EXPECT_NE(mail.id, read_inbound(read_form_data(to_another, "xYzZY")).id);
}

TEST(InboundMailForm, PutsAMailTogetherFromItsParts) {
  const std::string body =
      form(kHeaders + part("text", "caf\xe9\n") + part("html", "<img src=cid:logo>") + kEnvelope +
           part("charsets", R"({"text":"iso-8859-1","html":"UTF-8"})") +
           part("attachment-info", R"({"attachment1":{"filename":"a.png","content-id":"logo"}})") +
           part("attachment1", std::string("\x89PNG\0\r\n", 7), "; filename=\"a \xe2\x9c\x88.png\"\r\nContent-Type: image/png"));
  const InboundMail mail = read_inbound(read_form_data(body, "xYzZY"));
  const mail::Parsed parsed = mail::parse(mail.mime);
  EXPECT_EQ(parsed.subject, "Hello \xe2\x9c\x88");
  EXPECT_EQ(parsed.from, "ann@example.com");
  EXPECT_EQ(parsed.message_id, "<m1@example.com>");
  EXPECT_THAT(parsed.plain_text.value_or(""), HasSubstr("caf\xc3\xa9"));
  EXPECT_THAT(parsed.html.value_or(""), HasSubstr("cid:logo"));
  ASSERT_THAT(parsed.files, SizeIs(1));
  EXPECT_EQ(parsed.files[0].name, "a \xe2\x9c\x88.png");
  EXPECT_EQ(parsed.files[0].content_type, "image/png");
  EXPECT_EQ(parsed.files[0].content_id, "logo");
  EXPECT_EQ(parsed.files[0].content, std::string("\x89PNG\0\r\n", 7));
  EXPECT_THAT(mail.mime, Not(HasSubstr("their own")));
}

TEST(InboundMailForm, NothingInAFieldBreaksOutOfItsHeader) {
  const std::string body =
      form(part("from", "a@b.example\r\nBcc: all@example.com") + part("text", "x") + kEnvelope +
           part("charsets", R"({"text":"x\"\r\nX-Evil: 1"})") + part("attachment1", "y", "; filename=\"a\r\nX-Evil: 1\"") +
           part("attachment-info", R"({"attachment1":{"content-id":"a>\r\nX-Evil: 1"}})"));
  EXPECT_THAT(read_inbound(read_form_data(body, "xYzZY")).mime, Not(HasSubstr("Evil")));
}

TEST(InboundMailForm, RefusesWhatIsNoMail) {
  std::string target;
  for (const std::string& envelope : {std::string(), part("envelope", "{"), part("envelope", "[]"),
                                      part("envelope", R"({"to":[]})"), part("envelope", R"({"to":"a@b.example"})")}) {
    EXPECT_EQ(code_of([&] { read_inbound(read_form_data(form(kHeaders + envelope), "xYzZY")); }, &target),
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(target, "envelope");
  }
  EXPECT_EQ(code_of([&] { read_inbound(read_form_data(form(kEnvelope), "xYzZY")); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "headers");
}

}  // namespace
}  // namespace trunkline
