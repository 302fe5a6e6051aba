#include "runtime/providers/provider_registry.h"

#include <gmock/gmock.h>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "trunkline/plugin.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers with its configuration and reports one delivery; refuses {"broken": true}.
class Carrier final : public sms::SmsProvider {
 public:
  Carrier(Host host, std::string_view config) : host_(host), config_(config) {
    if (config_.find("\"broken\":true") != std::string::npos) throw Error(ErrorCode::kUnavailable, "the carrier is down");
  }
  Task<std::vector<sms::SmsSendResult>> send(Call call, sms::SmsSendRequest request) override {
    sms::DeliveryReport report;
    report.message_id = request.recipients[0].message_id;
    report.state = sms::MessageState::kDelivered;
    CallOptions options = call.forward();
    co_await host_.sms_events().delivery_report(std::move(report), options);
    std::vector<sms::SmsSendResult> results(1);
    results[0].message_id = request.recipients[0].message_id;
    results[0].provider_message_id = config_ + host_.secrets().get("token");
    results[0].accepted = true;
    co_return results;
  }
  sms::SmsCapabilities capabilities(const Call&) override {
    sms::SmsCapabilities out;
    out.max_segments = 3;
    out.countries = {"US", "DE"};
    return out;
  }

 private:
  Host host_;
  std::string config_;
};
constexpr tl_plugin_entry kEntry = abi::plugin_entry<Carrier>();
constexpr const char* kManifest =
    R"({"id": "carrier", "version": "1.2.3", "abi_min": "1.0", "interfaces": ["trunkline.sms/1"], "secrets": ["token"],
  "config_schema": {"type": "object", "additionalProperties": false, "properties": {"broken": {"type": "boolean", "default": false}}}})";

class Sink final : public sms::SmsEvents {
 public:
  Task<void> delivery_report(Call, sms::DeliveryReport report) override {
    got.push_back(report.message_id);
    co_return;
  }
  std::vector<std::string> got;
};

class Registry : public ::testing::Test {
 protected:
  Registry()
      : executor(2), clock(executor, Clock::Mode::kVirtual), log(off()), host{executor, clock,   log, metrics,
                                                                              nullptr,  nullptr, {}} {}
  static LogOptions off() {
    LogOptions options;
    options.level = LogLevel::kOff;
    return options;
  }
  static ProviderConfig provider(std::string name, std::string config_json = "{}") {
    ProviderConfig out;
    out.name = std::move(name);
    out.plugin = "carrier";
    out.config_json = std::move(config_json);
    SecretRef token;
    token.kind = SecretRef::Kind::kValue;
    token.value = Secret("t0ken");
    out.secrets["token"] = token;
    return out;
  }
  std::unique_ptr<ProviderRegistry> make() {
    auto registry = std::make_unique<ProviderRegistry>(config, host);
    registry->add_builtin(kManifest, &kEntry);
    registry->set_event_sink("trunkline.sms.events/1",
                             [this](std::string_view name) { return sinks[std::string(name)].find("trunkline.sms.events/1"); });
    return registry;
  }
  Error start_error() {
    try {
      make()->start();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "started";
    return {};
  }

  std::map<std::string, Sink> sinks;
  Config config;
  Executor executor;
  Clock clock;
  Log log;
  Metrics metrics;
  plugin::HostContext host;
};

/// A plugin of the application whose context counts how often it was released.
std::unique_ptr<plugin::AppPlugin> app(int& released, std::string_view id, int& busy) {
  struct Context {
    int& released;
    int& busy;
  };
  static std::string manifest;  // read when it is made
  manifest = std::string(R"({"id": ")") + std::string(id) +
             R"(", "version": "1.0.0", "abi_min": "1.0", "interfaces": ["trunkline.sms/1"],
    "secrets": ["token"], "config_schema": {"type": "object"}})";
  tl_app_plugin plugin{};
  plugin.struct_size = sizeof plugin;
  plugin.manifest_json = {manifest.data(), manifest.size()};
  plugin.context = new Context{released, busy};
  plugin.create = [](void* context, const tl_host* host, tl_str config_json, tl_plugin** out, tl_error** error) {
    const tl_iface work = host->get_interface(host->ctx, {TL_APP_WORK_ID, sizeof TL_APP_WORK_ID - 1});
    if (work.vtbl) ++static_cast<Context*>(context)->busy;
    return kEntry.create(host, config_json, out, error);
  };
  plugin.get_interface = kEntry.get_interface;
  plugin.stop = kEntry.stop;
  plugin.destroy = kEntry.destroy;
  plugin.release = [](void* context) {
    ++static_cast<Context*>(context)->released;
    delete static_cast<Context*>(context);
  };
  return std::make_unique<plugin::AppPlugin>(plugin);
}

TEST_F(Registry, ProvidersOfTheApplicationComeWhileItRuns) {
  int released = 0, offered = 0;
  {
    config.providers = {provider("a")};
    auto registry = make();
    EXPECT_THROW(registry->add(provider("early"), app(released, "early", offered), true), Error);
    EXPECT_EQ(released, 1);
    registry->start();
    const Router& before = registry->sms_router();
    ProviderConfig first = provider("b"), last = provider("c");
    first.plugin = "app-b";
    last.plugin = "app-c";
    registry->add(first, app(released, "app-b", offered), true);
    registry->add(last, app(released, "app-c", offered), false);
    EXPECT_EQ(offered, 2);
    std::vector<std::string> names;
    for (const RouteTarget& target : registry->sms_router().targets()) names.push_back(target.name);
    EXPECT_THAT(names, ElementsAre("b", "a", "c"));
    EXPECT_EQ(before.targets().size(), 1u) << "who holds an older router goes on with it";
    EXPECT_EQ(registry->require("trunkline.sms/1")->name(), "b");
    EXPECT_EQ(registry->find("c")->plugin_id(), "app-c");

    EXPECT_THROW(registry->add(first, app(released, "app-d", offered), true), Error) << "the name is taken";
    ProviderConfig broken = provider("d", R"({"broken": true})");
    broken.plugin = "app-d";
    EXPECT_THROW(registry->add(broken, app(released, "app-d", offered), true), Error);
    broken.config_json = "{}";
    registry->add(broken, app(released, "app-d", offered), true);  // what failed has left nothing behind
    EXPECT_EQ(released, 3);
  }
  EXPECT_EQ(released, 6);
}

TEST_F(Registry, WhatIsAddedInFrontComesBeforeTheRoutes) {
  config.providers = {provider("a"), provider("other")};
  RouteConfig route;
  route.interface = "sms";
  route.providers = {"other"};
  config.routes = {route};
  int released = 0, offered = 0;
  auto registry = make();
  registry->start();
  ProviderConfig last = provider("last"), first = provider("first");
  last.plugin = "app-last";
  first.plugin = "app-first";
  const auto asked = [&] {
    RouteDecision decision;
    registry->sms_router().route({"r", "+14255550100", "+14255550123", 1}, clock.now(), decision);
    std::vector<std::string> names;
    for (const RouteTarget* target : decision.candidates()) names.push_back(target->name);
    return names;
  };
  registry->add(last, app(released, "app-last", offered), false);
  EXPECT_THAT(asked(), ElementsAre("other"));
  registry->add(first, app(released, "app-first", offered), true);
  EXPECT_THAT(asked(), ElementsAre("first", "a", "other", "last"));
}

TEST_F(Registry, APluginOfTheApplicationMustBeWhole) {
  tl_app_plugin plugin{};
  EXPECT_THROW(plugin::AppPlugin{plugin}, Error);
  plugin.struct_size = sizeof plugin;
  static int released = 0;
  plugin.release = [](void*) { ++released; };
  plugin.manifest_json = {"{}", 2};
  EXPECT_THROW(plugin::AppPlugin{plugin}, Error) << "no create";
  plugin.create = [](void*, const tl_host*, tl_str, tl_plugin**, tl_error**) { return 0; };
  EXPECT_THROW(plugin::AppPlugin{plugin}, Error) << "no manifest";
  EXPECT_EQ(released, 2) << "taken over, whatever comes of it";
}

TEST_F(Registry, ProvidersWorkWithTheirOwnConfigSecretsAndSink) {
  config.providers = {provider("a"), provider("b")};
  config.providers[1].timeout = 7s;
  config.providers[1].interfaces = {"sms"};
  auto registry = make();
  registry->start();
  const ProviderPtr b = registry->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->plugin_id(), "carrier");
  EXPECT_EQ(b->timeout(), Duration(7s));
  EXPECT_EQ(b->sms_capabilities().max_segments, 3);
  EXPECT_FALSE(b->client<identity::IdentityProviderClient>());
  sms::SmsSendRequest request;
  request.recipients.resize(1);
  request.recipients[0].message_id = "m1";
  EXPECT_EQ(b->sms().send_sync(request)[0].provider_message_id, "{\"broken\":false}t0ken");
  EXPECT_THAT(sinks["b"].got, ElementsAre("m1"));
  EXPECT_TRUE(sinks["a"].got.empty());

  EXPECT_EQ(registry->all_of("trunkline.sms/1").size(), 2u);
  EXPECT_EQ(registry->require("trunkline.sms/1")->name(), "a");
  EXPECT_EQ(registry->find("c"), nullptr);
  registry->stop();
  EXPECT_FALSE(b->sms());
  try {
    b->sms().send_sync(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnimplemented);
  }
}

TEST_F(Registry, RequireNamesWhatIsThere) {
  config.providers = {provider("a")};
  auto registry = make();
  registry->start();
  try {
    registry->require("trunkline.identity/1");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
    EXPECT_EQ(error.message, "no provider offers trunkline.identity/1: found a (trunkline.sms/1)");
  }
}

TEST_F(Registry, RoutesUseCapabilities) {
  config.providers = {provider("a"), provider("b")};
  RouteConfig germany;
  germany.interface = "sms";
  germany.match.countries = {"DE"};
  germany.providers = {"b", "a"};
  config.routes = {germany};
  auto registry = make();
  registry->start();
  RouteDecision decision;
  registry->sms_router().route({"r", "+14255550100", "+4915112345678", 1}, clock.now(), decision);
  ASSERT_EQ(decision.candidates().size(), 2u);
  EXPECT_EQ(decision.candidates()[0]->name, "b");
  EXPECT_EQ(decision.candidates()[0]->provider, registry->find("b").get());
  registry->sms_router().route({"r", "+14255550100", "+4915112345678", 4}, clock.now(), decision);
  EXPECT_THAT(decision.error().message, HasSubstr("takes no text of so many parts"));
  registry->sms_router().route({"r", "+14255550100", "+33612345678", 1}, clock.now(), decision);
  EXPECT_THAT(decision.error().message, HasSubstr("routes[0] wants country DE"));
}

TEST_F(Registry, WithoutProvidersThereIsNoRoute) {
  auto registry = make();
  RouteDecision decision;
  registry->sms_router().route({"r", "a", "+33612345678", 1}, clock.now(), decision);
  EXPECT_THAT(decision.error().message, HasSubstr("no sms provider is configured"));
  registry->start();
  registry->sms_router().route({"r", "a", "+33612345678", 1}, clock.now(), decision);
  EXPECT_THAT(decision.error().message, HasSubstr("no sms provider is configured"));
}

TEST_F(Registry, OneFaultKeepsItsKind) {
  config.providers = {provider("a"), provider("b", R"({"broken": true})")};
  EXPECT_EQ(start_error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(start_error().message, "provider b (plugin carrier): create failed: the carrier is down");
  config.providers = {provider("a")};
  config.providers[0].plugin = "nobody";
  EXPECT_EQ(start_error().code, ErrorCode::kNotFound);
  EXPECT_THAT(start_error().message,
              HasSubstr("provider a: plugin nobody: no plugin.json with this id; found carrier in no folder"));
}

TEST_F(Registry, SeveralFaultsAreToldTogether) {
  config.providers = {provider("a", R"({"color": 1})"), provider("a"), provider("b", R"({"broken": true})"), provider("c")};
  config.providers[3].interfaces = {"fax"};
  EXPECT_EQ(start_error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(start_error().message,
              AllOf(HasSubstr("4 things are wrong with the providers: "), HasSubstr("config.color: unknown key"),
                    HasSubstr("provider a: found twice"), HasSubstr("the carrier is down"),
                    HasSubstr("interfaces: found fax, wanted one of trunkline.sms/1")));
}

TEST_F(Registry, RoutesToNobodyAreAFault) {
  config.providers = {provider("a")};
  RouteConfig sms, email;
  sms.interface = "sms";
  sms.providers = {"z"};
  email.interface = "email";
  email.providers = {"a"};
  config.routes = {sms, email};
  EXPECT_THAT(
      start_error().message,
      AllOf(HasSubstr("sms routes: route routes[0].providers: found \"z\", wanted one of the sms providers: a"),
            HasSubstr("email routes: route routes[1].providers: found \"a\", wanted one of the email providers: (none)")));
}

TEST_F(Registry, ListsPlugins) {
  config.providers = {provider("a")};
  auto registry = make();
  registry->start();
  ASSERT_EQ(registry->plugins().size(), 1u);
  EXPECT_EQ(registry->plugins()[0].id, "carrier");
  EXPECT_EQ(registry->plugins()[0].version, "1.2.3");
  EXPECT_EQ(registry->plugins()[0].state, "loaded");
}

}  // namespace
}  // namespace trunkline
