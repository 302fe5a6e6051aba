// PDUs, receipts, times and headers: round trips, and every way to be wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/pdu.h"
#include "codec/receipt.h"
#include "codec/smpp_time.h"
#include "codec/status.h"
#include "codec/user_data.h"

namespace smpp {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using trunkline::Time;
using trunkline::gsm::Language;

constexpr Time kNow{std::chrono::seconds{1'790'000'000}};

Message submit() {
  Message m;
  m.service_type = "CMT";
  m.source = {5, 0, "ACME"};
  m.destination = {1, 1, "4912345"};
  m.esm_class = kEsmUdhi;
  m.protocol_id = 3;
  m.priority = 1;
  m.schedule = "260101000000000+";
  m.validity = "000001000000000R";
  m.registered_delivery = 1;
  m.replace_if_present = 1;
  m.data_coding = 8;
  m.default_message_id = 7;
  m.short_message = "a\0b"s;
  add_number(m.tlvs, tag::kUserMessageReference, 0x1234, 2);
  add_text(m.tlvs, tag::kReceiptedMessageId, "id-1");
  return m;
}

template <class T>
std::string pdu_of(std::uint32_t command, const T& body, std::uint32_t status = 0, std::uint32_t sequence = 9) {
  std::string out;
  encode(out, command, status, sequence, body);
  return out;
}
std::string_view body_of(const std::string& pdu) { return std::string_view(pdu).substr(kHeaderOctets); }

template <class F>
std::uint32_t refused(F f) {
  try {
    f();
  } catch (const Malformed& error) {
    EXPECT_FALSE(error.target.empty());
    EXPECT_FALSE(error.provider_code.empty());
    return error.status;
  }
  return 0;
}

TEST(Pdu, HeaderAndEveryBodySurviveARoundTrip) {
  const std::string pdu = pdu_of(command::kSubmitSm, submit(), status::kThrottled, 0x7FFFFFFF);
  const Header header = decode_header(pdu);
  EXPECT_EQ(header.length, pdu.size());
  EXPECT_EQ(header.command, command::kSubmitSm);
  EXPECT_EQ(header.status, status::kThrottled);
  EXPECT_EQ(header.sequence, 0x7FFFFFFFu);
  EXPECT_EQ(decode_message(command::kSubmitSm, body_of(pdu)), submit());
  EXPECT_EQ(decode_message(command::kDeliverSm, body_of(pdu_of(command::kDeliverSm, submit()))), submit());

  Message data = submit();  // data_sm has fewer fields
  data.protocol_id = data.priority = data.replace_if_present = data.default_message_id = 0;
  data.schedule.clear();
  data.validity.clear();
  data.short_message.clear();
  data.tlvs.push_back({tag::kMessagePayload, std::string(60'000, 'x')});
  const std::string wire = pdu_of(command::kDataSm, data);
  EXPECT_EQ(decode_message(command::kDataSm, body_of(wire)), data);
  EXPECT_EQ(data.content().size(), 60'000u);

  Bind bind{"user", "secret", "VMA", kVersion34, 1, 2, "^49"};
  EXPECT_EQ(decode_bind(body_of(pdu_of(command::kBindTransceiver, bind))), bind);
  BindResponse bound{"smsc", {}};
  add_number(bound.tlvs, tag::kScInterfaceVersion, kVersion34, 1);
  EXPECT_EQ(decode_bind_response(body_of(pdu_of(command::kBindTransceiver, bound))), bound);
  EXPECT_EQ(decode_message_response(body_of(pdu_of(command::kSubmitSm, MessageResponse{"42", {}}))).message_id, "42");
  const Query query{"42", {1, 1, "4912345"}};
  EXPECT_EQ(decode_query(body_of(pdu_of(command::kQuerySm, query))), query);
  const QueryResponse answer{"42", "260101000000000+", 2, 5};
  EXPECT_EQ(decode_query_response(body_of(pdu_of(command::kQuerySm, answer))), answer);
  const Cancel cancel{"CMT", "42", {5, 0, "ACME"}, {1, 1, "4912345"}};
  EXPECT_EQ(decode_cancel(body_of(pdu_of(command::kCancelSm, cancel))), cancel);
}

TEST(Pdu, TheOctetsAreThoseOfTheSpecification) {
  std::string bind;
  encode(bind, command::kBindTransceiver, 0, 1, Bind{"ab", "c", "", kVersion34, 0, 0, ""});
  EXPECT_EQ(bind, "\0\0\0\x1a\0\0\0\x09\0\0\0\0\0\0\0\x01"s + "ab\0c\0\0\x34\0\0\0"s);
  std::string enquire;
  encode_empty(enquire, command::kEnquireLink, 0, 2);
  set_sequence(enquire, 0x01020304);
  EXPECT_EQ(enquire, "\0\0\0\x10\0\0\0\x15\0\0\0\0\1\2\3\4"s);
}

TEST(Pdu, AnAnswerWithAnErrorMayHaveNoBody) {
  EXPECT_EQ(decode_message_response(""), MessageResponse{});
  EXPECT_EQ(decode_bind_response(""), BindResponse{});
  EXPECT_EQ(decode_query_response(""), QueryResponse{});
}

TEST(Pdu, ABodyThatEndsTooEarlyIsRefusedWhereverItEnds) {
  const std::string pdu = pdu_of(command::kSubmitSm, submit());
  const std::string_view body = body_of(pdu);
  std::size_t whole = 0;
  for (std::size_t length = 0; length < body.size(); ++length) {
    try {
      decode_message(command::kSubmitSm, body.substr(0, length));
      ++whole;  // between two optional parameters
    } catch (const Malformed&) {
    }
  }
  EXPECT_EQ(whole, 2u);
  for (std::size_t length = 0; length < 12; ++length)
    EXPECT_NE(refused([&] { decode_bind(std::string_view("ab\0c\0\0\x34\0\0\0", 10).substr(0, length)); }),
              length < 10 ? 0u : 1u);
}

TEST(Pdu, EveryFieldHasItsOwnError) {
  const auto too_long = [&](auto change) {
    Message m = submit();
    change(m);
    return refused([&] { pdu_of(command::kSubmitSm, m); });
  };
  EXPECT_EQ(too_long([](Message& m) { m.service_type = "123456"; }), status::kInvalidServiceType);
  EXPECT_EQ(too_long([](Message& m) { m.source.digits = std::string(21, '1'); }), status::kInvalidSource);
  EXPECT_EQ(too_long([](Message& m) { m.destination.digits = std::string(21, '1'); }), status::kInvalidDestination);
  EXPECT_EQ(too_long([](Message& m) { m.schedule = std::string(17, '1'); }), status::kInvalidSchedule);
  EXPECT_EQ(too_long([](Message& m) { m.validity = std::string(17, '1'); }), status::kInvalidExpiry);
  EXPECT_EQ(too_long([](Message& m) { m.short_message = std::string(255, 'x'); }), status::kInvalidMessageLength);
  EXPECT_EQ(too_long([](Message& m) { m.tlvs.push_back({1, std::string(65'536, 'x')}); }), status::kInvalidParameterLength);
  EXPECT_EQ(too_long([](Message& m) { m.source.digits = "1\0002"s; }), status::kInvalidSource);
  EXPECT_EQ(refused([] { pdu_of(command::kBindTransmitter, Bind{std::string(16, 'x')}); }), status::kInvalidSystemId);
  EXPECT_EQ(refused([] { pdu_of(command::kBindTransmitter, Bind{"x", "123456789"}); }), status::kInvalidPassword);
  EXPECT_EQ(refused([] { pdu_of(command::kQuerySm, Query{std::string(65, 'x'), {}}); }), status::kInvalidMessageId);
  // Nothing is left behind by what could not be written.
  std::string out = "before";
  EXPECT_THROW(encode(out, command::kBindTransmitter, 0, 1, Bind{std::string(16, 'x')}), Malformed);
  EXPECT_EQ(out, "before");
  // And on the way in.
  EXPECT_EQ(refused([] { decode_message(command::kSubmitSm, "123456\0"s); }), status::kInvalidServiceType);
  EXPECT_EQ(refused([] { decode_message(command::kSubmitSm, "\0\1\1"s + std::string(21, '1') + "\0"s); }),
            status::kInvalidSource);
  std::string pdu = pdu_of(command::kSubmitSm, submit());
  EXPECT_EQ(refused([&] { decode_message(command::kSubmitSm, std::string(body_of(pdu)) + "\x04\x24\xff\xff"); }),
            status::kInvalidParameterLength);
  std::string many(body_of(pdu));
  for (int i = 0; i < 70; ++i) many += "\x02\x04\0\0"s;
  EXPECT_EQ(refused([&] { decode_message(command::kSubmitSm, many); }), status::kInvalidOptional);
  EXPECT_EQ(refused([] { decode_header("short"); }), status::kInvalidCommandLength);
}

TEST(Pdu, NumbersInParameters) {
  Tlvs tlvs;
  add_number(tlvs, 1, 7, 1);
  add_number(tlvs, 2, 0x1234, 2);
  add_number(tlvs, 3, 0xDEADBEEF, 4);
  tlvs.push_back({4, ""});
  tlvs.push_back({5, "12345"});
  tlvs.push_back({6, "no end"});
  EXPECT_EQ(find_number(tlvs, 1), 7u);
  EXPECT_EQ(find_number(tlvs, 2), 0x1234u);
  EXPECT_EQ(find_number(tlvs, 3), 0xDEADBEEFu);
  EXPECT_EQ(find_number(tlvs, 4), std::nullopt);
  EXPECT_EQ(find_number(tlvs, 5), std::nullopt);
  EXPECT_EQ(find_number(tlvs, 7), std::nullopt);
  EXPECT_EQ(find_text(tlvs, 6), "no end");
}

std::vector<std::string> frames_of(FrameReader& reader, std::string_view bytes) {
  std::memcpy(reader.prepare(bytes.size() + 1), bytes.data(), bytes.size());
  reader.received(bytes.size());
  std::vector<std::string> frames;
  while (const auto frame = reader.next()) frames.emplace_back(*frame);
  return frames;
}

TEST(FrameReader, CutsAStreamWhereverItComesApart) {
  const std::string one = pdu_of(command::kSubmitSm, submit());
  std::string two;
  encode_empty(two, command::kEnquireLink, 0, 5);
  const std::string stream = one + two + one;
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameReader reader;
    auto frames = frames_of(reader, std::string_view(stream).substr(0, cut));
    for (auto& frame : frames_of(reader, std::string_view(stream).substr(cut))) frames.push_back(std::move(frame));
    ASSERT_THAT(frames, ::testing::ElementsAre(one, two, one)) << cut;
  }
}

TEST(FrameReader, RefusesLengthsThatCannotBe) {
  FrameReader reader(1000);
  EXPECT_EQ(refused([&] { frames_of(reader, "\0\0\0\x0fxxxxxxxxxxxx"s); }), status::kInvalidCommandLength);
  FrameReader other(1000);
  EXPECT_EQ(refused([&] { frames_of(other, "\0\0\x03\xe9"s); }), status::kInvalidCommandLength);
  FrameReader third(1000);
  EXPECT_THAT(frames_of(third, "\0\0\x03\xe8"s), ::testing::IsEmpty());  // the longest that is allowed: more is to come
}

TEST(Status, NamesAndMeanings) {
  EXPECT_EQ(status_code(status::kThrottled), "0x00000058 ESME_RTHROTTLED");
  EXPECT_EQ(status_code(0x400), "0x00000400");
  EXPECT_TRUE(is_throttling(status::kQueueFull));
  EXPECT_FALSE(is_throttling(status::kOk));
  EXPECT_EQ(meaning_of(status::kInvalidDestination).reason, trunkline::sms::FailureReason::kBadDestination);
  EXPECT_FALSE(meaning_of(status::kInvalidDestination).retryable);
  EXPECT_TRUE(meaning_of(status::kSystemError).retryable);
  EXPECT_FALSE(meaning_of(0x400).retryable);
}

TEST(SmppTime, AbsoluteAndRelative) {
  const std::string text = format_time(kNow);
  EXPECT_EQ(text.size(), 16u);
  EXPECT_EQ(parse_time(text, Time{}), kNow);
  EXPECT_EQ(parse_time("000001020304000R", kNow), kNow + std::chrono::days(1) + 2h + 3min + 4s);
  EXPECT_EQ(*parse_time("260101120000004+", kNow), *parse_time("260101110000000+", kNow));
  EXPECT_EQ(*parse_time("260101120000004-", kNow), *parse_time("260101130000000+", kNow));
  for (const char* bad : {"", "2601011200000", "260101120000000*", "261301120000000+", "260230120000000+", "26010112000000x+",
                          "260101250000000+", "260101120000099+"})
    EXPECT_EQ(parse_time(bad, kNow), std::nullopt) << bad;
  EXPECT_EQ(parse_receipt_date(format_receipt_date(kNow)), std::chrono::floor<std::chrono::minutes>(kNow));
  EXPECT_EQ(parse_receipt_date("26010112"), std::nullopt);
}

Message receipt_message(std::string text) {
  Message m;
  m.esm_class = kEsmReceipt;
  m.short_message = std::move(text);
  return m;
}

TEST(Receipt, TextForm) {
  const auto r = read_receipt(receipt_message(
      "id:0A1B2C sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:DELIVRD err:000 text:Hello stat:EXPIRED"));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->message_id, "0A1B2C");
  EXPECT_EQ(r->state, MessageState::kDelivered);
  EXPECT_EQ(r->error, "000");
  EXPECT_EQ(r->text, "Hello stat:EXPIRED");
  EXPECT_EQ(r->done_at, parse_receipt_date("2601011201"));
}

TEST(Receipt, CarriersWriteThemInMoreWaysThanOne) {
  EXPECT_EQ(read_receipt(receipt_message("ID:7 Stat:UNDELIV Err:27"))->state, MessageState::kUndeliverable);
  EXPECT_EQ(read_receipt(receipt_message("id:7 stat:UNDELIVERABLE"))->state, MessageState::kUndeliverable);
  EXPECT_EQ(read_receipt(receipt_message("id:7 stat:ACCEPTED"))->state, MessageState::kAccepted);
  EXPECT_EQ(read_receipt(receipt_message("id:7 stat:NONSENSE"))->state, MessageState::kNone);
  EXPECT_EQ(read_receipt(receipt_message("what is this")), std::nullopt);
  EXPECT_EQ(read_receipt(receipt_message("")), std::nullopt);
  EXPECT_EQ(read_receipt(Message{}), std::nullopt);
}

TEST(Receipt, ParametersDecide) {
  Message m = receipt_message("id:7 stat:DELIVRD err:000");
  add_text(m.tlvs, tag::kReceiptedMessageId, "8");
  add_number(m.tlvs, tag::kMessageState, 5, 1);
  add_number(m.tlvs, tag::kUserMessageReference, 77, 2);
  auto r = read_receipt(m);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->message_id, "8");
  EXPECT_EQ(r->state, MessageState::kUndeliverable);
  EXPECT_EQ(r->user_reference, 77u);
  // Parameters alone, in a message that is not marked.
  m.esm_class = 0;
  m.short_message.clear();
  m.tlvs.push_back({tag::kNetworkErrorCode, "\x03\x01\x02"});
  r = read_receipt(m);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->error, "258");
}

TEST(Receipt, WhatWeWriteWeRead) {
  Receipt receipt;
  receipt.message_id = "abc";
  receipt.state = MessageState::kExpired;
  receipt.error = "042";
  receipt.text = "a text that is longer than twenty characters";
  const Receipt back = parse_receipt_text(format_receipt_text(receipt, kNow, kNow));
  EXPECT_EQ(back.message_id, "abc");
  EXPECT_EQ(back.state, MessageState::kExpired);
  EXPECT_EQ(back.error, "042");
  EXPECT_EQ(back.text, "a text that is longe");
  for (int i = 1; i <= 8; ++i)
    EXPECT_EQ(parse_state_word(state_word(static_cast<MessageState>(i))), static_cast<MessageState>(i));
  for (const auto state : {MessageState::kDelivered, MessageState::kExpired, MessageState::kUnknown, MessageState::kRejected})
    EXPECT_EQ(state_of(outcome_of(state).state, outcome_of(state).reason), state);
}

TEST(UserDataHeader, RoundTrip) {
  UserDataHeader header;
  EXPECT_EQ(write_user_data_header(header), "");
  header.concatenation = Concatenation{0xAB, 3, 2, false};
  EXPECT_EQ(write_user_data_header(header), "\x05\x00\x03\xAB\x03\x02"s);
  header.concatenation = Concatenation{0xABCD, 3, 2, true};
  header.single = Language::kTurkish;
  header.locking = Language::kPortuguese;
  const std::string octets = write_user_data_header(header);
  EXPECT_EQ(octets, "\x0c\x08\x04\xAB\xCD\x03\x02\x24\x01\x01\x25\x01\x03"s);
  const UserDataHeader back = read_user_data_header(octets + "text");
  EXPECT_EQ(back.concatenation, header.concatenation);
  EXPECT_EQ(back.single, Language::kTurkish);
  EXPECT_EQ(back.locking, Language::kPortuguese);
  EXPECT_EQ(back.octets, octets.size());
}

TEST(UserDataHeader, WhatCannotBeIsRefusedOrPassedOver) {
  for (const std::string& bad : {""s, "\x05"s, "\x05\x00\x03\x01"s, "\x02\x00"s, "\x03\x00\x05\x01"s})
    EXPECT_EQ(refused([&] { read_user_data_header(bad); }), status::kInvalidMessageLength) << bad.size();
  EXPECT_EQ(read_user_data_header("\x05\x00\x03\x01\x02\x03"s).concatenation, std::nullopt);  // part 3 of 2
  EXPECT_EQ(read_user_data_header("\x05\x00\x03\x01\x02\x00"s).concatenation, std::nullopt);  // part 0
  EXPECT_EQ(read_user_data_header("\x04\x70\x02zz"s).octets, 5u);                             // an element nobody knows
  EXPECT_EQ(read_user_data_header("\x03\x24\x01\x63"s).single, Language::kDefault);           // a language nobody knows
}

TEST(UserDataHeader, ConcatenationBySarParameters) {
  Message m;
  add_number(m.tlvs, tag::kSarMsgRefNum, 0x1234, 2);
  add_number(m.tlvs, tag::kSarTotalSegments, 2, 1);
  EXPECT_EQ(concatenation_of(m, {}), std::nullopt);
  add_number(m.tlvs, tag::kSarSegmentSeqnum, 2, 1);
  EXPECT_EQ(concatenation_of(m, {}), (Concatenation{0x1234, 2, 2, true}));
}

}  // namespace
}  // namespace smpp
