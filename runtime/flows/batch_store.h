// Messages that wait in batches until enough of them are there.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

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

 private:
  struct Place {
    WorkflowPtr workflow;
    const workflow::Trigger* trigger = nullptr;
    const workflow::BatchCriteria* criteria = nullptr;
    std::string partition;
  };
  void look(const Place& place, bool by_time);
  void arm(const Place& place);

  Engine& engine_;
  WorkflowService& service_;
  std::mutex mutex_;
  std::map<std::string, bool> armed_;  // partitions whose time runs
};

}  // namespace trunkline::flows
