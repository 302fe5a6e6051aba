// The event pipeline. One measurement a run:
//   bench_events deliver URL EVENTS CONNECTIONS   webhook deliveries a second of 1 KB events, from a log on disk to an endpoint
//   bench_events match                            cost of an event among more and more subscriptions with mixed filters
//   bench_events publish                          durable publish rate, as a ratio to raw group commits of the same rows
//   bench_events backlog EVENTS                   memory while so many events wait for an endpoint that refuses them
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/core/runtime.h"
#include "runtime/delivery/engine.h"
#include "runtime/eventgrid/subscription_service.h"
#include "runtime/events/event_log.h"
#include "runtime/events/filter_index.h"
#include "runtime/services/resource_service.h"

namespace {

using namespace trunkline;
using Steady = std::chrono::steady_clock;

constexpr int kBatch = 64;

double seconds_since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

/// About 1 KB as it is delivered.
NewEvent event_of(const Resource& resource, int number, Time now) {
  NewEvent event;
  char id[40];
  std::snprintf(id, sizeof id, "01900000-0000-7000-8000-%012d", number);
  event.id = id;
  event.type = "Microsoft.Communication.SMSReceived";
  event.subject = "/phonenumber/14255550100";
  event.topic = resource.arm_id;
  event.time = now;
  event.data = R"({"messageId":")" + event.id + R"(","from":"+14255550123","to":"+14255550100","message":")" +
               std::string(640, 'x') + R"(","receivedTimestamp":"2026-01-01T00:00:00.0000000Z","segmentCount":5})";
  return event;
}

class TemporaryRuntime {
 public:
  explicit TemporaryRuntime(const std::string& events = "{}")
      : directory_(std::filesystem::temp_directory_path() / ("trunkline-events-bench-" + std::to_string(getpid()))),
        runtime_(Runtime::open(parse_config("log: {level: error}\nstore: {mode: file, path: '" + directory_.string() +
                                            "'}\nresources: [{name: bench}]\nevents: " + events + "\n"))) {}
  ~TemporaryRuntime() {
    runtime_->close();
    std::filesystem::remove_all(directory_);
  }
  Runtime& operator*() { return *runtime_; }
  const ResourcePtr resource() { return runtime_->resources().default_resource(); }

  void fill(int from, int count) {
    const ResourcePtr to = resource();
    for (int done = 0; done < count; done += 500) {
      auto work = [&](store::Session& session) {
        for (int i = done; i < std::min(done + 500, count); ++i)
          runtime_->events().append(session, to->key, event_of(*to, from + i, runtime_->clock().now()));
      };
      sync_wait(to->database->write(std::move(work)));
    }
  }
  void subscribe(const std::string& url) {
    nlohmann::json properties;
    properties["destination"]["endpointType"] = "WebHook";
    properties["destination"]["properties"]["endpointUrl"] = url;
    const auto written =
        sync_wait(runtime_->event_subscriptions().put(eventgrid::source_of(*resource()), "bench", std::move(properties), 0,
                                                      eventgrid::EventSubscriptionService::Proof::kTrusted));
    key_ = written.subscription->row.key;
  }
  /// Cheaper than activity(), which asks the database.
  std::int64_t cursor() {
    const auto status = runtime_->delivery().status(*resource()->database, key_);
    return status ? status->cursor : 0;
  }
  eventgrid::SubscriptionActivity activity() {
    auto& service = runtime_->event_subscriptions();
    return service.activity(*service.get(eventgrid::source_of(*resource()), "bench"));
  }

 private:
  const std::filesystem::path directory_;
  std::unique_ptr<Runtime> runtime_;
  std::int64_t key_ = 0;  // of the subscription
};

int deliver(const std::string& url, int events, int connections) {
  TemporaryRuntime runtime("{connections_per_endpoint: " + std::to_string(connections) + "}");
  runtime.fill(0, events);
  const std::int64_t last = (*runtime).events().last_sequence(*runtime.resource()->database, runtime.resource()->key);
  const auto start = Steady::now();
  runtime.subscribe(url);
  while (runtime.cursor() < last && seconds_since(start) < 120) usleep(2000);
  const double seconds = seconds_since(start);
  const eventgrid::SubscriptionActivity now = runtime.activity();
  if (now.cursor < last || now.retrying + now.dropped > 0) {
    std::fprintf(stderr, "not everything was delivered: at %lld of %lld, %lld to be tried again\n",
                 static_cast<long long>(now.cursor), static_cast<long long>(last), static_cast<long long>(now.retrying));
    return 1;
  }
  std::printf("%.0f\n", events / seconds);
  return 0;
}

/// Filters as applications have them: by type, by subject, by a value in the data.
events::FilterSpec filter_of(int number) {
  events::FilterSpec spec;
  switch (number % 4) {
    case 0:
      spec.types = std::vector<std::string>{"Contoso.Type" + std::to_string(number)};
      break;
    case 1:
      spec.subject_begins_with = "/customer/" + std::to_string(number) + "/";
      break;
    case 2:
      spec.types = std::vector<std::string>{"Microsoft.Communication.SMSReceived"};
      spec.advanced.push_back(
          {events::FilterOperator::kStringIn, "data.to", {"+1425" + std::to_string(1000000 + number)}, {}, false});
      break;
    default:
      spec.types = std::vector<std::string>{"Microsoft.Communication.SMSReceived"};
      spec.subject_begins_with = "/phonenumber/1" + std::to_string(4250000000 + number);
  }
  return spec;
}

int match() {
  std::printf("%13s %9s %14s %12s\n", "subscriptions", "matches", "ns per event", "evaluations");
  const auto measure = [](int others, int matching) {
    events::FilterIndex index;
    for (int i = 0; i < others; ++i)
      index.add(static_cast<std::uint64_t>(i), std::make_shared<const events::CompiledFilter>(filter_of(i)));
    for (int i = 0; i < matching; ++i) {
      events::FilterSpec spec;
      spec.types = std::vector<std::string>{"Microsoft.Communication.SMSReceived"};
      spec.subject_begins_with = "/phonenumber/14255550100";
      index.add(static_cast<std::uint64_t>(1'000'000 + i), std::make_shared<const events::CompiledFilter>(std::move(spec)));
    }
    Event event;
    event.type = "Microsoft.Communication.SMSReceived";
    event.subject = "/phonenumber/14255550100";
    event.data = R"({"to":"+14255550100","from":"+14255550123","message":"hello"})";
    std::vector<events::FilterIndex::Id> out;
    const int rounds = 20'000;
    const std::uint64_t before = index.evaluations();
    const auto start = Steady::now();
    for (int i = 0; i < rounds; ++i) {
      out.clear();
      const events::EventView view(event);
      index.match(view, out);
      if (out.size() != static_cast<std::size_t>(matching)) std::abort();
    }
    const double ns = seconds_since(start) * 1e9 / rounds;
    std::printf("%13d %9d %14.0f %12.1f\n", others + matching, matching, ns,
                static_cast<double>(index.evaluations() - before) / rounds);
    return ns;
  };
  const double few = measure(10, 1);
  for (const int others : {100, 1'000}) measure(others, 1);
  const double many = measure(10'000, 1);
  for (const int matching : {10, 100}) measure(10'000, matching);
  std::printf("10,000 subscriptions cost %.2f times what 10 cost\n", many / few);
  return 0;
}

double raw_rate(const std::filesystem::path& directory, const Resource& resource, int events) {
  std::filesystem::create_directories(directory);
  sqlite3* db = nullptr;
  sqlite3_open((directory / "floor.db").c_str(), &db);
  const auto run = [&](const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      std::fprintf(stderr, "%s\n", sqlite3_errmsg(db));
      std::exit(1);
    }
  };
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  for (const store::Migration& step : event_migrations()) run(step.sql);
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(
      db,
      "INSERT INTO events (resource_key, id, type, subject, topic, time_unix_us, data_version, data) VALUES (1, ?, ?, "
      "?, ?, ?, '1.0', ?)",
      -1, &insert, nullptr);
  const auto text = [&](int at, const std::string& value) {
    sqlite3_bind_text(insert, at, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
  };
  const auto start = Steady::now();
  for (int i = 0; i < events; i += kBatch) {
    run("BEGIN IMMEDIATE");
    for (int j = i; j < i + kBatch; ++j) {
      const NewEvent event = event_of(resource, j, Time{});
      text(1, event.id);
      text(2, event.type);
      text(3, event.subject);
      text(4, event.topic);
      sqlite3_bind_int64(insert, 5, j);
      text(6, event.data);
      if (sqlite3_step(insert) != SQLITE_DONE) std::exit(1);
      sqlite3_reset(insert);
    }
    run("COMMIT");
  }
  const double rate = events / seconds_since(start);
  sqlite3_finalize(insert);
  sqlite3_close(db);
  std::filesystem::remove_all(directory);
  return rate;
}

int publish() {
  constexpr int kEvents = 25'600, kInFlight = 256;
  for (int round = 0; round < 3; ++round) {
    // Before the runtime, which waits for the last completion when it closes.
    std::atomic<int> started{0}, finished{0};
    std::function<void()> next;
    TemporaryRuntime runtime;
    const ResourcePtr resource = runtime.resource();
    const double floor = raw_rate(std::filesystem::temp_directory_path() / ("trunkline-events-floor-" + std::to_string(getpid())),
                                  *resource, kEvents);
    next = [&] {
      const int number = started.fetch_add(1);
      if (number >= kEvents) return;
      spawn(
          (*runtime).events().publish(*resource->database, resource->key, event_of(*resource, number, (*runtime).clock().now())),
          [&](const Result<std::int64_t>& result) {
            if (!result.ok()) std::abort();
            if (finished.fetch_add(1) + 1 == kEvents) finished.notify_one();
            next();
          });
    };
    const auto start = Steady::now();
    for (int i = 0; i < kInFlight; ++i) next();
    for (int now = finished; now < kEvents; now = finished) finished.wait(now);
    const double rate = kEvents / seconds_since(start);
    std::printf("published %8.0f events/s, raw group commits %8.0f events/s, ratio %.2f (goal 0.60)\n", rate, floor,
                rate / floor);
  }
  return 0;
}

double resident_mb() {
  std::ifstream status("/proc/self/statm");
  long total = 0, resident = 0;
  status >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

int backlog(int events) {
  // Nobody listens on port 9 (discard) of this machine.
  TemporaryRuntime runtime("{retry_schedule: [1h], max_events: 0, max_size_mb: 0}");
  runtime.subscribe("http://127.0.0.1:9/");
  const double empty = resident_mb();
  double most = empty;
  const int step = std::max(events / 10, 1);
  for (int done = 0; done < events; done += step) {
    runtime.fill(done, step);
    most = std::max(most, resident_mb());
    std::printf("%9d events wait: %.0f MB\n", done + step, resident_mb());
  }
  std::printf("%.0f MB with none, at most %.0f MB with up to %d\n", empty, most, events);
  return 0;
}

}  // namespace

int main(int count, char** given) {
  const std::string what = count > 1 ? given[1] : "";
  if (what == "deliver" && count == 5) return deliver(given[2], std::atoi(given[3]), std::atoi(given[4]));
  if (what == "match") return match();
  if (what == "publish") return publish();
  if (what == "backlog") return backlog(count > 2 ? std::atoi(given[2]) : 1'000'000);
  std::fprintf(stderr, "usage: bench_events deliver URL EVENTS CONNECTIONS | match | publish | backlog [EVENTS]\n");
  return 2;
}
