// A process that runs workflows until they have all ended, to be killed meanwhile; driven by test_workflow_kill.py.
// usage: workflow_worker FOLDER URL RUNS; prints one JSON object a run when all have ended: {id, status, total, child, posts}.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/net/http_client.h"
#include "runtime/store/sqlite_store.h"

using namespace trunkline;

namespace {

constexpr const char* kHead =
    R"j({"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#","contentVersion":"1.0.0.0","triggers":{"manual":{"type":"Request","correlation":{"clientTrackingId":"@triggerBody()['id']"}}},"actions":)j";

std::string parent_flow(const std::string& url) {
  return std::string(kHead) + R"j({
"Total":{"type":"InitializeVariable","inputs":{"variables":[{"name":"total","type":"Integer","value":0}]}},
"Each":{"type":"Foreach","foreach":[1,2,3],"runAfter":{"Total":["Succeeded"]},"actions":{
  "Get":{"type":"Http","inputs":{"method":"GET","uri":")j" +
         url + R"j(/value/@{item()}","retryPolicy":{"type":"fixed","count":50,"interval":"PT1S"}}},
  "Add":{"type":"IncrementVariable","inputs":{"name":"total","value":"@body('Get')['value']"},"runAfter":{"Get":["Succeeded"]}}}},
"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Second"}},"runAfter":{"Each":["Succeeded"]}},
"Post":{"type":"Http","inputs":{"method":"POST","uri":")j" +
         url + R"j(/post","body":{"id":"@triggerBody()['id']","total":"@variables('total')"},
  "retryPolicy":{"type":"fixed","count":50,"interval":"PT1S"}},"runAfter":{"Pause":["Succeeded"]}},
"Child":{"type":"Workflow","inputs":{"host":{"triggerName":"manual","workflow":{"id":"child"}},"body":{"id":"@triggerBody()['id']","n":"@variables('total')"}},
  "runAfter":{"Post":["Succeeded"]}},
"Again":{"type":"Until","expression":"@greaterOrEquals(variables('total'),10)","limit":{"count":20},"runAfter":{"Child":["Succeeded"]},"actions":{
  "Nap":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Second"}}},
  "More":{"type":"IncrementVariable","inputs":{"name":"total","value":2},"runAfter":{"Nap":["Succeeded"]}}}},
"Result":{"type":"Compose","inputs":{"total":"@variables('total')","child":"@body('Child')"},"runAfter":{"Again":["Succeeded"]}}},"outputs":{}})j";
}

std::string child_flow() {
  return std::string(kHead) + R"j({"Nap":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Second"}}},
"Reply":{"type":"Response","inputs":{"body":"@mul(triggerBody()['n'],2)"},"runAfter":{"Nap":["Succeeded"]}}},"outputs":{}})j";
}

struct World {
  explicit World(const std::string& folder)
      : log({.level = LogLevel::kError}),
        executor(2),
        clock(executor, Clock::Mode::kReal),
        store(store::make_sqlite_store({.directory = folder}, log, metrics, executor, clock)),
        http(executor),
        service({executor, clock, log, metrics, ids, *store, http}, patient()) {
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

  /// The test waits for retries in real time.
  static flows::ServiceOptions patient() {
    flows::ServiceOptions out;
    out.plan.min_retry_interval = std::chrono::seconds{1};
    return out;
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int wanted = std::atoi(argv[3]);
  World world(argv[1]);
  const auto deploy = [&](const char* name, const std::string& text) {
    flows::WorkflowSpec spec;
    spec.name = name;
    spec.definition = text;
    return sync_wait(world.service.deploy(std::move(spec)));
  };
  const flows::WorkflowPtr child = deploy("child", child_flow());
  const flows::WorkflowPtr parent = deploy("parent", parent_flow(argv[2]));
  flows::RunFilter all;
  all.limit = SIZE_MAX;
  std::set<std::string> known;
  for (const flows::RunRow& row : world.service.runs(*parent, all)) known.insert(row.client_tracking_id);
  std::printf("ready\n");
  std::fflush(stdout);
  for (int i = 0; i < wanted; ++i) {
    const std::string id = "run-" + std::to_string(i);
    if (known.contains(id)) continue;
    flows::TriggerCall call;
    call.headers.set("Content-Type", "application/json");
    call.body = R"j({"id":")j" + id + "\"}";
    const net::Response response = sync_wait(world.service.call_trigger(parent, "manual", std::move(call)));
    if (response.status != 202) return 1;
  }
  for (const flows::RunRow& row : world.service.runs(*parent, all)) {
    const flows::RunRow ended = sync_wait(world.service.wait(parent, row.name()));
    const flows::RunView view = world.service.view(parent, ended.name());
    flows::Value out{{"id", ended.client_tracking_id}, {"status", workflow::to_text(ended.status)}};
    if (const auto result = view.action("Result"); result && result->outputs) out["result"] = *result->outputs;
    out["iterations"] = view.action("Again")->iterations.value_or(0);
    std::printf("%s\n", expression::to_json_text(out).c_str());
  }
  std::printf("children %zu\n", world.service.runs(*child, all).size());
  return 0;
}
