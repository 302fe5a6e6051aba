// A plugin of the C++ SDK, linked in, uses every host service.
#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <map>
#include <stop_token>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/plugin/host_store.h"
#include "runtime/plugin/http_transport.h"
#include "runtime/plugin/plugin_instance.h"
#include "runtime/plugin/resource_store.h"
#include "runtime/store/sqlite_store.h"
#include "trunkline/plugin.hpp"
#include "trunkline/sms_client.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Lends its Host to the test; each send waits a minute.
class Borrower final : public sms::SmsProvider {
 public:
  Borrower(Host given, std::string_view) : host(given) { last = this; }
  Task<std::vector<sms::SmsSendResult>> send(Call call, sms::SmsSendRequest) override {
    CallOptions options = call.forward();
    co_await host.clock().sleep(60s, options);
    co_return std::vector<sms::SmsSendResult>{};
  }
  sms::SmsCapabilities capabilities(const Call&) override { return {}; }

  Host host;
  static inline Borrower* last = nullptr;
};
constexpr tl_plugin_entry kEntry = abi::plugin_entry<Borrower>();
constexpr const char* kManifest = R"({"id": "borrower", "version": "1.0.0", "abi_min": "1.0", "interfaces": ["trunkline.sms/1"],
  "secrets": ["token"], "optional_secrets": ["proxy"]})";

class FakeTransport final : public HttpTransport {
 public:
  Task<host::HttpResponse> send(Call, host::HttpRequest request) override {
    urls.push_back(request.method + " " + request.url);
    host::HttpResponse response;
    response.status = 418;
    co_return response;
  }
  std::vector<std::string> urls;
};

class HostServicesTest : public ::testing::Test {
 protected:
  HostServicesTest() : executor(2), clock(executor, Clock::Mode::kVirtual) {
    log_path = std::filesystem::temp_directory_path() / ("trunkline_host_services_" + std::to_string(::getpid()));
    std::filesystem::remove(log_path);
    LogOptions log_options;
    log_options.json = true;
    log_options.path = log_path.string();
    log = std::make_unique<Log>(log_options);
    store::StoreOptions store_options;
    store_options.memory = true;
    store = store::make_sqlite_store(store_options, *log, metrics, executor, clock);
    store->system().migrate(plugin_migrations());
    database = store->all()[0];
    database->migrate(resource_store_migrations());
    context.emplace(
        HostContext{executor, clock, *log, metrics, &store->system(), &transport,
                    [this](std::string provider, std::string type, std::string subject, std::string data) -> Task<void> {
                      published.push_back(provider + " " + type + " " + subject + " " + data);
                      co_return;
                    },
                    [this](std::string_view id) {
                      const auto found = resources.find(id);
                      if (found == resources.end()) throw Error(ErrorCode::kNotFound, "no such resource", "resourceId");
                      return ResourceStorage{database, found->second, 7};
                    }});
    LoaderOptions options;
    loader = std::make_unique<PluginLoader>(options);
    loader->add_builtin(kManifest, &kEntry);
    instance = make("carrier-a");
    host = Borrower::last->host;
  }
  ~HostServicesTest() override {
    instance.reset();
    store.reset();
    clock.stop();
    executor.stop();
    log.reset();
    std::filesystem::remove(log_path);
  }
  std::unique_ptr<PluginInstance> make(const std::string& provider) {
    InstanceSettings settings;
    settings.provider = provider;
    settings.secrets.emplace("token", Secret("s3cret"));
    status = settings.status;
    return PluginInstance::create(loader->load("borrower"), std::move(settings), *context);
  }
  static Error error_of(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return {};
  }
  static host::StoreBatch batch(std::initializer_list<std::pair<std::string, std::string_view>> puts) {
    host::StoreBatch batch;
    for (const auto& [key, value] : puts) batch.puts.push_back({key, bytes(value)});
    return batch;
  }
  static Bytes bytes(std::string_view text) { return Bytes(text.begin(), text.end()); }

  std::filesystem::path log_path;
  Executor executor;
  Clock clock;
  std::unique_ptr<Log> log;
  Metrics metrics;
  FakeTransport transport;
  std::unique_ptr<store::Store> store;
  store::Database* database = nullptr;
  std::map<std::string, std::int64_t, std::less<>> resources{{"res-1", 1}, {"res-2", 2}};
  std::vector<std::string> published;
  std::optional<HostContext> context;
  std::unique_ptr<PluginLoader> loader;
  std::shared_ptr<StatusBoard> status;
  std::unique_ptr<PluginInstance> instance;
  Host host;
};

TEST_F(HostServicesTest, LogAddsWhoSaysItAndRedacts) {
  host.log().write(host::LogLevel::kWarning, "carrier is slow", Properties{{"latency_ms", "900"}, {"access_key", "abc"}});
  instance.reset();
  store.reset();
  log.reset();
  std::ifstream file(log_path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text, AllOf(HasSubstr("carrier is slow"), HasSubstr("\"provider\":\"carrier-a\""), HasSubstr("latency_ms=900"),
                          Not(HasSubstr("abc"))));
}

TEST_F(HostServicesTest, ClockIsTheRuntimes) {
  EXPECT_EQ(host.clock().now(), clock.now());
  int ended = 0;
  host.clock().start_sleep(10s, {}, [&](Result<void> result) { ended += result.ok(); });
  clock.advance(9s);
  EXPECT_EQ(ended, 0);
  clock.advance(1s);
  EXPECT_EQ(ended, 1);
}

TEST_F(HostServicesTest, SleepCanBeCancelled) {
  std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  std::optional<Result<void>> ended;
  host.clock().start_sleep(10s, options, [&](Result<void> result) { ended = std::move(result); });
  stop.request_stop();
  executor.work().wait_idle();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(clock.pending(), 0u);
  ended.reset();
  host.clock().start_sleep(10s, options, [&](Result<void> result) { ended = std::move(result); });
  executor.work().wait_idle();
  ASSERT_TRUE(ended) << "cancelled before it began";
  EXPECT_EQ(ended->error().code, ErrorCode::kCancelled);
}

TEST_F(HostServicesTest, StopEndsWaitsForTheClock) {
  const sms::SmsProviderClient client(instance->interface("trunkline.sms/1"), instance->calls());
  std::optional<Result<std::vector<sms::SmsSendResult>>> ended;
  client.start_send({}, {}, [&](Result<std::vector<sms::SmsSendResult>> result) { ended = std::move(result); });
  EXPECT_FALSE(ended);
  instance->begin_stop();
  EXPECT_TRUE(instance->finish_stop(10s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(clock.pending(), 0u);
}

TEST_F(HostServicesTest, YieldGoesToThePool) {
  std::atomic<bool> on_pool{false};
  host.executor().start_yield({}, [&](Result<void>) { on_pool = executor.runs_here(); });
  executor.work().wait_idle();
  EXPECT_TRUE(on_pool);
}

TEST_F(HostServicesTest, StoreKeepsValuesOfOneProvider) {
  const auto kv = host.store();
  kv.put_sync("cursor/1", bytes("a"));
  kv.put_sync("cursor/2", bytes("b"));
  kv.put_sync("cursor/2", bytes("c"));
  kv.put_sync("other", bytes(""));
  EXPECT_EQ(kv.get_sync("cursor/2"), bytes("c"));
  EXPECT_EQ(kv.get_sync("other"), Bytes());
  const auto keys = [&](std::string prefix, std::int32_t limit) {
    std::vector<std::string> out;
    for (const host::StoreEntry& entry : kv.list_sync(std::move(prefix), limit)) out.push_back(entry.key);
    return out;
  };
  EXPECT_THAT(keys("cursor/", 10), ElementsAre("cursor/1", "cursor/2"));
  EXPECT_THAT(keys("", 2), ElementsAre("cursor/1", "cursor/2"));
  auto other = make("carrier-b");
  EXPECT_EQ(error_of([&] { Borrower::last->host.store().get_sync("other"); }).code, ErrorCode::kNotFound);
  EXPECT_TRUE(Borrower::last->host.store().list_sync("", 10).empty());
  kv.remove_sync("other");
  kv.remove_sync("other");
  EXPECT_EQ(error_of([&] { kv.get_sync("other"); }).code, ErrorCode::kNotFound);
}

TEST_F(HostServicesTest, StoreHasLimits) {
  const auto kv = host.store();
  EXPECT_EQ(error_of([&] { kv.put_sync("", bytes("a")); }).target, "key");
  EXPECT_EQ(error_of([&] { kv.put_sync(std::string(513, 'k'), bytes("a")); }).message,
            "key: found 513 bytes, wanted at most 512");
  EXPECT_EQ(error_of([&] { kv.put_sync("k", Bytes(1024 * 1024 + 1)); }).target, "value");
  EXPECT_EQ(error_of([&] { kv.list_sync("", 1001); }).target, "limit");
  kv.put_sync(std::string(512, 'k'), Bytes(1024 * 1024));
}

TEST_F(HostServicesTest, ResourceStoreKeepsResourcesAndProvidersApart) {
  const auto rows = host.resource_store();
  rows.commit_sync("res-1", batch({{"a", "1"}, {"b", "2"}}));
  rows.commit_sync("res-2", batch({{"a", "other"}}));
  EXPECT_EQ(rows.get_sync("res-1", "a"), bytes("1"));
  EXPECT_EQ(rows.get_sync("res-2", "a"), bytes("other"));
  EXPECT_EQ(error_of([&] { rows.get_sync("res-2", "b"); }).target, "key");
  EXPECT_EQ(error_of([&] { rows.get_sync("res-3", "a"); }).target, "resourceId");
  EXPECT_EQ(error_of([&] { rows.commit_sync("res-3", batch({{"a", "1"}})); }).code, ErrorCode::kNotFound);
  auto other = make("carrier-b");
  EXPECT_EQ(error_of([&] { Borrower::last->host.resource_store().get_sync("res-1", "a"); }).target, "key");
}

TEST_F(HostServicesTest, ResourceStoreScansBothWays) {
  const auto rows = host.resource_store();
  rows.commit_sync("res-1", batch({{"t/1", "x"}, {"t/2", "x"}, {"t/3", "x"}, {"u/1", "x"}}));
  const auto keys = [&](std::string from, std::string to, bool descending, std::int32_t limit) {
    host::StoreRange range;
    range.from = std::move(from);
    range.to = std::move(to);
    range.descending = descending;
    range.limit = limit;
    std::vector<std::string> out;
    for (const host::StoreEntry& entry : rows.scan_sync("res-1", range)) out.push_back(entry.key);
    return out;
  };
  EXPECT_THAT(keys("t/", "t0", false, 10), ElementsAre("t/1", "t/2", "t/3"));
  EXPECT_THAT(keys("t/", "t0", true, 2), ElementsAre("t/3", "t/2"));
  EXPECT_THAT(keys("t/", "t/3", true, 10), ElementsAre("t/2", "t/1"));
  EXPECT_THAT(keys("t/2", "", false, 10), ElementsAre("t/2", "t/3", "u/1"));
  EXPECT_THAT(keys("", "", true, 1), ElementsAre("u/1"));
  EXPECT_EQ(error_of([&] { keys("", "", false, 0); }).target, "range.limit");
}

TEST_F(HostServicesTest, ResourceStoreCommitsAllOrNothing) {
  const auto rows = host.resource_store();
  rows.commit_sync("res-1", batch({{"a", "1"}}));
  host::StoreBatch change = batch({{"b", "2"}});
  change.removes = {"a", "never there"};
  rows.commit_sync("res-1", change);
  EXPECT_EQ(error_of([&] { rows.get_sync("res-1", "a"); }).code, ErrorCode::kNotFound);
  EXPECT_EQ(rows.get_sync("res-1", "b"), bytes("2"));
  EXPECT_EQ(error_of([&] { rows.commit_sync("res-1", batch({{"c", "3"}, {"", "4"}})); }).target, "batch.puts[1].key");
  EXPECT_EQ(error_of([&] { rows.get_sync("res-1", "c"); }).code, ErrorCode::kNotFound);
  change.removes = {std::string(513, 'k')};
  EXPECT_EQ(error_of([&] { rows.commit_sync("res-1", change); }).target, "batch.removes[0]");
  host::StoreBatch large;
  for (int i = 0; i < 17; ++i) large.puts.push_back({std::to_string(i), Bytes(1024 * 1024)});
  EXPECT_EQ(error_of([&] { rows.commit_sync("res-1", large); }).target, "batch");
}

TEST_F(HostServicesTest, ResourceRowsAreCopiedAndDropped) {
  const auto rows = host.resource_store();
  rows.commit_sync("res-1", batch({{"a", "1"}}));
  sync_wait(database->write([](store::Session& session) { copy_resource_rows(session, 1, 2); }));
  EXPECT_EQ(rows.get_sync("res-2", "a"), bytes("1"));
  sync_wait(database->write([](store::Session& session) { drop_resource_rows(session, 1); }));
  EXPECT_EQ(error_of([&] { rows.get_sync("res-1", "a"); }).code, ErrorCode::kNotFound);
  EXPECT_EQ(rows.get_sync("res-2", "a"), bytes("1"));
}

TEST_F(HostServicesTest, SecretsAreThoseOfTheManifest) {
  EXPECT_EQ(host.secrets().get("token"), "s3cret");
  EXPECT_EQ(error_of([&] { host.secrets().get("proxy"); }).message, "secret \"proxy\": not configured");
  EXPECT_EQ(error_of([&] { host.secrets().get("database"); }).message,
            "secret \"database\": the manifest of plugin borrower does not name it");
}

TEST_F(HostServicesTest, MetricsCarryTheProvider) {
  host.metrics().add("sent_total", 2, Properties{{"country", "US"}});
  host.metrics().add("sent_total", 1, Properties{{"country", "US"}});
  host.metrics().observe("latency_seconds", 0.1, std::nullopt);
  const std::string text = metrics.expose();
  EXPECT_THAT(text, AllOf(HasSubstr("trunkline_plugin_sent_total{"), HasSubstr("provider=\"carrier-a\""),
                          HasSubstr("country=\"US\""), HasSubstr("} 3"), HasSubstr("trunkline_plugin_latency_seconds_count")));
  EXPECT_EQ(error_of([&] { host.metrics().add("Sent Total", 1, std::nullopt); }).target, "name");
  EXPECT_EQ(error_of([&] { host.metrics().add("sent_total", -1, std::nullopt); }).target, "value");
  EXPECT_EQ(error_of([&] { host.metrics().add("sent_total", 1, Properties{{"provider", "x"}}); }).target, "labels");
}

TEST_F(HostServicesTest, MetricsSeriesAreBounded) {
  for (int i = 0; i < 1000; ++i) host.metrics().add("n_total", 1, Properties{{"i", std::to_string(i)}});
  EXPECT_EQ(error_of([&] { host.metrics().add("n_total", 1, Properties{{"i", "1000"}}); }).code, ErrorCode::kResourceExhausted);
  host.metrics().add("n_total", 1, Properties{{"i", "7"}});
}

TEST_F(HostServicesTest, StatusIsWhatTheInstanceSaysOfItself) {
  using testing::Pair;
  host.status().set("port", "40123");
  host.status().set("peer", "smsc-1");
  host.status().set("peer", "smsc-2");
  host.status().set("api_key", "s3cret");
  EXPECT_THAT(status->all(), ElementsAre(Pair("api_key", "[redacted]"), Pair("peer", "smsc-2"), Pair("port", "40123")));
  host.status().set("peer", "");
  host.status().set("api_key", "");
  host.status().set("never", "");
  EXPECT_THAT(status->all(), ElementsAre(Pair("port", "40123")));
  for (const std::string& name : {std::string(), std::string("Port"), std::string("a b"), std::string(65, 'a')})
    EXPECT_EQ(error_of([&] { host.status().set(name, "1"); }).target, "name");
  for (const std::string& value : {std::string("a\nb"), std::string("\x1b[2J"), std::string("\xff"), std::string(1025, 'a')})
    EXPECT_EQ(error_of([&] { host.status().set("port", value); }).target, "value");
  EXPECT_EQ(status->all().at("port"), "40123");
}

TEST_F(HostServicesTest, StatusIsBoundedAndOutlivesTheInstance) {
  for (int i = 0; i < 32; ++i) host.status().set("n" + std::to_string(i), "x");
  EXPECT_EQ(error_of([&] { host.status().set("more", "x"); }).code, ErrorCode::kResourceExhausted);
  host.status().set("n7", "y");
  host = {};
  instance.reset();
  EXPECT_EQ(status->all().at("n7"), "y");
}

TEST_F(HostServicesTest, HttpGoesThroughTheTransport) {
  host::HttpRequest request;
  request.method = "GET";
  request.url = "https://carrier.example/balance";
  EXPECT_EQ(host.http().send_sync(request).status, 418);
  EXPECT_THAT(transport.urls, ElementsAre("GET https://carrier.example/balance"));
}

TEST_F(HostServicesTest, EventsAreChecked) {
  host.events().publish_sync("Carrier.LinkDown", "link/1", R"({"since": 5})");
  EXPECT_THAT(published, ElementsAre("carrier-a Carrier.LinkDown link/1 {\"since\": 5}"));
  EXPECT_EQ(error_of([&] { host.events().publish_sync("Carrier.LinkDown", "link/1", "{"); }).target, "data");
  EXPECT_EQ(error_of([&] { host.events().publish_sync("", "link/1", "{}"); }).target, "type");
}

TEST_F(HostServicesTest, WhatTheRuntimeLacksIsNotOffered) {
  context->http = nullptr;
  auto other = make("carrier-b");
  EXPECT_FALSE(Borrower::last->host.http());
  EXPECT_TRUE(Borrower::last->host.store());
  EXPECT_FALSE(Borrower::last->host.get<sms::SmsEventsClient>());
}

}  // namespace
}  // namespace trunkline::plugin
