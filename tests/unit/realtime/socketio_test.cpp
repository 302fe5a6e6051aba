#include "runtime/realtime/socketio.h"

#include <gtest/gtest.h>

namespace trunkline::realtime {
namespace {

TEST(SocketIo, ReadsWhatClientsSend) {
  const auto ping = parse_packet(R"(5:12+::{"name":"ping"})");
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->type, PacketType::kEvent);
  EXPECT_EQ(ping->id, "12");
  EXPECT_TRUE(ping->wants_ack);
  EXPECT_EQ(event_name(ping->data), "ping");
  const auto answer = parse_packet(R"(3:::{"id":7,"status":200,"headers":{},"body":"a:b"})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->type, PacketType::kMessage);
  EXPECT_TRUE(answer->id.empty());
  EXPECT_EQ(parse_answer(answer->data)->id, 7);
  EXPECT_EQ(parse_answer(answer->data)->status, 200);
  EXPECT_EQ(parse_packet("2::")->type, PacketType::kHeartbeat);
  EXPECT_EQ(parse_packet("0:")->type, PacketType::kDisconnect);
  EXPECT_EQ(parse_packet("1::/x")->endpoint, "/x");
  EXPECT_EQ(parse_packet("3:4::a:b::c")->data, "a:b::c");
}

TEST(SocketIo, RefusesTheRest) {
  for (const char* text : {"", "5", "9::", "x::", "12::", "5:1x::", "5:1234567890123456789::", "::"})
    EXPECT_FALSE(parse_packet(text)) << text;
  for (const char* text : {"", "[]", "{", R"({"name":7})", R"({"args":[]})"}) EXPECT_EQ(event_name(text), "") << text;
  for (const char* text : {"", "7", R"({"id":"7"})", R"({"id":1.5})"}) EXPECT_FALSE(parse_answer(text)) << text;
  EXPECT_EQ(parse_answer(R"({"id":1,"status":99999999999})")->status, 0);
  EXPECT_FALSE(parse_answer(std::string(100'000, '[')));
}

}  // namespace
}  // namespace trunkline::realtime
