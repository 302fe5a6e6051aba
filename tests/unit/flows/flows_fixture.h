// A workflow service on a virtual clock, with HTTP answers by script.
#pragma once
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/time_text.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/store/sqlite_store.h"

namespace trunkline::flows {

/// Answers as `script` says, at once; a null answer never comes.
class FakeSender final : public net::HttpSender {
 public:
  using Script = std::function<std::optional<Result<net::ClientResponse>>(const net::ClientRequest&)>;
  explicit FakeSender(Executor& executor) : executor_(executor) {}
  void start_send(net::ClientRequest request, UniqueFunction<void(Result<net::ClientResponse>)> done) override {
    std::optional<Result<net::ClientResponse>> answer = Result<net::ClientResponse>(net::ClientResponse{200, {}, ""});
    if (forward != nullptr) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      // The clock stands still until the answer is there.
      auto work = std::make_shared<WorkGuard>(executor_.work());
      forward->start_send(std::move(request), [this, work, done = std::move(done)](Result<net::ClientResponse> result) mutable {
        executor_.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
      });
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      if (script) answer = script(request);
      requests_.push_back(request);
      if (!answer) {
        held_.push_back(std::move(done));
        return;
      }
    }
    executor_.post([done = std::move(done), answer = std::move(*answer)]() mutable { done(std::move(answer)); });
  }
  std::vector<net::ClientRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// Answers all that a script left without an answer.
  void answer_held(const net::ClientResponse& response) {
    std::vector<UniqueFunction<void(Result<net::ClientResponse>)>> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (auto& done : held)
      executor_.post([done = std::move(done), response]() mutable { done(Result<net::ClientResponse>(response)); });
  }
  Script script;
  /// Who sends them instead; null: nobody.
  net::HttpSender* forward = nullptr;

 private:
  Executor& executor_;
  mutable std::mutex mutex_;
  std::vector<net::ClientRequest> requests_;
  std::vector<UniqueFunction<void(Result<net::ClientResponse>)>> held_;
};

inline net::ClientResponse json_answer(int status, std::string body) {
  net::ClientResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

inline std::string definition(const std::string& actions,
                              const std::string& triggers = R"j({"manual":{"type":"Request","kind":"Http"}})j",
                              const std::string& more = "") {
  return R"j({"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
"contentVersion":"1.0.0.0","triggers":)j" +
         triggers + R"j(,"actions":)j" + actions + more + "}";
}

class FlowsTest : public ::testing::Test {
 protected:
  /// Everything that a process has; ending it and making another is a restart.
  struct Life {
    Life(const std::string& folder, Time start, const ServiceOptions& options, const FakeSender::Script& script)
        : log(quiet()),
          executor(2),
          clock(executor, Clock::Mode::kVirtual, start),
          store(store::make_sqlite_store(store_options(folder), log, metrics, executor, clock)),
          http(executor),
          service({executor, clock, log, metrics, ids, *store, http}, options) {
      http.script = script;
      for (store::Database* database : store->all()) database->migrate(workflow_migrations());
      service.load();
    }
    ~Life() {
      service.stop();
      clock.stop();
      for (store::Database* database : store->all()) database->flush();
      executor.work().wait_idle();
      executor.stop();
    }
    static LogOptions quiet() {
      LogOptions out;
      out.level = LogLevel::kOff;
      return out;
    }
    static store::StoreOptions store_options(const std::string& folder) {
      store::StoreOptions out;
      out.memory = folder.empty();
      out.directory = folder;
      return out;
    }

    Log log;
    Metrics metrics;
    IdSource ids{7};
    Executor executor;
    Clock clock;
    std::unique_ptr<store::Store> store;
    FakeSender http;
    WorkflowService service;
  };

  void open(bool on_disk = false) {
    if (on_disk && folder_.empty()) {
      folder_ = (std::filesystem::temp_directory_path() / ("flows-test-" + std::to_string(::getpid()) + "-" +
                                                           ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                    .string();
      std::filesystem::remove_all(folder_);
    }
    life_ = std::make_unique<Life>(folder_, now_, options_, script_);
    for (ActionPort* port : ports_) life_->service.add_port(*port);
    life_->service.start();
    settle();
  }
  /// As after a crash: nothing is told that it ends.
  void restart() {
    now_ = life_->clock.now();
    life_.reset();
    open(true);
  }
  void TearDown() override {
    life_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  WorkflowService& service() { return life_->service; }
  void settle() { life_->clock.advance(Duration{0}); }
  void advance(Duration by) { life_->clock.advance(by); }
  WorkflowPtr deploy(const std::string& text, const std::string& name = "flow", WorkflowKind kind = WorkflowKind::kStateful) {
    WorkflowSpec spec;
    spec.name = name;
    spec.definition = text;
    spec.kind = kind;
    return sync_wait(service().deploy(std::move(spec)));
  }
  static TriggerCall json_call(std::string body) {
    TriggerCall call;
    if (!body.empty()) call.headers.set("Content-Type", "application/json");
    call.body = std::move(body);
    return call;
  }
  /// Calls the trigger and does not wait for the answer.
  std::shared_ptr<std::optional<net::Response>> start(const WorkflowPtr& workflow, const std::string& body = "{}") {
    auto out = std::make_shared<std::optional<net::Response>>();
    spawn(service().call_trigger(workflow, workflow->version->plan->triggers.front().name, json_call(body)),
          [out](Result<net::Response> result) {
            if (result.ok()) *out = std::move(result).value();
          });
    settle();
    return out;
  }
  net::Response call(const WorkflowPtr& workflow, const std::string& body = "{}") {
    return sync_wait(service().call_trigger(workflow, workflow->version->plan->triggers.front().name, json_call(body)));
  }
  std::vector<RunRow> runs(const WorkflowPtr& workflow) {
    RunFilter all;
    all.limit = 1'000;
    std::vector<RunRow> out = service().runs(*workflow, all);
    std::reverse(out.begin(), out.end());
    return out;
  }
  RunView last_view(const WorkflowPtr& workflow) { return service().view(workflow, runs(workflow).back().name()); }
  workflow::Status status_of(const RunView& view, const char* action) { return view.action(action)->status; }

  std::string folder_;
  Time now_{std::chrono::seconds{1'772'438'400}};  // 2026-03-02T08:00:00Z
  ServiceOptions options_;
  FakeSender::Script script_;
  std::vector<ActionPort*> ports_;
  std::unique_ptr<Life> life_;
};

}  // namespace trunkline::flows
