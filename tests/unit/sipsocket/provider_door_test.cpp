#include "runtime/sipsocket/provider_door.h"

#include <gtest/gtest.h>

#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/plugin/host_context.h"
#include "runtime/providers/provider_registry.h"

namespace trunkline::sipsocket {
namespace {

class Doors : public testing::Test {
 protected:
  Doors() { caller_.resource = std::make_shared<server::ResourceKeys>(); }
  int ask(const std::string& method, const std::string& path) {
    ProviderDoor door(registry_, clock_, "browsers", caller_, [this] { return exists_; });
    return sync_wait(door.ask(method, path, {}, {})).status;
  }

  Executor executor_{2};
  Clock clock_{executor_, Clock::Mode::kVirtual};  // it stands still: whoever sleeps does so for ever
  Log log_{LogOptions{LogLevel::kOff, false, {}}};
  Metrics metrics_;
  plugin::HostContext host_{executor_, clock_, log_, metrics_, nullptr, nullptr, {}};
  Config config_;
  ProviderRegistry registry_{config_, host_};
  server::Caller caller_;
  bool exists_ = true;
};

TEST_F(Doors, SayAtOnceThatAProviderIsGone) {
  EXPECT_EQ(ask("GET", "/calls?after="), 410);
  EXPECT_EQ(ask("GET", "/_webrtc/browsers/sessions/s/state?after=answered"), 410);
  EXPECT_EQ(ask("POST", "?to=%2B14255550100"), 410);
}

TEST_F(Doors, AreShutToUsersOfAResourceThatIsGone) {
  exists_ = false;
  for (const char* method : {"GET", "POST", "DELETE"}) EXPECT_EQ(ask(method, "/calls/c"), 401) << method;
}

}  // namespace
}  // namespace trunkline::sipsocket
