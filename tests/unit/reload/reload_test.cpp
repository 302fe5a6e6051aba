// Another build of a provider's plugin takes over while texts are on their way, and what becomes of builds that are wrong.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "runtime/diagnostics/metrics.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/chat_service.h"
#include "runtime/services/identity_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Receipts on a real clock, and ends of processes, come in wall time.
bool reload_eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

/// The plugin test-carrier in a folder of its own, where its files can be replaced.
class ReloadTest : public RuntimeTest {
 protected:
  ReloadTest() : folder_(fs::temp_directory_path() / ("trunkline_reload_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "carrier");
    put_build(1);
    put_manifest("1.0.0");
  }
  ~ReloadTest() override {
    if (runtime_) runtime_->close();
    fs::remove_all(folder_);
  }

  /// As an installer does it: a new file under the old name.
  void put_library(const fs::path& from) {
    fs::copy_file(from, folder_ / "new.so", fs::copy_options::overwrite_existing);
    fs::rename(folder_ / "new.so", library());
  }
  void put_build(int build) {
    put_library(build == 1 ? fs::path(TEST_PLUGINS_DIR) / "test-carrier" / "test-carrier.so"
                           : fs::path(TEST_BUILDS_DIR) / "test-carrier-2.so");
  }
  void put_bad(const std::string& name) { put_library(fs::path(TEST_PLUGINS_DIR) / ("bad-" + name) / ("bad-" + name + ".so")); }
  void put_manifest(const std::string& version, const std::string& interfaces = R"("trunkline.sms/1", "trunkline.sms.query/1")",
                    const std::string& id = "carrier") {
    std::ofstream(folder_ / "carrier" / "plugin.json")
        << R"({"id": ")" << id << R"(", "version": ")" << version
        << R"(", "abi_min": "1.0", "library": "carrier.so", "optional_secrets": ["token"], "interfaces": [)" << interfaces
        << R"(], "config_schema": {"type": "object"}})";
  }
  fs::path library() const { return folder_ / "carrier" / "carrier.so"; }
  fs::path journal() const { return folder_ / "journal"; }

  std::string carrier(const std::string& name, const std::string& config, const std::string& more = "") const {
    return "{name: " + name + ", plugin: carrier, config: {journal: '" + journal().string() + "', " + config + "}" +
           (more.empty() ? "" : ", " + more) + "}";
  }
  void open_with(const std::string& providers, bool real = false) {
    std::string yaml = test_config(providers);
    yaml.replace(yaml.find(TEST_PLUGINS_DIR), std::string(TEST_PLUGINS_DIR).size(), folder_.string());
    if (real) yaml.replace(yaml.find("clock: virtual"), 14, "clock: real");
    open(yaml);
  }
  service::ProviderInfo reload(const std::string& name, Duration probation = 10s, Duration drain = 10s) {
    ReloadRequest request;
    request.provider = name;
    request.probation = probation;
    request.drain = drain;
    return runtime_->providers().reload(std::move(request));
  }
  service::ProviderInfo info(const std::string& name) { return runtime_->providers().describe(name); }
  std::string one() { return send(submission({kPhone}))[0].message_id.value_or(""); }
  std::string why(const std::string& id) {
    std::string text;
    for (const DecisionStep& step : runtime_->sms().explain(*resource_, id).steps)
      text += step.rule + " " + step.outcome + " " + step.value + " " + step.detail.value_or("") + "\n";
    return text;
  }
  /// The build that took a text.
  std::string taken_by(const std::string& id) {
    const std::string theirs = record(id).provider_message_id.value_or("");
    return theirs.substr(0, theirs.find('-'));
  }
  /// How often each text went on the air.
  std::map<std::string, int> on_air() const {
    std::map<std::string, int> out;
    std::ifstream lines(journal());
    for (std::string key, id, to; lines >> key >> id >> to;) ++out[id];
    return out;
  }
  std::map<std::string, int> reports() {
    std::map<std::string, int> out;
    for (std::int64_t after = 0;;) {
      EventFilter filter;
      filter.types = {"Microsoft.Communication.SMSDeliveryReportReceived"};
      const std::vector<Event> page = runtime_->events().read(*resource_->database, resource_->key, filter, after, 1000);
      for (const Event& event : page) {
        after = event.sequence;
        const auto at = event.data.find("Outgoing_");
        ++out[event.data.substr(at, event.data.find('"', at) - at)];
      }
      if (page.empty()) return out;
    }
  }
  /// Sends from several threads while the two builds take turns; then every text was sent once and reported once.
  void reload_under_load(const std::string& more);

  const fs::path folder_;
};

void ReloadTest::reload_under_load(const std::string& more) {
  constexpr int kThreads = 4, kReloads = 24;
  open_with("[" + carrier("a", "report_after_ms: 30", more) + "]", true);
  std::atomic<bool> over{false};
  std::mutex mutex;
  std::vector<std::string> ids;
  std::vector<std::thread> senders;
  for (int i = 0; i < kThreads; ++i)
    senders.emplace_back([&] {
      while (!over) {
        const auto outcome = send(submission({kPhone}))[0];
        EXPECT_TRUE(outcome.successful);
        std::unique_lock lock(mutex);
        ids.push_back(outcome.message_id.value_or(""));
        // Not faster than they are handed over: a queue would be judged, not a reload.
        const std::string id = ids.back();
        lock.unlock();
        EXPECT_TRUE(reload_eventually([&] { return over || record(id).state != sms::MessageState::kQueued; }));
      }
    });
  const auto sent = [&] {
    const std::lock_guard lock(mutex);
    return ids.size();
  };
  for (int i = 0; i < kReloads; ++i) {
    // Some texts by each build, and some instances that are still on probation when the next one comes.
    const std::size_t before = sent();
    ASSERT_TRUE(reload_eventually([&] { return sent() > before + 20; }));
    put_build(i % 2 == 0 ? 2 : 1);
    const service::ProviderInfo now = reload("a", i % 3 == 0 ? Duration(0) : Duration(10s), 1s);
    EXPECT_EQ(now.instance, i + 2);
  }
  over = true;
  for (std::thread& sender : senders) sender.join();
  EXPECT_TRUE(reload_eventually([&] { return reports().size() == ids.size(); })) << reports().size() << " of " << ids.size();
  std::map<std::string, int> builds;
  for (const std::string& id : ids) {
    ASSERT_EQ(record(id).state, sms::MessageState::kDelivered) << why(id);
    ++builds[taken_by(id)];
  }
  EXPECT_GT(builds["carrier"], 0);
  EXPECT_GT(builds["second"], 0);
  EXPECT_EQ(builds.size(), 2u) << "no text is without the id of a build";
  const std::map<std::string, int> air = on_air();
  EXPECT_EQ(air.size(), ids.size());
  for (const auto& [id, times] : air) EXPECT_EQ(times, 1) << id;
  for (const auto& [id, times] : reports()) EXPECT_EQ(times, 1) << id;
  EXPECT_EQ(info("a").state, "probation");
  EXPECT_TRUE(reload_eventually([&] { return info("a").draining == 0; })) << "those that were replaced are stopped";
}

TEST_F(ReloadTest, UnderLoadNothingIsLostAndNothingIsSentTwice) { reload_under_load(""); }

TEST_F(ReloadTest, UnderLoadInProcessesOfTheirOwn) { reload_under_load("isolation: process"); }

TEST_F(ReloadTest, WhatTheFileSaysNowTakesOver) {
  open_with("[" + carrier("a", "report_after_ms: 5000") + "]");
  const std::string first = one();
  settle();
  put_build(2);
  put_manifest("1.1.0");
  service::ProviderInfo now = reload("a");
  EXPECT_EQ(now.version, "1.1.0");
  EXPECT_EQ(now.instance, 2);
  EXPECT_EQ(now.state, "probation");
  EXPECT_EQ(now.last_reload, "probation");
  const std::string second = one();
  settle();
  EXPECT_EQ(taken_by(first), "carrier");
  EXPECT_EQ(taken_by(second), "second");
  advance(5s);
  EXPECT_EQ(record(first).state, sms::MessageState::kDelivered) << "the one before is listened to";
  EXPECT_EQ(record(second).state, sms::MessageState::kDelivered);
  advance(5s);
  now = info("a");
  EXPECT_EQ(now.state, "serving");
  EXPECT_EQ(now.last_reload, "switched");
  EXPECT_EQ(now.draining, 1);
  advance(10s);
  EXPECT_EQ(info("a").draining, 0);
  EXPECT_THAT(runtime_->metrics().expose(),
              HasSubstr(R"(trunkline_provider_reloads_total{outcome="switched",plugin="carrier",provider="a"} 1)"));
  const auto plugins = runtime_->plugins();
  EXPECT_THAT(std::find_if(plugins.begin(), plugins.end(), [](const auto& p) { return p.id == "carrier"; })->detail.value_or(""),
              AllOf(HasSubstr("provider a: build 1.1.0 from "), HasSubstr("instance 2")));
}

TEST_F(ReloadTest, AnotherFolderHasAnotherBuild) {
  open_with("[" + carrier("a", "") + "]");
  fs::create_directories(folder_ / "next");
  fs::copy_file(fs::path(TEST_BUILDS_DIR) / "test-carrier-2.so", folder_ / "next" / "carrier.so");
  fs::copy_file(folder_ / "carrier" / "plugin.json", folder_ / "next" / "plugin.json");
  ReloadRequest request;
  request.provider = "a";
  request.library = folder_ / "next";
  EXPECT_EQ(runtime_->providers().reload(std::move(request)).path, (folder_ / "next" / "carrier.so").string());
  const std::string id = one();
  settle();
  EXPECT_EQ(taken_by(id), "second");
}

TEST_F(ReloadTest, CallsThatAreUnderWayEndWhereTheyAre) {
  open_with("[" + carrier("a", "script: [slow]") + "]");
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kQueued);
  put_build(2);
  reload("a", 0s, 0s);
  settle();
  EXPECT_EQ(info("a").draining, 1) << "it has a call";
  advance(1s);
  EXPECT_EQ(record(id).state, sms::MessageState::kSent);
  EXPECT_EQ(taken_by(id), "carrier");
  EXPECT_EQ(info("a").draining, 0) << "as soon as that has ended";
  EXPECT_EQ(on_air().at(id), 1);
}

TEST_F(ReloadTest, CallsThatNeverEndAreCutOffWithTheirDeadline) {
  open_with("[" + carrier("a", "script: [silent]", "timeout: 20s") + "]");
  const std::string id = one();
  settle();
  reload("a", 0s, 5s);
  advance(24s);
  EXPECT_EQ(info("a").draining, 1);
  advance(1s);
  EXPECT_EQ(info("a").draining, 0);
  EXPECT_EQ(on_air().at(id), 1);
}

TEST_F(ReloadTest, OtherSettingsTakeOverWithTheSameBuild) {
  open_with("[" + carrier("a", "price_micros: 1000") + "]");
  one();
  ReloadRequest request;
  request.provider = "a";
  request.config = parse_provider(R"({"name": "a", "plugin": "carrier", "config": {"price_micros": 7000}, "timeout": "7s"})");
  runtime_->providers().reload(std::move(request));
  EXPECT_EQ(runtime_->providers().find("a")->timeout(), Duration(7s));
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).price_micros, 7000);

  service::ProviderChange change;
  change.config = R"({"price_micros": 9000})";
  const service::ProviderInfo now = sync_wait(runtime_->reload_provider("a", change));
  EXPECT_EQ(now.instance, 3);
  EXPECT_EQ(runtime_->providers().find("a")->timeout(), Duration(7s)) << "the rest stays as it was";
  const std::string third = one();
  settle();
  EXPECT_EQ(record(third).price_micros, 9000);
}

TEST_F(ReloadTest, RatesChangeWithTheSettings) {
  open_with("[" + carrier("a", "") + "]");
  one(), one();
  settle();
  EXPECT_EQ(on_air().size(), 2u);
  ReloadRequest request;
  request.provider = "a";
  request.config = parse_provider(R"({"name": "a", "plugin": "carrier", "config": {"journal": ")" + journal().string() +
                                  R"("}, "rate": {"messages": 1, "per": "10s"}})");
  runtime_->providers().reload(std::move(request));
  one(), one();
  settle();
  EXPECT_EQ(on_air().size(), 3u);
  advance(10s);
  EXPECT_EQ(on_air().size(), 4u);
}

// ---- builds that are wrong ----

struct WrongBuild {
  const char* name;
  const char* says;

  friend void PrintTo(const WrongBuild& build, std::ostream* out) { *out << build.name; }
};
class WrongBuilds : public ReloadTest, public testing::WithParamInterface<std::tuple<WrongBuild, const char*>> {};

TEST_P(WrongBuilds, StayOutsideAndThePresentOneGoesOn) {
  const auto& [wrong, isolation] = GetParam();
  open_with("[" + carrier("a", "", isolation) + "]");
  put_bad(wrong.name);
  put_manifest("2.0.0", R"("trunkline.sms/1")");
  const Error error = error_of([&] { reload("a"); });
  EXPECT_THAT(error.message, StartsWith("provider a goes on with the instance that it has: "));
  EXPECT_THAT(error.message, HasSubstr(wrong.says));
  const service::ProviderInfo now = info("a");
  EXPECT_EQ(now.instance, 1);
  EXPECT_EQ(now.version, "1.0.0");
  EXPECT_EQ(now.state, "serving");
  EXPECT_EQ(now.last_reload, "refused");
  EXPECT_THAT(now.detail.value_or(""), HasSubstr(wrong.says));
  const std::string id = one();
  settle();
  EXPECT_EQ(taken_by(id), "carrier");
  EXPECT_THAT(runtime_->metrics().expose(),
              HasSubstr(R"(trunkline_provider_reloads_total{outcome="refused",plugin="carrier",provider="a"} 1)"));
  put_build(2);
  put_manifest("2.0.1");
  EXPECT_EQ(reload("a").version, "2.0.1") << "one that is right is taken afterwards";
}
INSTANTIATE_TEST_SUITE_P(
    Reload, WrongBuilds,
    testing::Combine(testing::Values(WrongBuild{"create-fails", "create failed: the carrier refused the account"},
                                     WrongBuild{"create-no-instance", "success without an instance"},
                                     WrongBuild{"slot-null", "without send"},
                                     WrongBuild{"interface-missing", "no interface trunkline.sms/1"},
                                     WrongBuild{"missing-entry", "trunkline_plugin_v1"},
                                     WrongBuild{"entry-null-slot", "null slot"},
                                     WrongBuild{"undefined-symbol", "undefined symbol"}, WrongBuild{"abi-built-major", "ABI"}),
                     testing::Values("", "isolation: process")),
    [](const auto& info) {
      std::string name(std::get<0>(info.param).name);
      std::replace(name.begin(), name.end(), '-', '_');
      return name + (*std::get<1>(info.param) ? "_isolated" : "_in_process");
    });

TEST_F(ReloadTest, WhatIsNotABuildOfThePluginIsRefused) {
  open_with("[" + carrier("a", "") + "]");
  put_manifest("1.0.0", R"("trunkline.sms/1")", "other");
  EXPECT_THAT(error_of([&] { reload("a"); }).message, HasSubstr("found plugin other, wanted another build of plugin carrier"));
  put_manifest("nonsense");
  EXPECT_EQ(error_of([&] { reload("a"); }).code, ErrorCode::kInvalidArgument);
  put_manifest("1.0.0");
  std::ofstream(folder_ / "new.so") << "no library";
  fs::rename(folder_ / "new.so", library());
  EXPECT_EQ(error_of([&] { reload("a"); }).code, ErrorCode::kFailedPrecondition);
  fs::remove(library());
  EXPECT_EQ(error_of([&] { reload("a"); }).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { reload("nobody"); }).code, ErrorCode::kNotFound);
  put_build(1);
  for (const char* item : {R"({"name": "b", "plugin": "carrier"})", R"({"name": "a", "plugin": "other"})",
                           R"({"name": "a", "plugin": "carrier", "breaker": {"failures": 1}})",
                           R"({"name": "a", "plugin": "carrier", "secrets": {"unknown": {"value": "x"}}})"}) {
    ReloadRequest request;
    request.provider = "a";
    request.config = parse_provider(item);
    EXPECT_EQ(error_of([&] { runtime_->providers().reload(std::move(request)); }).code, ErrorCode::kInvalidArgument) << item;
  }
  const std::string id = one();
  settle();
  EXPECT_EQ(taken_by(id), "carrier");
  EXPECT_EQ(info("a").instance, 1);
}

TEST_F(ReloadTest, RoutesThatNeedWhatTheBuildLacksKeepItOut) {
  std::string yaml = test_config("[" + carrier("a", "") + "]", "[{interface: sms, providers: [a]}]");
  yaml.replace(yaml.find(TEST_PLUGINS_DIR), std::string(TEST_PLUGINS_DIR).size(), folder_.string());
  open(yaml);
  put_manifest("2.0.0", R"("trunkline.sms.query/1")");
  EXPECT_THAT(error_of([&] { reload("a"); }).message, HasSubstr("routes[0]"));
  const std::string id = one();
  settle();
  EXPECT_EQ(taken_by(id), "carrier");
}

TEST_F(ReloadTest, WhatKeepsCallsStaysWhereItIs) {
  open(test_config("[{name: phones, plugin: pstn-sandbox}]"));
  const Error error = error_of([&] { reload("phones"); });
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error.message, HasSubstr("changes with a restart alone"));
}

// ---- what is handed over ----

TEST_F(ReloadTest, IdentitiesAndThreadsGoFromOneToTheNext) {
  open(test_config("[{name: id, plugin: identity-local}, {name: chat, plugin: chat-local}]"));
  const service::UserWithToken alice =
      sync_wait(runtime_->identity().create_user(resource_, {identity::TokenScope::kChat}, std::nullopt, std::chrono::hours(1)));
  chat::CreateThreadRequest request;
  request.topic = "reload";
  const ChatActor actor = ChatActor::trusted(alice.user.id);
  const std::string thread = sync_wait(runtime_->chat().create_thread(resource_, actor, request)).thread.id;
  for (const char* name : {"id", "chat"}) {
    const service::ProviderInfo after = reload(name);
    EXPECT_EQ(after.instance, 2) << name;
    EXPECT_EQ(after.state, "serving") << "nobody stands by";
    EXPECT_EQ(after.last_reload, "switched");
    EXPECT_EQ(after.draining, 0);
  }
  EXPECT_EQ(sync_wait(runtime_->chat().get_thread(resource_, actor, thread)).topic, "reload");
  EXPECT_EQ(sync_wait(runtime_->identity().verify_token(resource_, alice.token->token)).user_id, alice.user.id);
}

TEST_F(ReloadTest, WhoCallsWhileItIsHandedOverWaits) {
  open(test_config("[{name: id, plugin: identity-local}]"));
  const ProviderPtr provider = runtime_->providers().find("id");
  // As of a call that is under way: the instance stays until it is let go.
  std::optional<identity::IdentityProviderClient> held = provider->client<identity::IdentityProviderClient>();
  service::ProviderInfo after;
  std::thread reloading([&] { after = reload("id"); });
  ASSERT_TRUE(reload_eventually([&] { return !provider->client<identity::IdentityProviderClient>(); }));
  std::atomic<bool> made{false};
  std::thread calling([&] {
    sync_wait(runtime_->identity().create_user(resource_, {}, std::nullopt, std::chrono::hours(1)));
    made = true;
  });
  EXPECT_FALSE(made);
  EXPECT_EQ(provider->number(), 1u);
  held.reset();
  reloading.join();
  calling.join();
  EXPECT_TRUE(made);
  EXPECT_EQ(after.instance, 2);
}

TEST_F(ReloadTest, WhoHasWaitedHasItsTimeAfterwards) {
  open(test_config("[{name: id, plugin: identity-local}, {name: chat, plugin: chat-local}]"));
  const service::UserWithToken alice =
      sync_wait(runtime_->identity().create_user(resource_, {}, std::nullopt, std::chrono::hours(1)));
  chat::CreateThreadRequest request;
  request.topic = "reload";
  const ChatActor actor = ChatActor::trusted(alice.user.id);
  const std::string thread = sync_wait(runtime_->chat().create_thread(resource_, actor, request)).thread.id;
  const ProviderPtr provider = runtime_->providers().find("chat");
  std::optional<chat::ChatProviderClient> held = provider->client<chat::ChatProviderClient>();
  std::thread reloading([&] { reload("chat"); });
  ASSERT_TRUE(reload_eventually([&] { return !provider->serves(); }));
  std::string topic;
  std::thread calling([&] {
    try {
      topic = sync_wait(runtime_->chat().get_thread(resource_, actor, thread)).topic;
    } catch (const Error& error) {
      topic = error.message;
    }
  });
  ASSERT_TRUE(reload_eventually([&] { return provider->waiting() > 0; }));
  runtime_->clock().advance(provider->timeout() + 1s);
  held.reset();
  reloading.join();
  calling.join();
  EXPECT_EQ(topic, "reload");
}

TEST_F(ReloadTest, InAProcessOfItsOwnTheOneBeforeIsMadeAgain) {
  open(test_config("[{name: id, plugin: identity-local, isolation: process}]"));
  std::atomic<bool> over{false};
  std::thread looking([&] {  // its state is there to be read all the time
    while (!over) runtime_->providers().list();
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reload("id").last_reload, "switched");
    ReloadRequest request;
    request.provider = "id";
    request.config = runtime_->providers().find("id")->pin().instance->config();
    request.config->config_json = R"({"algorithm": "none"})";
    EXPECT_THAT(error_of([&] { runtime_->providers().reload(std::move(request)); }).message, HasSubstr("made again"));
    EXPECT_EQ(info("id").process, "running");
  }
  over = true;
  looking.join();
  sync_wait(runtime_->identity().create_user(resource_, {}, std::nullopt, std::chrono::hours(1)));
}

TEST_F(ReloadTest, OneThatCannotTakeOverLeavesTheOneBefore) {
  open(test_config("[{name: id, plugin: identity-local}]"));
  const service::UserWithToken alice =
      sync_wait(runtime_->identity().create_user(resource_, {identity::TokenScope::kChat}, std::nullopt, std::chrono::hours(1)));
  ReloadRequest request;
  request.provider = "id";
  request.config = runtime_->providers().find("id")->pin().instance->config();
  request.config->config_json = R"({"algorithm": "none"})";
  const Error error = error_of([&] { runtime_->providers().reload(std::move(request)); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("made again"));
  EXPECT_EQ(info("id").last_reload, "refused");
  EXPECT_EQ(sync_wait(runtime_->identity().verify_token(resource_, alice.token->token)).user_id, alice.user.id);

  // Somebody who took an interface for good would find nobody behind it.
  ASSERT_TRUE(runtime_->providers().find("id")->lend_interface("trunkline.identity/1").vtbl);
  EXPECT_THAT(error_of([&] { reload("id"); }).message, HasSubstr("for as long as the runtime runs"));
}

// ---- on probation ----

TEST_F(ReloadTest, OneThatDiesOnProbationGivesWayToTheOneBefore) {
  open_with("[" + carrier("a", "", "isolation: process") + "]");
  const int first = info("a").process_id.value_or(0);
  put_bad("crashes-in-send");
  put_manifest("2.0.0", R"("trunkline.sms/1")");
  const service::ProviderInfo now = reload("a");
  EXPECT_EQ(now.version, "2.0.0");
  EXPECT_NE(now.process_id.value_or(0), first);
  const std::string lost = one();
  ASSERT_TRUE(reload_eventually([&] { return info("a").last_reload == "rolled_back"; }));
  const service::ProviderInfo after = info("a");
  EXPECT_EQ(after.version, "1.0.0");
  EXPECT_EQ(after.instance, 1);
  EXPECT_EQ(after.state, "serving");
  EXPECT_EQ(after.process_id, first) << "it has been there all the time";
  EXPECT_THAT(after.detail.value_or(""), HasSubstr("signal 11 (SIGSEGV) while send ran"));
  const std::string id = one();
  ASSERT_TRUE(reload_eventually([&] { return record(id).state == sms::MessageState::kSent; }));
  EXPECT_EQ(taken_by(id), "carrier");
  ASSERT_TRUE(reload_eventually([&] { return record(lost).state == sms::MessageState::kUncertain; }));
  EXPECT_THAT(runtime_->metrics().expose(),
              HasSubstr(R"(trunkline_provider_reloads_total{outcome="rolled_back",plugin="carrier",provider="a"} 1)"));
}

TEST_F(ReloadTest, OneThatIsKilledOnProbationGivesWay) {
  open_with("[" + carrier("a", "script: [ok, silent]", "isolation: process") + "]");
  put_build(2);
  const service::ProviderInfo now = reload("a");
  one();
  const std::string lost = one();
  ASSERT_TRUE(reload_eventually([&] { return on_air().contains(lost); }));
  ::kill(now.process_id.value(), SIGKILL);
  ASSERT_TRUE(reload_eventually([&] { return info("a").last_reload == "rolled_back"; }));
  ASSERT_TRUE(reload_eventually([&] { return record(lost).state == sms::MessageState::kUncertain; }));
  advance(1min);  // the one before is asked about it, and knows
  ASSERT_TRUE(reload_eventually([&] { return record(lost).state == sms::MessageState::kSent; }));
  EXPECT_EQ(on_air().at(lost), 1);
  const std::string id = one();
  ASSERT_TRUE(reload_eventually([&] { return record(id).state == sms::MessageState::kSent; }));
  EXPECT_EQ(taken_by(id), "carrier");
}

TEST_F(ReloadTest, AfterItsProbationAProcessIsStartedAgain) {
  open_with("[" + carrier("a", "", "isolation: process") + "]");
  put_build(2);
  reload("a", 0s, 0s);
  ASSERT_TRUE(reload_eventually([&] { return info("a").draining == 0; }));
  fs::remove(library());  // what is started again is the build that was loaded, whatever the file says now
  ::kill(info("a").process_id.value(), SIGKILL);
  ASSERT_TRUE(reload_eventually([&] { return info("a").process == "waiting"; }));
  advance(1s);
  ASSERT_TRUE(reload_eventually([&] { return info("a").process == "running"; }));
  EXPECT_EQ(info("a").last_reload, "switched");
  const std::string id = one();
  ASSERT_TRUE(reload_eventually([&] { return record(id).state == sms::MessageState::kSent; }));
  EXPECT_EQ(taken_by(id), "second");
}

TEST_F(ReloadTest, OneWhoseCallsFailOnProbationGivesWay) {
  open_with("[" + carrier("a", "") + ", " + carrier("b", "") + "]");
  ReloadRequest request;
  request.provider = "a";
  request.config =
      parse_provider(R"({"name": "a", "plugin": "carrier", "config": {"script": [)"
                     R"("unavailable", "unavailable", "unavailable", "unavailable", "unavailable", "unavailable"]}})");
  runtime_->providers().reload(std::move(request));
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    ids.push_back(one());
    settle();
  }
  const service::ProviderInfo now = info("a");
  EXPECT_EQ(now.last_reload, "rolled_back");
  EXPECT_THAT(now.detail.value_or(""), HasSubstr("circuit breaker"));
  EXPECT_EQ(now.instance, 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(record(ids[i]).provider, "b");
  for (int i = 5; i < 7; ++i) EXPECT_EQ(record(ids[i]).provider, "a") << "the breaker is closed again";
  EXPECT_EQ(info("a").draining, 0);
}

TEST_F(ReloadTest, FailuresOfTheOneBeforeDoNotSpeakAgainstTheNewOne) {
  open_with("[" + carrier("a", "script: [silent, silent, silent, silent, silent, silent]", "timeout: 5s") + "]");
  for (int i = 0; i < 6; ++i) one();
  settle();
  put_build(2);
  ReloadRequest request;
  request.provider = "a";
  request.config = parse_provider(R"({"name": "a", "plugin": "carrier", "timeout": "5s"})");
  runtime_->providers().reload(std::move(request));
  advance(6s);  // the calls of the one before have failed now
  EXPECT_EQ(info("a").state, "probation");
  const std::string id = one();
  settle();
  EXPECT_EQ(taken_by(id), "second");
}

TEST_F(ReloadTest, ItIsSaidWhenTheProbationEnds) {
  open_with("[" + carrier("a", "") + "]");
  bool settled = false;
  runtime_->providers().when_settled("a", [&] { settled = true; });
  EXPECT_TRUE(settled) << "there is none";
  std::atomic<int> ended{0};
  reload("a");
  runtime_->providers().when_settled("a", [&] { ++ended; });
  EXPECT_EQ(ended, 0);
  advance(10s);
  EXPECT_EQ(ended, 1);
  reload("a");
  runtime_->providers().when_settled("a", [&] { ++ended; });
  runtime_->close();
  EXPECT_EQ(ended, 2) << "nobody waits for a runtime that is closed";
}

TEST_F(ReloadTest, ClosingStopsEverythingThatIsThere) {
  open_with("[" + carrier("a", "script: [silent]", "isolation: process") + "]");
  one();
  settle();
  reload("a");
  put_build(2);
  reload("a");
  runtime_->close();
  EXPECT_EQ(error_of([&] { reload("a"); }).code, ErrorCode::kFailedPrecondition);
}

TEST_F(ReloadTest, AsManyAsMayDrain) {
  open_with("[" + carrier("a", "") + "]");
  Error error;
  for (int i = 0; i < 40 && error.message.empty(); ++i) {
    try {
      reload("a");
    } catch (const Error& why) {
      error = why;
    }
  }
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  advance(10s);
  advance(10s);
  EXPECT_EQ(info("a").draining, 0);
  EXPECT_EQ(reload("a").state, "probation");
}

TEST_F(ReloadTest, AnInterfaceThatWasLentStaysUntilTheRuntimeStops) {
  open_with("[" + carrier("a", "") + "]");
  CallTable calls("test");
  const ProviderPtr provider = runtime_->providers().find("a");
  const sms::SmsProviderClient lent(provider->lend_interface("trunkline.sms/1"), calls);
  reload("a", 0s, 0s);
  settle();
  advance(1min);
  settle();
  sms::SmsSendRequest request;
  request.from = kOwned;
  request.recipients.emplace_back().to = kPhone;
  EXPECT_EQ(error_of([&] { sync_wait(lent.send(std::move(request))); }).code, ErrorCode::kUnavailable) << "it has stopped";
}

}  // namespace
}  // namespace trunkline
