// What providers answered and reported, written many at once.
#include <algorithm>

#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/services/sms_dispatcher.h"

namespace trunkline {
namespace {

using sms_records::Transition;
using store::Session;

constexpr Duration kAgain = std::chrono::seconds{1};

}  // namespace

/// What one transaction writes. Everything that is here when it runs goes with it, also what came after it was asked for; a run
/// that is repeated keeps what it took.
struct SmsDispatcher::Settling {
  bool ran = false;
  std::vector<Outcome> outcomes;
  std::vector<Report> reports;
  std::vector<HandoverPtr> closed;
};

void SmsDispatcher::finish(Lane& lane, Outcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    lane.outcomes.push_back(std::move(outcome));
    if (std::exchange(lane.write_waits, true)) return;
  }
  // Posted, so that a provider that answers one recipient after the other fills a batch before it is written.
  context_.executor.post([this, &lane] { write(lane); });
}

Task<void> SmsDispatcher::record(store::Database& database, std::int64_t resource_key, std::string message_id,
                                 RecordReceipt record) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto start = [&](auto done) {
    Report report{resource_key, std::move(message_id), std::move(record), std::move(done)};
    Lane* lane = nullptr;
    {
      const std::lock_guard lock(mutex_);
      lane = &lane_of(database);
      lane->reports.push_back(std::move(report));
      if (std::exchange(lane->write_waits, true)) return;
    }
    write(*lane);
  };
  co_await from_callback<void>(std::move(start));
}

void SmsDispatcher::write(Lane& lane) {
  auto batch = std::make_shared<Settling>();
  lane.database->write(
      [this, &lane, batch](Session& session) {
        {
          const std::lock_guard lock(mutex_);
          if (!std::exchange(batch->ran, true)) ++lane.under_way;
          lane.write_waits = false;
          for (Outcome& outcome : lane.outcomes) {
            if (outcome.handover && outcome.closes && --outcome.handover->open == 0) lane.answered.push_back(outcome.handover);
            batch->outcomes.push_back(std::move(outcome));
          }
          lane.outcomes.clear();
          std::move(lane.reports.begin(), lane.reports.end(), std::back_inserter(batch->reports));
          lane.reports.clear();
          if (lane.under_way == 1) {
            for (const HandoverPtr& one : lane.answered)
              if (one->open == 0) batch->closed.push_back(one);
            lane.answered.clear();
          }
        }
        settle(session, *batch);
      },
      [this, &lane, batch](Result<void> result) { written(lane, *batch, std::move(result)); });
}

/// A message that was sent and whose receipt is here too is written once. [writer thread, re-runnable]
void SmsDispatcher::settle(Session& session, const Settling& batch) const {
  std::unordered_map<std::string_view, const Outcome*> reported;
  reported.reserve(batch.reports.size());
  for (const Report& report : batch.reports) reported.emplace(report.message_id, nullptr);
  for (const Outcome& outcome : batch.outcomes) {
    const std::int64_t key = outcome.resource->key;
    if (outcome.requeues && sms_records::requeue(session, key, outcome.message_id, outcome.decision, unix_us(outcome.at)))
      continue;
    if (!outcome.transition) {
      sms_records::append_decision(session, key, outcome.message_id, outcome.decision);
      continue;
    }
    const Transition& transition = *outcome.transition;
    const bool sent = transition.state == sms::MessageState::kSent;
    if (outcome.reserved && transition.state == sms::MessageState::kFailed)
      settle_reservation(session, key, outcome.message_id, 0);
    else if (outcome.reserved && sent && transition.price_micros)
      settle_reservation(session, key, outcome.message_id, *transition.price_micros);
    if (sent && !reported.empty()) {
      const auto found = reported.find(outcome.message_id);
      if (found != reported.end() && !found->second) {
        found->second = &outcome;
        continue;
      }
    }
    apply_transition(context_, session, *outcome.resource, outcome.message_id, transition, outcome.at, outcome.event_id, 0);
  }
  for (const Report& report : batch.reports) {
    const Outcome* outcome = std::exchange(reported[report.message_id], nullptr);
    if (outcome && outcome->resource->key != report.resource_key) {  // a copy of the message, of a fork
      sms_records::apply(session, outcome->resource->key, outcome->message_id, *outcome->transition);
      outcome = nullptr;
    }
    report.record(session, outcome ? &*outcome->transition : nullptr);
  }
  for (const HandoverPtr& one : batch.closed) sms_records::remove_handover(session, one->id);
}

void SmsDispatcher::written(Lane& lane, Settling& batch, Result<void> result) {
  if (result.ok()) {
    bool closes = false;
    {
      const std::lock_guard lock(mutex_);
      closes = --lane.under_way == 0 && !lane.answered.empty() && !std::exchange(lane.write_waits, true);
    }
    if (closes) write(lane);
    if (on_settled_)
      for (const Outcome& outcome : batch.outcomes)
        if (outcome.transition && outcome.transition->provider)
          on_settled_(*outcome.transition->provider, outcome.message_id, outcome.transition->provider_message_id);
    for (Report& report : batch.reports) report.done(Result<void>{});
    return;
  }
  // The answers are known to us alone, and tried again. Whoever reports hears of an error, but not because of somebody else's.
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    if (batch.ran) {
      --lane.under_way;
      lane.answered.insert(lane.answered.end(), batch.closed.begin(), batch.closed.end());
    } else {
      lane.write_waits = false;
      batch.reports.swap(lane.reports);
    }
    for (const Outcome& outcome : batch.outcomes)
      if (outcome.handover && outcome.closes) ++outcome.handover->open;
    lane.outcomes.insert(lane.outcomes.begin(), std::make_move_iterator(batch.outcomes.begin()),
                         std::make_move_iterator(batch.outcomes.end()));
    again = !lane.outcomes.empty();
  }
  if (again) {
    context_.log.error("sms", "the store refused the providers' answers; trying again", {{"error", result.error().message}});
    context_.clock.schedule_after(kAgain, [this, &lane] {
      {
        const std::lock_guard lock(mutex_);
        if (lane.outcomes.empty() || std::exchange(lane.write_waits, true)) return;
      }
      write(lane);
    });
  }
  for (Report& report : batch.reports) {
    auto alone = [record = std::move(report.record)](Session& session) { record(session, nullptr); };
    lane.database->write(std::move(alone), std::move(report.done));
  }
}

}  // namespace trunkline
