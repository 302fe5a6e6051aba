#include "runtime/flows/batch_store.h"

#include <algorithm>

#include "runtime/base/unix_time.h"
#include "runtime/flows/firing.h"
#include "runtime/flows/member_text.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {
namespace {

using store::Session;
using store::Statement;

/// After a release by which messages may be left.
constexpr Duration kLookAgain = std::chrono::seconds{10};

}  // namespace

bool BatchStore::handles(const ActionCall& call) const { return call.action->type == workflow::ActionType::kSendToBatch; }

void BatchStore::run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) {
  const Value& inputs = *call.inputs;
  const Value host = inputs.contains("host") ? inputs["host"] : Value::object();
  const std::string id = text_of(host.contains("workflow") ? host["workflow"] : Value::object(), "id");
  Place place;
  place.workflow = service_.find(id);
  const workflow::Plan* plan = place.workflow && place.workflow->version ? place.workflow->version->plan.get() : nullptr;
  const std::string trigger_name = text_of(host, "triggerName");
  if (plan != nullptr)
    for (const workflow::Trigger& trigger : plan->triggers)
      if (trigger.type == workflow::TriggerType::kBatch && (trigger_name.empty() || iequals(trigger.name, trigger_name)))
        place.trigger = &trigger;
  if (place.trigger == nullptr) {
    done(ActionAnswer::failed("NotFound", "WorkflowTriggerNotFound",
                              "There is no Batch trigger '" + trigger_name + "' in the workflow '" + id + "'."));
    return;
  }
  const std::string batch = text_of(inputs, "batchName");
  for (const workflow::BatchCriteria& criteria : place.trigger->batches)
    if (iequals(criteria.name, batch) || (batch.empty() && place.trigger->batches.size() == 1)) place.criteria = &criteria;
  if (place.criteria == nullptr) {
    done(ActionAnswer::failed("NotFound", "BatchNotFound",
                              "The Batch trigger '" + place.trigger->name + "' has no batch '" + batch + "'."));
    return;
  }
  place.partition = text_of(inputs, "partitionName");
  if (place.partition.empty()) place.partition = "DEFAULT";
  std::string message_id = text_of(inputs, "messageId");
  if (message_id.empty()) message_id = call.idempotency_key;
  std::string content = expression::to_json_text(inputs.contains("content") ? inputs["content"] : Value());
  const std::int64_t now_us = engine_.parts().clock.now_unix_us();
  auto shared = std::make_shared<UniqueFunction<void(ActionAnswer)>>(std::move(done));
  place.workflow->database->write(
      [place, message_id, content, now_us](Session& session) {
        static const Statement kInsert{
            "INSERT INTO workflow_batch_items (workflow_key, trigger_name, batch, partition_name, message_id, content, "
            "created_unix_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)"};
        session.execute(kInsert, {place.workflow->key, place.trigger->name, place.criteria->name, place.partition, message_id,
                                  content, now_us});
      },
      [this, place, shared, message_id](Result<void> result) {
        if (!result.ok()) {
          ActionAnswer failed = ActionAnswer::failed("ServiceUnavailable", "BatchNotWritten", result.error().message);
          failed.retryable = true;
          (*shared)(std::move(failed));
          return;
        }
        ActionAnswer answer;
        answer.code = "Accepted";
        answer.outputs = Value{{"statusCode", 202},
                               {"headers", Value::object()},
                               {"body", {{"messageId", message_id}, {"partitionName", place.partition}}}};
        (*shared)(std::move(answer));
        look(place);
      });
}

BatchStore::Place BatchStore::find_place(const WorkflowPtr& workflow, std::string_view trigger, std::string_view batch,
                                         std::string partition) {
  Place place;
  place.workflow = workflow;
  place.partition = std::move(partition);
  if (!workflow || !workflow->version || !workflow->version->plan) return place;
  place.trigger = workflow->version->plan->find_trigger(trigger);
  if (place.trigger == nullptr) return place;
  for (const workflow::BatchCriteria& criteria : place.trigger->batches)
    if (iequals(criteria.name, batch)) place.criteria = &criteria;
  return place;
}

void BatchStore::resume(const WorkflowPtr& workflow) {
  if (!workflow->enabled || !workflow->version || !workflow->version->plan) return;
  const auto& triggers = workflow->version->plan->triggers;
  if (std::none_of(triggers.begin(), triggers.end(),
                   [](const workflow::Trigger& one) { return one.type == workflow::TriggerType::kBatch; }))
    return;
  std::vector<Place> places;
  workflow->database->read([&](Session& session) {
    static const Statement kSelect{
        "SELECT DISTINCT trigger_name, batch, partition_name FROM workflow_batch_items WHERE workflow_key = ?"};
    places.clear();
    session.query(kSelect, {workflow->key}, [&](const store::Row& row) {
      // Messages of a batch that the definition has no more stay where they are, for the case that it comes back.
      Place place = find_place(workflow, row.text(0), row.text(1), std::string(row.text(2)));
      if (place.criteria != nullptr) places.push_back(std::move(place));
    });
  });
  for (const Place& place : places) look(place);
}

void BatchStore::stop() {
  std::map<std::string, Armed> all;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    all.swap(armed_);
  }
  for (const auto& [key, armed] : all)
    if (armed.timer != 0) engine_.parts().clock.cancel(armed.timer);
}

void BatchStore::arm(const Place& place, Time due) {
  const std::string key =
      place.workflow->arm_id + "\n" + place.trigger->name + "\n" + place.criteria->name + "\n" + place.partition;
  Clock::TimerId later = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    const auto [found, is_new] = armed_.try_emplace(key, Armed{due});
    if (!is_new && found->second.due <= due) return;
    later = std::exchange(found->second, Armed{due}).timer;
  }
  if (later != 0) engine_.parts().clock.cancel(later);
  const auto look_again = [this, key, due, id = place.workflow->arm_id, trigger = place.trigger->name,
                           batch = place.criteria->name, partition = place.partition] {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      // One that a sooner one has replaced looks, but ends the time of nobody else.
      if (const auto found = armed_.find(key); found != armed_.end() && found->second.due == due) armed_.erase(found);
    }
    // The workflow may have another version by now, or be gone.
    const Place now = find_place(service_.find(id), trigger, batch, partition);
    if (now.criteria != nullptr) look(now);
  };
  const Clock::TimerId timer = engine_.parts().clock.schedule_at(due, look_again);
  const std::lock_guard lock(mutex_);
  if (const auto found = armed_.find(key); found != armed_.end() && found->second.due == due) found->second.timer = timer;
}

void BatchStore::look(const Place& place) {
  if (!place.workflow->enabled) return;  // what waits is seen to when it is enabled
  struct Item {
    std::int64_t key;
    std::string message_id, content;
  };
  std::vector<Item> items;
  std::size_t bytes = 0;
  std::int64_t oldest_us = 0;
  const workflow::Options& limits = place.workflow->version->plan->options;
  const auto enough = [&] {
    const auto count = static_cast<std::int64_t>(items.size());
    return (place.criteria->message_count > 0 && count >= place.criteria->message_count) ||
           (place.criteria->batch_bytes > 0 && static_cast<std::int64_t>(bytes) >= place.criteria->batch_bytes) ||
           count >= limits.max_batch_messages || static_cast<std::int64_t>(bytes) >= limits.max_batch_bytes;
  };
  place.workflow->database->read([&](Session& session) {
    static const Statement kSelect{
        "SELECT item_key, message_id, content, created_unix_us FROM workflow_batch_items WHERE workflow_key = ? AND "
        "trigger_name = ? AND batch = ? AND partition_name = ? ORDER BY item_key"};
    session.query(kSelect, {place.workflow->key, place.trigger->name, place.criteria->name, place.partition},
                  [&](const store::Row& row) {
                    if (items.empty()) oldest_us = row.integer(3);
                    items.push_back({row.integer(0), std::string(row.text(1)), std::string(row.text(2))});
                    bytes += items.back().content.size();
                    return !enough();
                  });
  });
  if (items.empty()) return;
  const Time now = engine_.parts().clock.now();
  if (!enough()) {
    if (!place.criteria->recurrence) return;
    // The time of a partition runs from its oldest message on, whoever looks, and however often we began anew meanwhile.
    const Time oldest = from_unix_us(oldest_us);
    const std::optional<Time> due = place.criteria->recurrence->next(oldest, oldest);
    if (!due) return;
    if (*due > now) {
      arm(place, *due);
      return;
    }
  }
  Value list = Value::array();
  std::vector<std::int64_t> keys;
  for (const Item& item : items) {
    list.push_back({{"messageId", item.message_id}, {"content", expression::parse_value(item.content)}});
    keys.push_back(item.key);
  }
  // Looked at by several at once, a message leaves with one of them only: the others find its row gone.
  auto claim = [keys](Session& session) {
    static const Statement kDelete{"DELETE FROM workflow_batch_items WHERE item_key = ?"};
    std::int64_t gone = 0;
    for (const std::int64_t key : keys) gone += session.execute(kDelete, {key});
    if (gone != static_cast<std::int64_t>(keys.size()))
      throw Error(ErrorCode::kAborted, "the messages of the batch were released by somebody else");
  };
  Firing firing;
  firing.workflow = place.workflow;
  firing.trigger = place.trigger;
  firing.outputs =
      Value{{"body", {{"batchName", place.criteria->name}, {"partitionName", place.partition}, {"items", std::move(list)}}}};
  if (place.workflow->kind == WorkflowKind::kStateless) {
    // Its runs are written nowhere, so the messages go first; from then on nobody else has them.
    if (engine_.is_full(*place.workflow, *place.trigger)) {
      arm(place, now + kLookAgain);
      return;
    }
    firing.taken = true;
    auto shared = std::make_shared<Firing>(std::move(firing));
    place.workflow->database->write(claim, [this, shared, place](Result<void> result) {
      if (result.ok()) fire(engine_, std::move(*shared));
      arm(place, engine_.parts().clock.now() + kLookAgain);
    });
    return;
  }
  firing.with = claim;
  const FiringResult result = fire(engine_, std::move(firing));
  // Messages that no run takes have been looked at too, and go: else the same ones would be looked at for ever.
  if (result.kind == FiringResult::Kind::kSkipped || result.kind == FiringResult::Kind::kFailed)
    place.workflow->database->write(claim, [](const Result<void>&) {});
  // There may be more of them, and the claim may have come too late: one that arrived meanwhile has been looked at with them.
  arm(place, now + kLookAgain);
}

}  // namespace trunkline::flows
