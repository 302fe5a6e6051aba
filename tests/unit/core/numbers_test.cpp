// Phone numbers: what holds them, what they may do, and what a restart finds.
#include <gmock/gmock.h>

#include <filesystem>

#include "runtime/services/number_reservations.h"
#include "runtime/services/number_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using service::NumberCapability;
using service::NumberType;
using service::ReservationState;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class Numbers : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox)); }

  NumberService& numbers() { return runtime_->numbers(); }
  NumberReservations& reservations() { return runtime_->number_reservations(); }
  static service::NumberQuery query(const char* country, NumberType type, int quantity = 1) {
    service::NumberQuery q;
    q.country_code = country;
    q.type = type;
    q.calling = NumberCapability::kNone;
    q.sms = NumberCapability::kNone;
    q.quantity = quantity;
    return q;
  }
  HeldNumbers search(service::NumberQuery q) { return sync_wait(numbers().search(resource_, std::move(q))); }
  std::vector<service::OwnedNumber> buy(const HeldNumbers& held, bool agree = true) {
    return sync_wait(numbers().purchase(resource_, held.search.search_id, agree));
  }
  ReservationChange reserve(const std::string& id, std::vector<std::string> add, std::vector<std::string> remove = {}) {
    std::vector<service::ReservedNumber> wanted;
    for (const std::string& number : add) wanted.push_back(inventory_number(number));
    return sync_wait(reservations().change(resource_, id, std::move(wanted), std::move(remove)));
  }
  std::vector<std::string> browse(int count = 3) {
    return numbers().available(query("US", NumberType::kTollFree), {}, static_cast<std::size_t>(count));
  }
  const std::string id_ = "11111111-2222-4333-8444-555555555555";
};

TEST_F(Numbers, EveryKindOfEveryCountryCanBeBought) {
  for (const char* country : {"US", "DE", "BR", "JP", "NG", "TV", "FR"}) {
    for (const NumberOffer& offer : find_number_country(country)->offers) {
      const auto bought = buy(search(query(country, offer.type)));
      ASSERT_EQ(bought.size(), 1u) << country;
      EXPECT_EQ(bought[0].country_code, country);
      EXPECT_EQ(bought[0].type, offer.type);
      EXPECT_EQ(numbers().get(*resource_, bought[0].number).number, bought[0].number);
    }
  }
}

TEST_F(Numbers, ASearchSaysWhatIsWrong) {
  EXPECT_EQ(error_of([&] { search(query("XX", NumberType::kTollFree)); }).target, "countryCode");
  EXPECT_EQ(error_of([&] { search(query("TV", NumberType::kTollFree)); }).target, "phoneNumberType");
  EXPECT_EQ(error_of([&] { search(query("US", NumberType::kTollFree, 0)); }).target, "quantity");
  EXPECT_EQ(error_of([&] { search(query("US", NumberType::kTollFree, 101)); }).target, "quantity");
  auto q = query("DE", NumberType::kGeographic);
  q.sms = NumberCapability::kOutbound;
  EXPECT_EQ(error_of([&] { search(q); }).target, "capabilities.sms");
  q = query("GB", NumberType::kTollFree);
  q.calling = NumberCapability::kOutbound;
  EXPECT_EQ(error_of([&] { search(q); }).target, "capabilities.calling");
  q = query("US", NumberType::kGeographic);
  q.area_code = "000";
  EXPECT_EQ(error_of([&] { search(q); }).target, "areaCode");
}

TEST_F(Numbers, EqualRuntimesHoldEqualNumbers) {
  const auto first = search(query("US", NumberType::kGeographic, 5)).search.numbers;
  runtime_->close();
  open(test_config(kSandbox));
  EXPECT_EQ(search(query("US", NumberType::kGeographic, 5)).search.numbers, first);
}

TEST_F(Numbers, TheResaleClauseMustBeAgreedTo) {
  const HeldNumbers held = search(query("FR", NumberType::kTollFree));
  EXPECT_TRUE(held.no_resell);
  EXPECT_EQ(error_of([&] { buy(held, false); }).target, "agreeToNotResell");
  EXPECT_EQ(buy(held).size(), 1u);
}

TEST_F(Numbers, AForkCannotBuyWhatTheOriginalHasBought) {
  const HeldNumbers held = search(query("US", NumberType::kTollFree));
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "fork"));
  buy(held);
  EXPECT_EQ(error_of([&] { sync_wait(numbers().purchase(fork, held.search.search_id, true)); }).code,
            ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(numbers().find(*fork, held.search.numbers[0]));
}

TEST_F(Numbers, CapabilitiesStayWithinTheKind) {
  const std::string number = buy(search(query("DE", NumberType::kGeographic)))[0].number;
  const auto update = [&](std::optional<NumberCapability> calling, std::optional<NumberCapability> sms) {
    return sync_wait(numbers().update_capabilities(resource_, number, calling, sms));
  };
  EXPECT_EQ(update(NumberCapability::kInbound, {}).calling, NumberCapability::kInbound);
  EXPECT_EQ(update(NumberCapability::kBoth, {}).calling, NumberCapability::kBoth);
  const Error error = error_of([&] { update({}, NumberCapability::kOutbound); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.target, "sms");
  // What the configuration gave it, a number keeps.
  EXPECT_EQ(sync_wait(numbers().update_capabilities(resource_, kOwned, NumberCapability::kNone, {})).calling,
            NumberCapability::kNone);
}

TEST_F(Numbers, RequireNamesTheRule) {
  const auto require = [&](const char* number, NumberUse use, NumberDirection direction) {
    numbers().require(*resource_, number, use, direction, "sourceCallerIdNumber");
  };
  require(kOwned, NumberUse::kCall, NumberDirection::kOutbound);
  require("+14255550101", NumberUse::kText, NumberDirection::kInbound);
  const Error stranger = error_of([&] { require("+14255550199", NumberUse::kCall, NumberDirection::kOutbound); });
  EXPECT_EQ(stranger.code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(stranger.target, "sourceCallerIdNumber");
  const Error incapable = error_of([&] { require("+14255550101", NumberUse::kText, NumberDirection::kOutbound); });
  EXPECT_EQ(incapable.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(incapable.message, testing::HasSubstr("cannot send text messages"));
}

TEST_F(Numbers, ATextMayOnlyLeaveANumberThatSends) {
  const std::string number = buy(search([] {
                               auto q = query("US", NumberType::kGeographic);
                               q.sms = NumberCapability::kBoth;
                               return q;
                             }()))[0]
                                 .number;
  SmsSubmission s = submission({kPhone});
  s.from = number;
  EXPECT_TRUE(send(s)[0].successful);
  sync_wait(numbers().update_capabilities(resource_, number, {}, NumberCapability::kInbound));
  EXPECT_EQ(error_of([&] { send(s); }).target, "from");
}

TEST_F(Numbers, BrowsingHoldsNothing) {
  const auto seen = browse();
  EXPECT_EQ(browse(), seen);
  const std::vector<std::string> prefixes{"1866"};
  for (const std::string& number : numbers().available(query("US", NumberType::kTollFree), prefixes, 5))
    EXPECT_TRUE(number.starts_with("+1866")) << number;
  const std::vector<std::string> nothing{"49"};
  EXPECT_TRUE(numbers().available(query("US", NumberType::kTollFree), nothing, 5).empty());
}

TEST_F(Numbers, AReservationHoldsItsNumbersUntilItEnds) {
  const auto seen = browse();
  const ReservationChange made = reserve(id_, {seen[0], seen[1]});
  EXPECT_TRUE(made.created);
  EXPECT_FALSE(made.partial);
  EXPECT_EQ(made.reservation.state, ReservationState::kActive);
  EXPECT_THAT(browse(), Not(Contains(seen[0])));
  const ReservationChange other = reserve("21111111-2222-4333-8444-555555555555", {seen[0], seen[2]});
  EXPECT_TRUE(other.partial) << "the first is held already";

  const ReservationChange less = reserve(id_, {}, {seen[0]});
  EXPECT_FALSE(less.created);
  EXPECT_EQ(less.reservation.numbers.size(), 1u);
  EXPECT_THAT(browse(), Contains(seen[0]));

  advance(16min);
  EXPECT_EQ(reservations().get(*resource_, id_).state, ReservationState::kExpired);
  EXPECT_THAT(browse(), Contains(seen[1]));
  EXPECT_EQ(error_of([&] { reserve(id_, {seen[0]}); }).code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(error_of([&] { sync_wait(reservations().purchase(resource_, id_, true)); }).code, ErrorCode::kFailedPrecondition);
  advance(24h * 31);
  EXPECT_TRUE(reservations().list(*resource_).empty()) << "a month later it is forgotten";
}

TEST_F(Numbers, ChangesExtendAReservationButNotForEver) {
  const auto seen = browse(20);
  const Time start = runtime_->clock().now();
  reserve(id_, {seen[0]});
  for (int i = 1; i < 12; ++i) {
    advance(10min);
    EXPECT_LE(reserve(id_, {seen[static_cast<std::size_t>(i)]}).reservation.expires_at, start + 2h);
  }
  EXPECT_EQ(reservations().get(*resource_, id_).expires_at, start + 2h);
  EXPECT_THAT(browse(), Not(Contains(seen[0]))) << "every hold lasts as long as the reservation";
}

TEST_F(Numbers, AReservationIsBoughtOnce) {
  const auto seen = browse();
  reserve(id_, {seen[0], seen[1]});
  EXPECT_EQ(sync_wait(reservations().purchase(resource_, id_, true)).size(), 2u);
  EXPECT_TRUE(numbers().find(*resource_, seen[1]));
  EXPECT_EQ(reservations().get(*resource_, id_).state, ReservationState::kCompleted);
  EXPECT_EQ(error_of([&] { sync_wait(reservations().purchase(resource_, id_, true)); }).code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(error_of([&] { sync_wait(reservations().remove(resource_, id_)); }).code, ErrorCode::kFailedPrecondition);
}

TEST_F(Numbers, AReservationSaysWhatIsWrong) {
  EXPECT_EQ(error_of([&] { reserve("no-guid", {}); }).target, "reservationId");
  EXPECT_EQ(error_of([&] { reservations().get(*resource_, id_); }).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { inventory_number("+15550000000"); }).target, "phoneNumbers");
  reserve(id_, {});
  EXPECT_EQ(error_of([&] { sync_wait(reservations().purchase(resource_, id_, true)); }).code, ErrorCode::kInvalidArgument);
  const auto many = browse(101);
  EXPECT_EQ(error_of([&] { reserve(id_, many); }).target, "phoneNumbers");
  EXPECT_EQ(browse(101), many) << "what was refused holds nothing";
}

TEST_F(Numbers, ResourcesDoNotSeeEachOther) {
  ResourceSpec spec;
  spec.name = "other";
  const ResourcePtr other = sync_wait(runtime_->resources().create(spec));
  const auto seen = browse();
  reserve(id_, {seen[0]});
  const HeldNumbers held = search(query("US", NumberType::kTollFree));
  EXPECT_EQ(error_of([&] { reservations().get(*other, id_); }).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { numbers().get_search(*other, held.search.search_id); }).code, ErrorCode::kNotFound);
  sync_wait(runtime_->resources().drop("world"));
  EXPECT_THAT(browse(), Contains(seen[0])) << "nobody holds it any more";
}

TEST(NumbersRestart, WhatWasHeldIsHeldStill) {
  const auto directory = std::filesystem::path(testing::TempDir()) / ("trunkline_numbers_" + std::to_string(::getpid()));
  std::filesystem::remove_all(directory);
  const std::string yaml = test_config(kSandbox) + "store: {mode: file, path: '" + directory.string() + "'}\n";
  service::NumberQuery query;
  std::string searched, reserved, search_id;
  const std::string id = "11111111-2222-4333-8444-555555555555";
  {
    const auto runtime = Runtime::open(parse_config(yaml));
    const ResourcePtr resource = runtime->resources().default_resource();
    const HeldNumbers held = sync_wait(runtime->numbers().search(resource, query));
    search_id = held.search.search_id;
    searched = held.search.numbers[0];
    reserved = runtime->numbers().available(query, {}, 1)[0];
    std::vector<service::ReservedNumber> wanted{inventory_number(reserved)};
    sync_wait(runtime->number_reservations().change(resource, id, wanted, {}));
    runtime->close();
  }
  const auto runtime = Runtime::open(parse_config(yaml));
  const ResourcePtr resource = runtime->resources().default_resource();
  const auto free = runtime->numbers().available(query, {}, 5);
  EXPECT_THAT(free, Not(Contains(searched)));
  EXPECT_THAT(free, Not(Contains(reserved)));
  EXPECT_EQ(sync_wait(runtime->numbers().purchase(resource, search_id, true))[0].number, searched);
  EXPECT_EQ(sync_wait(runtime->number_reservations().purchase(resource, id, true))[0].number, reserved);
  runtime->close();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace trunkline
