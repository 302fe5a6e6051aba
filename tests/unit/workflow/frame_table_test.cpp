#include "runtime/workflow/frame_table.h"

#include <gtest/gtest.h>

namespace trunkline::workflow {
namespace {

struct Numbered {
  unsigned id = 0;
};

TEST(FrameTable, FindsWhatIsThereInOrderHoweverMuchHasGone) {
  FrameTable<Numbered, unsigned> table;
  constexpr unsigned kCount = 1'000;
  for (unsigned id = 0; id < kCount; ++id) table.add(id * 2, std::make_unique<Numbered>(Numbered{id * 2}));
  EXPECT_EQ(table.find(1), nullptr);
  for (unsigned id = 0; id < kCount; ++id)
    if (id % 10 != 0) {
      const auto taken = table.take(id * 2);
      ASSERT_NE(taken, nullptr);
      EXPECT_EQ(taken->id, id * 2);
      EXPECT_EQ(table.find(id * 2), nullptr);
      EXPECT_EQ(table.take(id * 2), nullptr);
    }
  // A number that was used before, one in between, and one at the end.
  for (const unsigned id : {2u, 5u, 2 * kCount}) table.add(id, std::make_unique<Numbered>(Numbered{id}));
  unsigned count = 0, last = 0;
  table.for_each([&](const Numbered& one) {
    EXPECT_TRUE(count == 0 || one.id > last);
    EXPECT_EQ(table.find(one.id), &one);
    last = one.id;
    ++count;
  });
  EXPECT_EQ(count, kCount / 10 + 3);
}

}  // namespace
}  // namespace trunkline::workflow
