// Providers of identities are handed from one instance to the next: what becomes of those that do not stop, or cannot be made.
#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <thread>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/identity_provider.hpp"
#include "trunkline/plugin.hpp"

namespace trunkline {
namespace {

class People final : public identity::IdentityProvider {
 public:
  explicit People(Host) {}
  identity::IdentityCapabilities capabilities(const Call&) override { return {}; }
};
constexpr tl_plugin_entry kPeople = abi::plugin_entry<People>();
constexpr std::string_view kPeopleManifest =
    R"({"id": "people", "version": "1.0.0", "abi_min": "1.0", "interfaces": ["trunkline.identity/1"],
    "config_schema": {"type": "object"}})";
constexpr std::string_view kIdentity = "trunkline.identity/1";

/// What becomes of one object of the application. Outlives it.
struct Fate {
  bool refuses = false;  // to be made
  bool hangs = false;    // instead of stopping
  int made = 0, released = 0;
};

std::unique_ptr<plugin::AppPlugin> people(Fate& fate) {
  tl_app_plugin plugin{};
  plugin.struct_size = sizeof plugin;
  plugin.manifest_json = {kPeopleManifest.data(), kPeopleManifest.size()};
  plugin.context = &fate;
  plugin.create = [](void* context, const tl_host* host, tl_str config, tl_plugin** out, tl_error** error) -> std::int32_t {
    Fate& self = *static_cast<Fate*>(context);
    if (self.refuses) return static_cast<std::int32_t>(ErrorCode::kUnavailable);
    ++self.made;
    return kPeople.create(host, config, out, error);
  };
  plugin.get_interface = kPeople.get_interface;
  plugin.stop = kPeople.stop;
  if (fate.hangs) plugin.stop = [](tl_plugin*, void (*)(void*), void*) {};
  plugin.destroy = kPeople.destroy;
  plugin.release = [](void* context) { ++static_cast<Fate*>(context)->released; };
  return std::make_unique<plugin::AppPlugin>(plugin);
}

class HandOver : public testing::Test {
 protected:
  HandOver()
      : executor(2), clock(executor, Clock::Mode::kVirtual), log(off()), host{executor, clock,   log, metrics,
                                                                              nullptr,  nullptr, {}} {
    registry = std::make_unique<ProviderRegistry>(config, host);
    registry->set_hand_over_patience(std::chrono::milliseconds(50));
    registry->start();
  }
  static LogOptions off() {
    LogOptions options;
    options.level = LogLevel::kOff;
    return options;
  }
  ProviderPtr add(Fate& fate) {
    ProviderConfig one;
    one.name = "people";
    one.plugin = "people";
    registry->add(one, people(fate), true);
    return registry->find(one.name);
  }
  Error reload(Fate& fate) {
    ReloadRequest request;
    request.provider = "people";
    request.app = people(fate);
    try {
      registry->reload(std::move(request));
    } catch (const Error& error) {
      return error;
    }
    return {};
  }

  Fate first, second, third;
  Config config;
  Executor executor;
  Clock clock;
  Log log;
  Metrics metrics;
  plugin::HostContext host;
  std::unique_ptr<ProviderRegistry> registry;
};

TEST_F(HandOver, OneThatDoesNotStopKeepsWhatItStandsOnAndNobodyComesBesideIt) {
  first.hangs = true;
  const ProviderPtr provider = add(first);
  for (int i = 0; i < 2; ++i) {
    const Error error = reload(second);
    EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
    EXPECT_THAT(error.message, testing::StartsWith("provider people does not serve any more: "));
    EXPECT_THAT(error.message, testing::HasSubstr("has not ended within"));
  }
  EXPECT_EQ(second.made, 0);
  EXPECT_EQ(first.released, 0) << "it may still need what it was made of";
  EXPECT_FALSE(provider->serves());
  EXPECT_FALSE(provider->lend_interface(kIdentity).vtbl);
  const service::ProviderInfo info = registry->describe("people");
  EXPECT_EQ(info.last_reload, "refused");
  EXPECT_EQ(info.state, "failed");
  EXPECT_THAT(info.failure.value_or(""), testing::HasSubstr("has not ended within"));
}

TEST_F(HandOver, WhenNeitherCanBeMadeALaterOneMay) {
  second.refuses = true;
  const ProviderPtr provider = add(first);
  first.refuses = true;
  EXPECT_THAT(reload(second).message, testing::HasSubstr("the instance before does not start any more"));
  EXPECT_FALSE(provider->serves());
  EXPECT_EQ(first.released, 1);
  EXPECT_EQ(registry->describe("people").state, "failed");
  EXPECT_THAT(reload(second).message, testing::HasSubstr("there is none since an earlier reload"));
  service::ProviderInfo info = registry->describe("people");
  EXPECT_EQ(info.state, "failed");
  EXPECT_THAT(info.failure.value_or(""), testing::HasSubstr("the instance before does not start any more")) << "what began it";
  EXPECT_THAT(info.detail.value_or(""), testing::HasSubstr("there is none since an earlier reload")) << "what was tried last";
  EXPECT_THAT(reload(third).message, "");
  info = registry->describe("people");
  EXPECT_EQ(info.state, "serving");
  EXPECT_EQ(info.failure, std::nullopt);
  EXPECT_EQ(third.made, 1);
  EXPECT_TRUE(provider->serves());
}

TEST_F(HandOver, TheOneBeforeIsMadeAgain) {
  second.refuses = true;
  const ProviderPtr provider = add(first);
  for (int i = 1; i < 3; ++i) {
    EXPECT_THAT(reload(second).message, testing::StartsWith("provider people goes on with the instance that it has: "));
    EXPECT_EQ(first.made, 1 + i);
    EXPECT_EQ(first.released, 0);
    EXPECT_TRUE(provider->serves());
  }
  EXPECT_EQ(reload(third).message, "");
  EXPECT_EQ(first.released, 1);
}

// Either it is lent, and stays, or it is handed over, and nobody has it.
TEST_F(HandOver, WhoBorrowsMeanwhileHasTheOneThatServes) {
  const ProviderPtr provider = add(first);
  std::atomic<bool> over{false};
  tl_iface lent{};
  std::thread borrower([&] {
    while (!over && !lent.vtbl) lent = provider->lend_interface(kIdentity);
  });
  int handed_over = 0;
  while (reload(second).message.empty()) ++handed_over;
  over = true;
  borrower.join();
  ASSERT_TRUE(lent.vtbl);
  EXPECT_EQ(lent.self, provider->pin().instance->interface(kIdentity).self);
  EXPECT_EQ(second.made, handed_over);
}

TEST_F(HandOver, AsManyAsMayWait) {
  registry->set_hand_over_patience(std::chrono::seconds(10));
  const ProviderPtr provider = add(first);
  // As of a call that is under way: the instance stays until it is let go.
  std::optional<identity::IdentityProviderClient> held = provider->client<identity::IdentityProviderClient>();
  std::thread reloading([&] { EXPECT_EQ(reload(second).message, ""); });
  while (provider->serves()) std::this_thread::yield();
  std::atomic<std::size_t> served{0};
  const auto call = [](const ProviderPtr& at, std::atomic<std::size_t>& count) -> Task<void> {
    const identity::IdentityProviderClient client = co_await at->identity();
    if (client) ++count;
  };
  for (std::size_t i = 0; i < Provider::kMostWaiting; ++i) spawn(call(provider, served), [](const Result<void>&) {});
  EXPECT_EQ(provider->waiting(), Provider::kMostWaiting);
  try {
    sync_wait(call(provider, served));
    ADD_FAILURE() << "one too many waits";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_TRUE(error.retryable);
  }
  EXPECT_EQ(served, 0u);
  EXPECT_EQ(registry->describe("people").state, "changing");
  held.reset();
  reloading.join();
  while (served < Provider::kMostWaiting) std::this_thread::yield();
  EXPECT_EQ(provider->waiting(), 0u);
}

}  // namespace
}  // namespace trunkline
