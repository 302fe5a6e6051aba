#include "runtime/realtime/presence.h"

#include <gmock/gmock.h>

#include "tests/unit/realtime/fake_hub.h"

namespace trunkline::realtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PresenceTest : public ::testing::Test {
 protected:
  ~PresenceTest() override {
    clock.stop();
    executor.stop();
  }
  std::shared_ptr<void> enter(const std::string& user) { return presence->enter(resource, user); }

  Executor executor{1};
  Clock clock{executor, Clock::Mode::kVirtual};
  trunkline::testing::FakeHub hub{executor, clock};
  const ResourcePtr resource = std::make_shared<Resource>();
  std::shared_ptr<Presence> presence = std::make_shared<Presence>(clock, hub);
};

TEST_F(PresenceTest, WhoDoesNotComeBackIsGone) {
  auto first = enter("ann"), second = enter("ann"), other = enter("bob");
  first.reset();
  clock.advance(Presence::kAway * 2);
  EXPECT_THAT(hub.gone(), IsEmpty()) << "there is another connection";
  second.reset();
  clock.advance(Presence::kAway - std::chrono::seconds{1});
  EXPECT_THAT(hub.gone(), IsEmpty());
  clock.advance(std::chrono::seconds{1});
  EXPECT_THAT(hub.gone(), ElementsAre("ann"));
  clock.advance(Presence::kAway * 2);
  EXPECT_THAT(hub.gone(), ElementsAre("ann")) << "once";
  enter("ann");
  clock.advance(Presence::kAway);
  EXPECT_THAT(hub.gone(), ElementsAre("ann", "ann"));
}

TEST_F(PresenceTest, WhoComesBackInTimeWasNeverGone) {
  for (int i = 0; i < 5; ++i) {
    enter("ann");
    clock.advance(Presence::kAway - std::chrono::seconds{1});
  }
  EXPECT_THAT(hub.gone(), IsEmpty());
}

TEST_F(PresenceTest, ConnectionsMayOutliveIt) {
  auto connection = enter("ann");
  enter("bob");
  presence.reset();
  connection.reset();
  clock.advance(Presence::kAway);
  EXPECT_THAT(hub.gone(), IsEmpty());
}

}  // namespace
}  // namespace trunkline::realtime
