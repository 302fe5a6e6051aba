// The workflow engine. One measurement a run:
//   bench_workflow serve FOLDER|stateless [threads]   the peers' flow behind HTTP (POST /order), for a load generator; prints the
//   port bench_workflow bare [threads]                     the same server without an engine: it answers with the body it got
//   bench_workflow direct FOLDER|stateless RUNS       runs a second without HTTP
//   bench_workflow waits FOLDER RUNS                  so many runs that wait on a delay: memory, and what waking them costs
//   bench_workflow foreach FOLDER ITEMS               a loop over so many items, and over twice as many: time and memory
//   bench_workflow resume FOLDER ITEMS                a run with a loop over so many items behind it is taken up after a restart
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <optional>
#include <string>

#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/net/http_client.h"
#include "runtime/net/http_server.h"
#include "runtime/store/sqlite_store.h"

namespace {

using namespace trunkline;
using Steady = std::chrono::steady_clock;

constexpr const char* kSchema =
    R"j("$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#","contentVersion":"1.0.0.0")j";

/// Compose, a condition, a loop over 10 items that sets variables, a Response: what the peers run.
std::string order_flow() {
  return std::string("{") + kSchema + R"j(,"triggers":{"manual":{"type":"Request","kind":"Http"}},"actions":{
"Lines":{"type":"InitializeVariable","inputs":{"variables":[{"name":"lines","type":"Array","value":[]}]},"runAfter":{}},
"Total":{"type":"InitializeVariable","inputs":{"variables":[{"name":"total","type":"Float","value":0}]},"runAfter":{"Lines":["Succeeded"]}},
"Head":{"type":"Compose","inputs":{"id":"@triggerBody()['orderId']","customer":"@triggerBody()['customer']"},"runAfter":{"Total":["Succeeded"]}},
"Rush":{"type":"If","expression":{"equals":["@triggerBody()['priority']","high"]},
  "actions":{"Is_rush":{"type":"Compose","inputs":true}},"else":{"actions":{"No_rush":{"type":"Compose","inputs":false}}},"runAfter":{"Head":["Succeeded"]}},
"Each":{"type":"Foreach","foreach":"@triggerBody()['items']","actions":{
  "Line":{"type":"Compose","inputs":{"sku":"@toUpper(item()['sku'])","total":"@mul(item()['qty'],item()['price'])"}},
  "Keep":{"type":"AppendToArrayVariable","inputs":{"name":"lines","value":"@outputs('Line')"},"runAfter":{"Line":["Succeeded"]}},
  "Add":{"type":"IncrementVariable","inputs":{"name":"total","value":"@outputs('Line')['total']"},"runAfter":{"Keep":["Succeeded"]}}},
  "operationOptions":"Sequential","runAfter":{"Rush":["Succeeded"]}},
"Reply":{"type":"Response","inputs":{"statusCode":200,"body":{"id":"@outputs('Head')['id']","customer":"@outputs('Head')['customer']",
  "rush":"@coalesce(outputs('Is_rush'),outputs('No_rush'))","count":"@length(variables('lines'))","total":"@variables('total')","lines":"@variables('lines')"}},
  "runAfter":{"Each":["Succeeded"]}}},"outputs":{}})j";
}

std::string order() {
  std::string items;
  for (int i = 0; i < 10; ++i)
    items += (i == 0 ? "" : ",") + std::string(R"j({"sku":"s)j") + std::to_string(i) + R"j(","qty":)j" + std::to_string(i + 1) +
             R"j(,"price":)j" + std::to_string(i + 1) + ".5}";
  return R"j({"orderId":"A-1001","customer":"c42","priority":"high","items":[)j" + items + "]}";
}

std::string flow(const std::string& actions) {
  return std::string("{") + kSchema + R"j(,"triggers":{"manual":{"type":"Request","kind":"Http"}},"actions":)j" + actions +
         R"j(,"outputs":{}})j";
}

double seconds_since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

double rss_mib() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0, resident = 0;
  statm >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
  return 0;
}

struct World {
  World(const std::string& folder, unsigned threads, Clock::Mode mode)
      : log({.level = LogLevel::kError}),
        executor(threads),
        clock(executor, mode),
        store(store::make_sqlite_store(options(folder), log, metrics, executor, clock)),
        http(executor),
        service({executor, clock, log, metrics, ids, *store, http}, settings()) {
    for (store::Database* database : store->all()) database->migrate(flows::workflow_migrations());
    service.load();
    service.start();
  }
  ~World() {
    service.stop();
    http.stop();
    clock.stop();
    for (store::Database* database : store->all()) database->flush();
    executor.work().wait_idle();
    executor.stop();
  }
  static store::StoreOptions options(const std::string& folder) {
    store::StoreOptions out;
    out.memory = folder == "stateless";
    out.directory = folder;
    return out;
  }
  static flows::ServiceOptions settings() {
    flows::ServiceOptions out;
    out.engine.retention = Duration{0};
    return out;
  }
  flows::WorkflowPtr deploy(const std::string& definition, bool stateless) {
    flows::WorkflowSpec spec;
    spec.name = "bench";
    spec.definition = definition;
    spec.kind = stateless ? flows::WorkflowKind::kStateless : flows::WorkflowKind::kStateful;
    return sync_wait(service.deploy(std::move(spec)));
  }

  Log log;
  Metrics metrics;
  IdSource ids;
  Executor executor;
  Clock clock;
  std::unique_ptr<store::Store> store;
  net::HttpClient http;
  flows::WorkflowService service;
};

flows::TriggerCall call_with(std::string body) {
  flows::TriggerCall call;
  call.headers.set("Content-Type", "application/json");
  call.body = std::move(body);
  return call;
}

void serve_until_end(net::HttpServer& server) {
  std::printf("%d\n", server.start().http);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server.stop();
}

int serve(const std::string& folder, unsigned threads) {
  World world(folder, threads, Clock::Mode::kReal);
  const flows::WorkflowPtr workflow = world.deploy(order_flow(), folder == "stateless");
  net::HttpServer server(world.executor, world.clock, world.log, {}, [&](net::Request& request) -> Task<net::Response> {
    flows::TriggerCall call = call_with(std::move(request.body));
    co_return co_await world.service.call_trigger(workflow, "manual", std::move(call));
  });
  serve_until_end(server);
  return 0;
}

int bare(unsigned threads) {
  World world("stateless", threads, Clock::Mode::kReal);
  net::HttpServer server(world.executor, world.clock, world.log, {}, [](net::Request& request) -> Task<net::Response> {
    net::Response response;
    response.body = std::move(request.body);
    co_return response;
  });
  serve_until_end(server);
  return 0;
}

int direct(const std::string& folder, int runs) {
  World world(folder, 2, Clock::Mode::kReal);
  const flows::WorkflowPtr workflow = world.deploy(order_flow(), folder == "stateless");
  constexpr int kAtOnce = 32;
  std::atomic<int> left{runs};
  std::atomic<int> failed{0};
  std::latch done(kAtOnce);
  const auto loop = [&]() -> Task<void> {
    while (left.fetch_sub(1) > 0) {
      flows::TriggerCall call = call_with(order());
      const net::Response response = co_await world.service.call_trigger(workflow, "manual", std::move(call));
      if (response.status != 200) failed.fetch_add(1);
    }
  };
  const auto start = Steady::now();
  for (int i = 0; i < kAtOnce; ++i) world.executor.post([&] { spawn(loop(), [&](const Result<void>&) { done.count_down(); }); });
  done.wait();
  const double seconds = seconds_since(start);
  std::printf("%.0f runs/s %s (%d failed), peak %.0f MiB\n", runs / seconds, folder == "stateless" ? "stateless" : "durable",
              failed.load(), peak_mib());
  return failed.load() == 0 ? 0 : 1;
}

int waits(const std::string& folder, int runs) {
  World world(folder, 2, Clock::Mode::kVirtual);
  const flows::WorkflowPtr workflow =
      world.deploy(flow(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}},
        "Then":{"type":"Compose","inputs":"@triggerBody()","runAfter":{"Pause":["Succeeded"]}}})j"),
                   false);
  const double before = rss_mib();
  constexpr int kAtOnce = 256;
  std::atomic<int> left{runs};
  std::latch done(kAtOnce);
  const auto loop = [&]() -> Task<void> {
    while (left.fetch_sub(1) > 0) {
      flows::TriggerCall call = call_with(R"j({"n":1})j");
      const net::Response response = co_await world.service.call_trigger(workflow, "manual", std::move(call));
      if (response.status != 202) std::abort();
    }
  };
  auto start = Steady::now();
  for (int i = 0; i < kAtOnce; ++i) world.executor.post([&] { spawn(loop(), [&](const Result<void>&) { done.count_down(); }); });
  done.wait();
  const double starting = seconds_since(start);
  const double waiting = rss_mib();
  const std::size_t loaded = world.service.engine().loaded_runs();
  start = Steady::now();
  world.clock.advance(std::chrono::hours{2});
  const double waking = seconds_since(start);
  const double peak = peak_mib();  // before all of them are listed here
  flows::RunFilter filter;
  filter.limit = SIZE_MAX;
  filter.status = workflow::Status::kSucceeded;
  const std::size_t ended = world.service.runs(*workflow, filter).size();
  std::printf(
      "%d waiting runs: %.1f us each to start, memory +%.1f MiB (%zu loaded), %.1f us each to wake and end, %zu ended, peak %.0f "
      "MiB\n",
      runs, starting * 1e6 / runs, waiting - before, loaded, waking * 1e6 / runs, ended, peak);
  return ended == static_cast<std::size_t>(runs) ? 0 : 1;
}

int foreach_items(const std::string& folder, int items) {
  double first = 0;
  for (const int count : {items / 2, items}) {
    World world(folder + "-" + std::to_string(count), 2, Clock::Mode::kReal);
    const flows::WorkflowPtr workflow =
        world.deploy(flow(R"j({"N":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"Integer","value":0}]}},
          "Each":{"type":"Foreach","foreach":"@range(1,)j" +
                          std::to_string(count) + R"j()","actions":{
             "Double":{"type":"Compose","inputs":"@mul(item(),2)"},
             "Add":{"type":"IncrementVariable","inputs":{"name":"n","value":"@outputs('Double')"},"runAfter":{"Double":["Succeeded"]}}},
             "runAfter":{"N":["Succeeded"]}},
          "Reply":{"type":"Response","inputs":{"body":"@variables('n')"},"runAfter":{"Each":["Succeeded"]}}})j"),
                     false);
    const double before = rss_mib();
    const auto start = Steady::now();
    flows::TriggerCall call = call_with("{}");
    const net::Response response = sync_wait(world.service.call_trigger(workflow, "manual", std::move(call)));
    const double seconds = seconds_since(start);
    const std::string wanted = std::to_string(static_cast<long long>(count) * (count + 1));
    if (response.body != wanted) {
      std::printf("wrong answer %s, wanted %s\n", response.body.c_str(), wanted.c_str());
      return 1;
    }
    std::printf("%d items: %.2f s, %.2f us an item, memory +%.1f MiB, peak %.0f MiB%s\n", count, seconds, seconds * 1e6 / count,
                rss_mib() - before, peak_mib(),
                first > 0 ? (", " + std::to_string(seconds / first) + " times the half").c_str() : "");
    first = seconds;
  }
  return 0;
}

int resume(const std::string& folder, int items) {
  {
    World world(folder, 2, Clock::Mode::kVirtual);
    const flows::WorkflowPtr workflow =
        world.deploy(flow(R"j({"N":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"Integer","value":0}]}},
          "Each":{"type":"Foreach","foreach":"@range(1,)j" +
                          std::to_string(items) + R"j()","actions":{
             "Add":{"type":"IncrementVariable","inputs":{"name":"n","value":"@item()"}}},"runAfter":{"N":["Succeeded"]}},
          "Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}},"runAfter":{"Each":["Succeeded"]}},
          "Then":{"type":"Compose","inputs":"@variables('n')","runAfter":{"Pause":["Succeeded"]}}})j"),
                     false);
    flows::TriggerCall call = call_with("{}");
    if (sync_wait(world.service.call_trigger(workflow, "manual", std::move(call))).status != 202) return 1;
    world.clock.advance(Duration{0});
  }
  World world(folder, 2, Clock::Mode::kVirtual);
  const flows::WorkflowPtr workflow = world.service.get("bench");
  flows::RunFilter all;
  const std::string run = world.service.runs(*workflow, all).front().name();
  const double before = rss_mib();
  auto start = Steady::now();
  world.clock.advance(std::chrono::hours{2});
  const double seconds = seconds_since(start);
  start = Steady::now();
  const flows::RunView view = world.service.view(workflow, run);
  const double looking = seconds_since(start);
  std::printf(
      "a run of %llu events: %.2f s to take it up and end it (%.2f us an event), %.2f s to look at it whole, memory +%.1f MiB\n",
      static_cast<unsigned long long>(view.state().events()), seconds, seconds * 1e6 / static_cast<double>(view.state().events()),
      looking, rss_mib() - before);
  return view.row().status == workflow::Status::kSucceeded ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int at, int fallback) { return argc > at ? std::atoi(argv[at]) : fallback; };
  if (mode == "serve" && argc > 2) return serve(argv[2], static_cast<unsigned>(number(3, 0)));
  if (mode == "bare") return bare(static_cast<unsigned>(number(2, 0)));
  if (mode == "direct" && argc > 3) return direct(argv[2], number(3, 10'000));
  if (mode == "waits" && argc > 3) return waits(argv[2], number(3, 1'000'000));
  if (mode == "foreach" && argc > 3) return foreach_items(argv[2], number(3, 100'000));
  if (mode == "resume" && argc > 3) return resume(argv[2], number(3, 50'000));
  std::fprintf(stderr, "usage: bench_workflow serve|bare|direct|waits|foreach|resume …\n");
  return 2;
}
