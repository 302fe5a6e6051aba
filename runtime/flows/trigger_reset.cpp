// Of triggers: what one remembers is forgotten, or taken over from another one.
#include "runtime/flows/armed_trigger.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline::flows {

Task<void> Triggers::reset(WorkflowPtr workflow, std::string name, std::optional<TriggerRow> row) {
  const workflow::Trigger* trigger = workflow->version->plan->find_trigger(name);
  if (trigger == nullptr) co_return;
  std::shared_ptr<Armed> armed;
  bool subscribed = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = armed_.find(key_of(*workflow, trigger->name));
    if (found != armed_.end()) {
      armed = std::move(found->second);
      armed_.erase(found);
      subscribed = armed->subscribed;
    }
  }
  if (armed && armed->timer != 0) service_.parts_.clock.cancel(armed->timer);
  if (subscribed) co_await unsubscribe(armed);
  const bool restored = row.has_value();
  if (row) row->name = trigger->name;
  auto work = [key = workflow->key, own = trigger->name, row = std::move(row)](store::Session& session) {
    records::remove_trigger(session, key, own);
    if (row) records::put_trigger(session, key, *row);
  };
  co_await workflow->database->write(std::move(work));
  if (workflow->enabled) arm(workflow, *trigger, restored);
}

Task<void> WorkflowService::reset_trigger(WorkflowPtr workflow, std::string trigger, WorkflowPtr from, std::string source) {
  std::optional<TriggerRow> row;
  if (from) {
    row.emplace();
    from->database->read([&](store::Session& session) {
      for (TriggerRow& one : records::triggers(session, from->key))
        if (iequals(one.name, source)) row = std::move(one);
    });
  }
  co_await triggers_->reset(workflow, std::move(trigger), std::move(row));
}

}  // namespace trunkline::flows
