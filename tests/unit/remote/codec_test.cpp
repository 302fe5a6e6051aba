// Values of every shape as bytes and back, by the generated tables.
#include "wire/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "trunkline/chat.hpp"
#include "trunkline/media.hpp"
#include "trunkline/sms.hpp"
#include "wire/generated/tables.h"

namespace trunkline::wire {
namespace {

using testing::HasSubstr;

Type type_of(const Aggregate& table) { return {Kind::kAggregate, 0, nullptr, &table}; }

/// A C++ value over the wire.
template <class T>
T over(const T& value, const Aggregate& table) {
  abi::Arena there, here;
  const auto lowered = abi::lower(value, there);
  std::string bytes;
  Writer(bytes).value(type_of(table), &lowered, "value");
  Reader reader(bytes, here);
  const auto* const read = static_cast<const typename abi::Codec<T>::C*>(reader.result(type_of(table)));
  reader.end();
  EXPECT_TRUE(here.intact());
  abi::Codec<T>::check(*read, "read");
  return abi::lift<T>(*read);
}

Error error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kUnknown, "nothing was thrown"};
}

sms::SmsSendRequest request() {
  sms::SmsSendRequest out;
  out.from = "+14255550100";
  out.text = std::string("h\0llo \xc3\xa9", 8);
  out.recipients = {{.to = "+14255550101", .message_id = "one", .on_net = true}, {.to = "", .message_id = "two"}};
  out.encoding = static_cast<sms::Encoding>(77);
  out.valid_until = Time{std::chrono::seconds(5)};
  out.properties = Properties{{"", ""}, {"key", "value"}};
  return out;
}

TEST(Codec, StructsListsMapsAndAbsence) {
  EXPECT_EQ(over(request(), tl_sms_send_request_table), request());
  sms::SmsSendRequest bare;
  EXPECT_EQ(over(bare, tl_sms_send_request_table), bare);
  bare.properties = Properties{};
  EXPECT_EQ(over(bare, tl_sms_send_request_table), bare) << "empty is not absent";
}

TEST(Codec, Unions) {
  chat::Typing typing;
  typing.thread_id = "19:thread";
  typing.at = Time{std::chrono::milliseconds(7)};
  const auto change = chat::ChatChange::of_typing(typing);
  EXPECT_EQ(over(change, tl_chat_change_table), change);
  EXPECT_EQ(over(chat::ChatChange{}, tl_chat_change_table), chat::ChatChange{});
}

TEST(Codec, FrozenStructsByValueAndInLists) {
  media::MediaCapabilities capabilities;
  capabilities.formats = {{media::Codec::kPcm16, 16000, 1, 20}, {media::Codec::kOpus, 48000, 2, 20}};
  capabilities.voices = {{"en-GB", "Amy"}};
  EXPECT_EQ(over(capabilities, tl_media_capabilities_table), capabilities);
  const auto source = media::PlaySource::of_audio({{media::Codec::kPcmu, 8000, 1, 20}, {1, 2, 3, 0}});
  EXPECT_EQ(over(source, tl_media_play_source_table), source);
  EXPECT_EQ(over(media::PlaySource::of_text("hi"), tl_media_play_source_table), media::PlaySource::of_text("hi"));
}

TEST(Codec, AnUnknownKindOfAUnionPassesAsUnknown) {
  tl_media_play_source source{};
  source.kind = 99;
  std::string bytes;
  Writer(bytes).value(type_of(tl_media_play_source_table), &source, "source");
  abi::Arena arena;
  EXPECT_EQ(static_cast<const tl_media_play_source*>(Reader(bytes, arena).result(type_of(tl_media_play_source_table)))->kind, 99);
}

TEST(Codec, AStructOfAnOlderOrNewerPeerKeepsWhatBothKnow) {
  struct Newer {
    tl_sms_recipient known;
    std::uint64_t more;
  } newer{};
  newer.known.struct_size = sizeof newer;
  newer.known.to = abi::text("+1");
  newer.known.message_id = abi::text("id");
  newer.more = ~std::uint64_t{0};
  std::string bytes;
  Writer(bytes).value(type_of(tl_sms_recipient_table), &newer, "recipient");
  abi::Arena arena;
  const auto* const read = static_cast<const tl_sms_recipient*>(Reader(bytes, arena).result(type_of(tl_sms_recipient_table)));
  EXPECT_EQ(read->struct_size, sizeof(tl_sms_recipient));
  EXPECT_EQ(abi::text(read->message_id), "id");
}

TEST(Codec, WhatBreaksTheAbiIsNamed) {
  const auto write = [](const tl_sms_send_request& broken) {
    return error_of([&] {
      std::string bytes;
      Writer(bytes).value(type_of(tl_sms_send_request_table), &broken, "request");
    });
  };
  abi::Arena arena;
  const sms::SmsSendRequest good = request();
  const auto with = [&](const std::function<void(tl_sms_send_request&)>& change) {
    tl_sms_send_request broken = abi::lower(good, arena);
    change(broken);
    return write(broken);
  };
  EXPECT_EQ(with([](auto& r) { r.struct_size = 8; }).message, "request: a struct_size of 8, wanted at least 112");
  EXPECT_EQ(with([](auto& r) { r.recipients.stride = 3; }).target, "recipients");
  EXPECT_EQ(with([](auto& r) { r.recipients.data = nullptr; }).message, "recipients: a list without data but with a count");
  EXPECT_EQ(with([](auto& r) { r.recipients.count = std::size_t{1} << 60; }).target, "recipients");
  EXPECT_EQ(with([](auto& r) { r.text.data = nullptr; }).message, "text: data without an address but with a size");
  EXPECT_EQ(with([](auto& r) { r.text.size = kMaxBytes + 1; }).code, ErrorCode::kResourceExhausted);
}

TEST(Codec, BytesThatEndTooSoonAreAnError) {
  abi::Arena there;
  const sms::SmsSendRequest sent = request();
  const auto lowered = abi::lower(sent, there);
  std::string bytes;
  Writer(bytes).value(type_of(tl_sms_send_request_table), &lowered, "request");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    abi::Arena arena;
    EXPECT_EQ(
        error_of([&] { Reader(std::string_view(bytes).substr(0, size), arena).result(type_of(tl_sms_send_request_table)); }).code,
        ErrorCode::kDataLoss)
        << size;
  }
  bytes += 'x';
  abi::Arena arena;
  Reader reader(bytes, arena);
  reader.result(type_of(tl_sms_send_request_table));
  EXPECT_EQ(error_of([&] { reader.end(); }).message, "1 bytes too many");
}

TEST(Codec, AListThatCannotBeThereTakesNoMemory) {
  std::string bytes;
  Writer writer(bytes);
  writer.number(std::uint32_t{112});
  writer.text("+1");
  writer.number(std::uint32_t{0xfffffff0});
  abi::Arena arena;
  EXPECT_THAT(error_of([&] { Reader(bytes, arena).result(type_of(tl_sms_send_request_table)); }).message,
              HasSubstr("a list of 4294967280 elements in 0 bytes"));
}

TEST(Codec, ErrorsWithEverything) {
  Error error(ErrorCode::kResourceExhausted, "slow down", "recipients[3].to");
  error.retryable = true;
  error.retry_after = std::chrono::milliseconds(1500);
  error.provider_code = "42";
  error.service_code = "TooMany";
  error.http_status = 429;
  error.details = {{"a", "b"}, {"", ""}};
  std::string bytes;
  Writer(bytes).error(error);
  abi::Arena arena;
  Reader reader(bytes, arena);
  const Error read = reader.error();
  reader.end();
  EXPECT_EQ(read.code, error.code);
  EXPECT_EQ(read.message, error.message);
  EXPECT_EQ(read.target, error.target);
  EXPECT_EQ(read.retryable, true);
  EXPECT_EQ(read.retry_after, error.retry_after);
  EXPECT_EQ(read.provider_code, "42");
  EXPECT_EQ(read.service_code, "TooMany");
  EXPECT_EQ(read.http_status, 429);
  EXPECT_EQ(read.details, error.details);
}

TEST(Codec, TablesAreThoseOfTheHeaders) {
  EXPECT_EQ(find_interface("trunkline.sms/1")->vtbl_size, sizeof(tl_sms_provider));
  EXPECT_EQ(find_interface("trunkline.nothing/1"), nullptr);
  for (const Interface* interface : interfaces()) {
    std::uint32_t size = 0;
    std::memcpy(&size, interface->vtbl, sizeof size);
    EXPECT_EQ(size, interface->vtbl_size) << interface->id;
    EXPECT_EQ(interface->operations.size() * 8 + 8, interface->vtbl_size) << interface->id;
  }
}

}  // namespace
}  // namespace trunkline::wire
