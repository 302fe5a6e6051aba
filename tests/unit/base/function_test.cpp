#include "runtime/base/function.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace trunkline {
namespace {

TEST(UniqueFunction, OwnsMoveOnlyCallables) {
  auto value = std::make_unique<int>(41);
  UniqueFunction<int(int)> f = [value = std::move(value)](int more) { return *value + more; };
  UniqueFunction<int(int)> g = std::move(f);
  EXPECT_FALSE(f);
  EXPECT_EQ(g(1), 42);
}

TEST(UniqueFunction, DestroysItsCallableOnce) {
  const auto counted = std::make_shared<int>(0);
  {
    UniqueFunction<void()> small = [counted] {};
    UniqueFunction<void()> large = [counted, space = std::array<char, 100>{}] { (void)space; };
    EXPECT_EQ(counted.use_count(), 3);
    UniqueFunction<void()> moved = std::move(large);
    small = std::move(moved);
    EXPECT_EQ(counted.use_count(), 2);
    small.reset();
    EXPECT_EQ(counted.use_count(), 1);
    EXPECT_FALSE(small);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

}  // namespace
}  // namespace trunkline
