// Messages that wait in batches until enough of them are there.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/flows/action_port.h"
#include "runtime/flows/engine.h"

namespace trunkline::flows {

class WorkflowService;

/// SendToBatch puts them in, Batch triggers get them out; each is a row until the run that has it is on disk. [any-thread]
class BatchStore final : public ActionPort {
 public:
  BatchStore(Engine& engine, WorkflowService& service) : engine_(engine), service_(service) {}

  bool handles(const ActionCall& call) const override;
  bool repeats_safely(const ActionCall&) const override { return false; }
  void run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) override;
  /// Looks after the messages that wait for a workflow: those that a restart, or the time for which it was disabled, left behind.
  void resume(const WorkflowPtr& workflow);
  /// Nothing is released by time any more. Idempotent.
  void stop();

 private:
  struct Place {
    WorkflowPtr workflow;
    const workflow::Trigger* trigger = nullptr;
    const workflow::BatchCriteria* criteria = nullptr;
    std::string partition;
  };
  /// Releases what fulfils a criterion; else sees to it that somebody looks again in time.
  void look(const Place& place);
  void arm(const Place& place, Time due);
  static Place find_place(const WorkflowPtr& workflow, std::string_view trigger, std::string_view batch, std::string partition);

  Engine& engine_;
  WorkflowService& service_;
  std::mutex mutex_;
  struct Armed {
    Time due;
    Clock::TimerId timer = 0;  // 0: it is being made
  };
  std::map<std::string, Armed> armed_;  // partitions whose time runs
  bool stopped_ = false;
};

}  // namespace trunkline::flows
