#include "runtime/calls/party.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/calls/call_core.h"

namespace trunkline::calls::testing {
namespace {

using nlohmann::json;

Party read(const char* text) {
  const json value = json::parse(text);
  return read_party(JsonRef(value));
}

TEST(Party, IsReadFromWhicheverMemberIsThere) {
  EXPECT_EQ(read(R"({"phoneNumber":{"value":"+14255550123"}})").raw_id, "4:+14255550123");
  EXPECT_EQ(read(R"({"communicationUser":{"id":"8:acs:a_b"}})").kind, Party::Kind::kUser);
  EXPECT_EQ(read(R"({"rawId":"8:acs:a_b"})").kind, Party::Kind::kUser);
  EXPECT_EQ(read(R"({"microsoftTeamsUser":{"userId":"u","cloud":"gcch"}})").raw_id, "8:gcch:u");
  EXPECT_EQ(read(R"({"microsoftTeamsApp":{"appId":"a"}})").raw_id, "28:orgid:a");
  EXPECT_EQ(read(R"({"rawId":"other"})").kind, Party::Kind::kUnknown);
}

TEST(Party, FaultsNameTheMember) {
  for (const auto& [text, target] :
       {std::pair{R"({"phoneNumber":{"value":"12"}})", "phoneNumber.value"},
        std::pair{R"({"communicationUser":{"id":"4:+1425"}})", "communicationUser.id"}, std::pair{R"({"rawId":""})", "rawId"}}) {
    try {
      read(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
      EXPECT_EQ(error.target, target);
    }
  }
  EXPECT_THROW(read("{}"), Error);
}

TEST(Party, IsWrittenWithItsKind) {
  const json phone = party_json(phone_party("+14255550123"));
  EXPECT_EQ(phone["kind"], "phoneNumber");
  EXPECT_EQ(phone["phoneNumber"]["value"], "+14255550123");
  EXPECT_EQ(party_json(user_party("8:acs:a_b"))["communicationUser"]["id"], "8:acs:a_b");
  EXPECT_EQ(party_json(read(R"({"rawId":"8:dod:x"})"))["microsoftTeamsUser"]["cloud"], "dod");
}

TEST(CallbackUri, IsAbsoluteHttp) {
  EXPECT_NO_THROW(check_callback_uri("http://127.0.0.1:1/x", "callbackUri"));
  for (const char* wrong : {"", "not-a-url", "ws://host/", "/path"})
    EXPECT_THROW(check_callback_uri(wrong, "callbackUri"), Error);
}

}  // namespace
}  // namespace trunkline::calls::testing
