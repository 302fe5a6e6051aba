// Values survive the boundary, and what cannot be read is refused before it is read.
#include <gtest/gtest.h>

#include "trunkline/chat.hpp"
#include "trunkline/email.hpp"
#include "trunkline/identity.hpp"
#include "trunkline/media.hpp"
#include "trunkline/pstn.hpp"
#include "trunkline/sandbox.hpp"
#include "trunkline/service.hpp"
#include "trunkline/sms.hpp"

namespace trunkline {
namespace {

constexpr Time kNoon{std::chrono::hours{12}};

template <class T>
T round_trip(const T& value) {
  abi::Arena arena;
  const auto c = abi::lower(value, arena);
  abi::Codec<T>::check(c, "value");
  EXPECT_TRUE(arena.intact());
  EXPECT_EQ(abi::Codec<T>::view(c).copy(), value);
  return abi::lift<T>(c);
}
template <class T>
void expect_round_trip(const T& value) {
  EXPECT_EQ(round_trip(value), value);
}

template <class T>
std::string refusal(const typename abi::Codec<T>::C& c) {
  try {
    abi::Codec<T>::check(c, "value");
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.message;
  }
  return "";
}

TEST(Codec, StructWithEveryKindOfOptional) {
  sms::SmsSendRequest request;
  expect_round_trip(request);
  request.from = "+15550001111";
  request.recipients = {{"+15550002222", "m1", true}, {"+15550003333", "m2", false}};
  request.text = "Grüße, 世界";
  request.encoding = sms::Encoding::kUcs2;
  request.delivery_report = false;
  request.valid_until = kNoon;
  request.properties = Properties{{"a", "1"}, {"", "empty key"}};
  expect_round_trip(request);
  request.properties = Properties{};  // present and empty is not absent
  EXPECT_TRUE(round_trip(request).properties.has_value());

  sms::SmsSendResult result;
  result.provider_message_id = "";  // the same for texts
  result.price_micros = 0;
  EXPECT_EQ(round_trip(result).provider_message_id, "");
  EXPECT_EQ(round_trip(result).price_micros, 0);
  EXPECT_EQ(round_trip(result).provider_code, std::nullopt);
}

TEST(Codec, DefaultsAreThoseOfTheInterface) {
  EXPECT_EQ(sms::SmsSendRequest{}.delivery_report, true);
  EXPECT_EQ(sms::SmsCapabilities{}.max_recipients, 100);
  EXPECT_EQ(identity::TokenRequest{}.lifetime, std::chrono::hours{24});
  EXPECT_EQ(identity::TokenRequest{}.data_location, "unitedstates");
  EXPECT_EQ(sandbox::PhoneRule{}.latency, std::chrono::milliseconds{50});
  EXPECT_EQ(sandbox::PhoneRule{}.failure, sms::FailureReason::kNone);
}

TEST(Codec, BytesListsNestedAndFrozenStructs) {
  email::EmailSendRequest mail;
  mail.from = {"a@example.com", "A"};
  mail.to = {{"b@example.com", std::nullopt}};
  mail.headers = {{"X-A", "b"}};
  mail.attachments = {{"f.bin", "application/octet-stream", {0, 1, 255}, "cid"}, {"empty", "text/plain", {}, std::nullopt}};
  expect_round_trip(mail);

  media::MediaCapabilities caps;
  caps.formats = {{media::Codec::kOpus, 48000, 2, 20}, {media::Codec::kPcm16, 16000, 1, 10}};
  caps.voices = {{"de-DE", "anna"}};
  expect_round_trip(caps);

  service::UserWithToken user;
  user.user = {"8:acs:r_u", "mine", kNoon};
  expect_round_trip(user);
  user.token = identity::AccessToken{"secret", kNoon};
  expect_round_trip(user);

  identity::TokenClaims claims;
  claims.scopes = {identity::TokenScope::kChat, identity::TokenScope::kVoip};
  claims.claims = R"({"a":1})";
  expect_round_trip(claims);
}

TEST(Codec, UnionsHoldEachKind) {
  expect_round_trip(identity::Credential::of_refresh_token("r"));
  expect_round_trip(identity::Credential::of_teams({"t", "app", "user"}));
  expect_round_trip(identity::Credential::of_code({"c", "v", "https://example.com"}));
  expect_round_trip(pstn::LegChange::of_state(pstn::LegState::kRinging));
  expect_round_trip(pstn::LegChange::of_ended({16, 200, std::nullopt}));
  expect_round_trip(identity::Credential{});

  const auto change = pstn::LegChange::of_dtmf({"12#"});
  EXPECT_EQ(change.kind(), pstn::LegChange::Kind::kDtmf);
  ASSERT_NE(change.dtmf(), nullptr);
  EXPECT_EQ(change.dtmf()->digits, "12#");
  EXPECT_EQ(change.ended(), nullptr);
}

TEST(Codec, UnionKindsOfNewerPeersBecomeNothing) {
  tl_pstn_leg_change c{};
  c.kind = 77;
  c.as.reserved[0] = 0xabab;
  abi::Codec<pstn::LegChange>::check(c, "change");
  EXPECT_EQ(abi::lift<pstn::LegChange>(c), pstn::LegChange{});
  EXPECT_EQ(static_cast<int>(pstn::LegChangeView(c).kind()), 77);
  EXPECT_FALSE(pstn::LegChangeView(c).state().has_value());
}

TEST(Codec, EnumValuesOfNewerPeersPassThrough) {
  sms::DeliveryReport report;
  report.state = static_cast<sms::MessageState>(99);
  EXPECT_EQ(static_cast<int>(round_trip(report).state), 99);
}

TEST(Codec, ViewsReadInPlace) {
  sms::SmsSendRequest request;
  request.recipients = {{"+1", "m1", false}, {"+2", "m2", true}};
  request.properties = Properties{{"k", "v"}};
  abi::Arena arena;
  const auto c = abi::lower(request, arena);
  const sms::SmsSendRequestView view(c);
  EXPECT_EQ(view.recipients().size(), 2u);
  EXPECT_EQ(view.recipients()[1].to().data(), request.recipients[1].to.data());
  std::string all;
  for (const sms::RecipientView recipient : view.recipients()) all += recipient.message_id();
  EXPECT_EQ(all, "m1m2");
  EXPECT_EQ(view.properties()->find("k"), "v");
  EXPECT_EQ(view.properties()->find("x"), std::nullopt);
  EXPECT_EQ(view.valid_until(), std::nullopt);
}

/// What a newer peer sends: the same struct with members behind, in lists with a longer stride.
struct NewerRecipient {
  tl_sms_recipient known;
  std::uint64_t more[3];
};

TEST(Codec, LongerStructsOfNewerPeersAreRead) {
  NewerRecipient items[2]{};
  for (int i = 0; i < 2; ++i) {
    items[i].known.struct_size = sizeof(NewerRecipient);
    items[i].known.to = abi::text(i ? "+2" : "+1");
    items[i].known.message_id = abi::text("m");
    items[i].more[0] = ~0ull;
  }
  tl_sms_send_request c{};
  c.struct_size = sizeof c;
  c.recipients = {items, 2, sizeof(NewerRecipient)};
  abi::Codec<sms::SmsSendRequest>::check(c, "request");
  const auto request = abi::lift<sms::SmsSendRequest>(c);
  ASSERT_EQ(request.recipients.size(), 2u);
  EXPECT_EQ(request.recipients[1].to, "+2");
}

TEST(Codec, ShorterStructsAreRefused) {
  tl_sms_recipient c{};
  EXPECT_EQ(refusal<sms::Recipient>(c), "value: a struct_size of 0, wanted at least 48");
  c.struct_size = 40;
  EXPECT_NE(refusal<sms::Recipient>(c), "");
  c.struct_size = 1u << 20;
  EXPECT_NE(refusal<sms::Recipient>(c), "");
  c.struct_size = sizeof c;
  EXPECT_EQ(refusal<sms::Recipient>(c), "");
}

TEST(Codec, BrokenListsAndTextsAreRefused) {
  using Results = std::vector<sms::SmsSendResult>;
  tl_sms_send_result item{};
  item.struct_size = sizeof item;
  EXPECT_EQ(refusal<Results>({nullptr, 0, 0}), "");
  EXPECT_EQ(refusal<Results>({&item, 1, sizeof item}), "");
  EXPECT_EQ(refusal<Results>({nullptr, 3, sizeof item}), "value: a list without data but with a count");
  EXPECT_EQ(refusal<Results>({&item, 1, 8}), "value: a list with a stride of 8, wanted at least " + std::to_string(sizeof item));
  EXPECT_EQ(refusal<Results>({&item, 1, sizeof item + 1}), "value: a list that is not aligned");
  EXPECT_EQ(refusal<Results>({&item, std::size_t{1} << 40, sizeof item}), "value: a list of 1099511627776 elements");
  item.provider_code = {nullptr, 5};
  EXPECT_EQ(refusal<Results>({&item, 1, sizeof item}), "provider_code: a text without data but with a size");
  item.provider_code = {"x", std::size_t{1} << 50};
  EXPECT_NE(refusal<Results>({&item, 1, sizeof item}), "");
}

TEST(Codec, MissingNestedStructIsRefused) {
  tl_service_user_with_token c{};
  c.struct_size = sizeof c;
  EXPECT_EQ(refusal<service::UserWithToken>(c), "user: missing");
}

TEST(Arena, FindsWritesPastAPiece) {
  for (int victim = 0; victim < 3; ++victim) {
    abi::Arena arena;
    auto* first = arena.array<std::uint64_t>(3);
    auto* large = arena.array<std::uint64_t>(5000);  // opens a block
    auto* last = arena.array<char>(5);
    EXPECT_TRUE(arena.intact());
    if (victim == 0) first[3] = 1;
    if (victim == 1) large[5000] = 1;
    if (victim == 2) last[8] = 1;  // pieces are rounded up to 8
    EXPECT_FALSE(arena.intact()) << victim;
    if (victim != 1) continue;
    arena.reset();
    EXPECT_TRUE(arena.intact());
  }
}

}  // namespace
}  // namespace trunkline
