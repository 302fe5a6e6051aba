#include "runtime/sipsocket/sip_message.h"

#include <gmock/gmock.h>

#include "runtime/sipsocket/sip_words.h"
#include "trunkline/error.hpp"

namespace trunkline::sipsocket {
namespace {

constexpr const char* kHead = "v: SIP/2.0/WS h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\ni: q\r\n";

std::string invite(const std::string& more, const std::string& body = "") {
  return "INVITE sip:+1425@x SIP/2.0\r\n" + std::string(kHead) + "CSeq: 7 INVITE\r\n" + more + "\r\n" + body;
}

std::string fault(const std::string& text) {
  try {
    parse_sip(text);
    return "";
  } catch (const Error& error) {
    return error.message;
  }
}

TEST(SipMessages, ReadsWhatPagesSend) {
  const SipMessage message = parse_sip(invite("Subject: one\r\n two\r\nContent-Length: 3\r\n", "v=0rest"));
  EXPECT_EQ(message.method, "INVITE");
  EXPECT_EQ(message.uri, "sip:+1425@x");
  EXPECT_EQ(message.get("from"), "<sip:a@b>;tag=1");
  EXPECT_EQ(message.get("call-id"), "q");
  EXPECT_EQ(message.get("subject"), "one two");
  EXPECT_EQ(message.body, "v=0");
  EXPECT_EQ(parse_sip(message.text()).text(), message.text());
  const SipMessage answer = parse_sip("SIP/2.0 180 Ringing\r\n" + std::string(kHead) + "CSeq: 7 INVITE\r\n\r\n");
  EXPECT_FALSE(answer.is_request());
  EXPECT_EQ(answer.status, 180);
  EXPECT_EQ(answer.phrase, "Ringing");
}

TEST(SipMessages, SaysWhatIsWrong) {
  EXPECT_THAT(fault("hello"), testing::HasSubstr("wanted a request or a response"));
  EXPECT_THAT(fault("INVITE sip:x SIP/3.0\r\n\r\n"), testing::HasSubstr("wanted SIP/2.0"));
  EXPECT_THAT(fault("SIP/2.0 99 Low\r\n\r\n"), testing::HasSubstr("the status is none"));
  EXPECT_THAT(fault("OPTIONS sip:x SIP/2.0\r\nVia: x\r\n\r\n"), testing::HasSubstr("'from': this header is missing"));
  EXPECT_THAT(fault(invite("no colon\r\n")), testing::HasSubstr("wanted a header"));
  EXPECT_THAT(fault(invite("Content-Length: 4\r\n", "v=0")), testing::HasSubstr("the length is not that of the body"));
  EXPECT_THAT(fault("BYE sip:x SIP/2.0\r\n" + std::string(kHead) + "CSeq: 7 INVITE\r\n\r\n"),
              testing::HasSubstr("another method"));
  EXPECT_THAT(fault("BYE sip:x SIP/2.0\r\n" + std::string(kHead) + "CSeq: 7 BYE"), testing::HasSubstr("wanted an empty line"));
  EXPECT_THAT(fault(invite("X: a\x01 b\r\n")), testing::HasSubstr("cannot be seen"));
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  EXPECT_THAT(fault(invite(many)), testing::HasSubstr("more than 100 headers"));
  EXPECT_THAT(fault(std::string(SipMessage::kMaxBytes + 1, 'x')), testing::HasSubstr("longer than 65536"));
}

TEST(SipMessages, TakesAddressesApart) {
  constexpr const char* kNamed = "\"A \\\" <x>;y\" <sip:a@b;transport=ws>;expires=60;+sip.instance=\"<urn:1;2>\";tag=7";
  EXPECT_EQ(uri_of(kNamed), "sip:a@b;transport=ws");
  EXPECT_EQ(uri_of("sip:a@b;tag=1"), "sip:a@b");
  EXPECT_EQ(parameter_of(kNamed, "Tag"), "7");
  EXPECT_EQ(parameter_of(kNamed, "transport"), std::nullopt) << "that of the address is none of the header";
  EXPECT_EQ(without_parameter(kNamed, "expires"), "\"A \\\" <x>;y\" <sip:a@b;transport=ws>;+sip.instance=\"<urn:1;2>\";tag=7");
  EXPECT_EQ(user_of("sip:8%3Aacs%3Ax@h"), "8:acs:x");
  EXPECT_EQ(user_of("sip:+1(425)555-0100@h"), "+14255550100");
  EXPECT_EQ(user_of("tel:+1-425"), "+1425");
  EXPECT_EQ(user_of("sip:host"), "");
  EXPECT_EQ(user_of("nothing"), "");
}

TEST(SipWords, SayWhomToCall) {
  EXPECT_EQ(where_of("+14255550100"), "?to=%2B14255550100");
  EXPECT_EQ(where_of("8:acs:a_b"), "?to=8:acs:a_b");
  EXPECT_EQ(where_of("room:99"), "?room=99");
  EXPECT_EQ(where_of("group:a b&c"), "?group=a%20b%26c");
  for (const char* nobody : {"", "bob", "room:", "group:"}) EXPECT_EQ(where_of(nobody), "") << nobody;
}

TEST(SipWords, KeepsWholeCharactersBetweenQuotes) {
  EXPECT_EQ(between_quotes("a \"b\\\r\n\x7f \u00fc"), "a b \u00fc");
  const std::string name(199, 'x');
  EXPECT_EQ(between_quotes(name + "\u00fc"), name);
  EXPECT_EQ(between_quotes(name + "yz"), name + "y");
  EXPECT_EQ(between_quotes("a\xc3 b"), "a\ufffd b");
}

TEST(SipWords, ReadsKeys) {
  EXPECT_EQ(digit_of_info("application/dtmf-relay", "Signal=5\r\nDuration=160"), '5');
  EXPECT_EQ(digit_of_info("Application/DTMF-Relay; x", "signal= #\n"), '#');
  EXPECT_EQ(digit_of_info("application/dtmf", " d "), 'D');
  for (const char* none : {"", "Signal=", "Signal=10", "Signal=x", "Duration=5"})
    EXPECT_EQ(digit_of_info("application/dtmf-relay", none), std::nullopt) << none;
  EXPECT_EQ(digit_of_info("text/plain", "5"), std::nullopt);
}

}  // namespace
}  // namespace trunkline::sipsocket
