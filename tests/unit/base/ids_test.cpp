#include "runtime/base/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace trunkline {
namespace {

constexpr Time kNow{std::chrono::seconds{1767225600}};

TEST(Uuid, PrintsAndParses) {
  const auto id = Uuid::parse("01234567-89AB-cdef-0123-456789abcdef");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->str(), "01234567-89ab-cdef-0123-456789abcdef");
  for (const char* text : {"", "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdeg",
                           "{01234567-89ab-cdef-0123-456789abcd}", "0123456-789ab-cdef-0123-456789abcdef"})
    EXPECT_FALSE(Uuid::parse(text)) << text;
}

TEST(IdSource, RepeatsItselfUnderASeed) {
  IdSource a(42), b(42), c(43);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.uuid4(), b.uuid4());
  EXPECT_EQ(a.uuid7(kNow), b.uuid7(kNow));
  EXPECT_NE(a.uuid4(), c.uuid4());
}

TEST(IdSource, NeverRepeatsWithoutASeed) {
  IdSource ids;
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(ids.uuid4()).second);
}

TEST(IdSource, MarksVersionAndVariant) {
  IdSource ids(1);
  for (int i = 0; i < 50; ++i) {
    const std::string v4 = ids.uuid4().str(), v7 = ids.uuid7(kNow).str();
    EXPECT_EQ(v4[14], '4');
    EXPECT_EQ(v7[14], '7');
    EXPECT_NE(std::string("89ab").find(v4[19]), std::string::npos);
    EXPECT_NE(std::string("89ab").find(v7[19]), std::string::npos);
  }
}

TEST(IdSource, Uuid7CarriesTheTime) {
  IdSource ids(1);
  const std::string id = ids.uuid7(kNow + std::chrono::milliseconds{5}).str();
  EXPECT_EQ(std::stoull(id.substr(0, 8) + id.substr(9, 4), nullptr, 16), 1767225600005u);
}

TEST(IdSource, Uuid7RisesWhileTheClockStandsOrSteps) {
  IdSource ids(1);
  Uuid last;
  for (int i = 0; i < 20000; ++i) {
    const Uuid id = ids.uuid7(kNow - std::chrono::milliseconds{i % 7});
    EXPECT_LT(last, id);
    last = id;
  }
}

TEST(IdSource, NextBelowStaysBelowAndReachesAll) {
  IdSource ids(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 200; ++i) {
    seen.insert(ids.next_below(6));
  }
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace trunkline
