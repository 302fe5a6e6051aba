#include "runtime/flows/run.h"

#include <algorithm>

#include "runtime/expression/value_object.h"
#include "runtime/flows/engine.h"
#include "runtime/workflow/shared_value.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {
namespace {

using workflow::Caller;
using workflow::Effect;
using workflow::Event;
using workflow::EventKind;
using workflow::Status;

constexpr int kMaxSaves = 4;

std::string error_text(const SharedValue& error) { return error ? expression::to_json_text(*error) : std::string(); }

Caller caller_of(bool has_parent, bool has_caller, const workflow::Plan& plan) {
  if (has_parent) return Caller::kWaiting;
  if (!has_caller || !plan.has_response) return Caller::kNobody;
  return plan.has_asynchronous_response ? Caller::kPolling : Caller::kWaiting;
}

}  // namespace

Run::Run(Engine& engine, StartSpec spec, RunRow row, WorkflowVersionPtr version)
    : engine_(engine),
      workflow_(std::move(spec.workflow)),
      version_(std::move(version)),
      row_(std::move(row)),
      name_(row_.name()),
      machine_(std::make_unique<workflow::Machine>(version_->plan, static_cast<workflow::Environment&>(*this))),
      parent_(std::move(spec.parent)),
      respond_(std::move(spec.respond)) {
  machine_->set_durable(durable());
  pending_.with = std::move(spec.with);
  Event begin;
  begin.kind = EventKind::kRunStarted;
  begin.at = row_.started;
  begin.inputs = workflow::share(trigger_record(spec));
  begin.text = parent_.str();
  begin.number = static_cast<std::uint64_t>(caller_of(!parent_.empty(), spec.has_caller, *version_->plan));
  machine_->append(std::move(begin));
  if (!spec.history.empty()) {
    workflow::HistoryReader reader(spec.history);
    while (std::optional<Event> event = reader.next()) {
      event->at = row_.started;
      machine_->append(std::move(*event));
    }
  }
}

/// What trigger() gives. A run that keeps nothing needs only what its expressions can ask for.
Value Run::trigger_record(StartSpec& spec) const {
  Value record = expression::make_object(12);
  const auto take = [&](const char* member) {
    if (const auto found = spec.record.find(member); found != spec.record.end())
      expression::add_member(record, member, std::move(*found));
  };
  if (!durable() && !version_->plan->reads_trigger) {
    take("outputs");
    return record;
  }
  expression::add_member(record, "name", row_.trigger);
  take("inputs");
  take("outputs");
  expression::add_member(record, "startTime", workflow::time_text(spec.fired_at.value_or(row_.started)));
  expression::add_member(record, "endTime", workflow::time_text(row_.started));
  take("scheduledTime");
  expression::add_member(record, "trackingId", stable_guid(row_.key, ~std::uint64_t{0}, 0));
  expression::add_member(record, "clientTrackingId", row_.client_tracking_id);
  expression::add_member(record, "originHistoryName", row_.origin.empty() ? name_ : row_.origin);
  take("code");
  expression::add_member(record, "status", "Succeeded");
  return record;
}

Run::Run(Engine& engine, WorkflowPtr workflow, WorkflowVersionPtr version, RunRow row, const std::vector<std::string>& segments)
    : engine_(engine),
      workflow_(std::move(workflow)),
      version_(std::move(version)),
      row_(std::move(row)),
      name_(row_.name()),
      machine_(std::make_unique<workflow::Machine>(version_->plan, static_cast<workflow::Environment&>(*this))),
      stored_(true),
      resume_(true),
      held_(row_.status == Status::kWaiting),
      next_segment_(static_cast<std::int64_t>(segments.size())),
      stored_due_(row_.due) {
  if (!segments.empty()) {
    workflow::HistoryReader first(segments.front());
    if (const auto event = first.next()) parent_ = ParentLink::parse(event->text);
  }
  for (const std::string& segment : segments) machine_->replay(segment);
  if (!machine_->state().started()) throw Error(ErrorCode::kDataLoss, "the run '" + name_ + "' has no history");
}

Run::~Run() = default;

bool Run::post(Input& input) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return false;
    inputs_.push_back(std::move(input));
    if (std::exchange(busy_, true)) return true;
  }
  engine_.parts().executor.post([self = shared_from_this()] { self->turn(); });
  return true;
}

void Run::begin(bool held) {
  {
    const std::lock_guard lock(mutex_);
    busy_ = true;
  }
  held_ = held;
  turn();
}

void Run::wake_now() {
  woken_ = true;
  on_due();
}

void Run::give_up() {
  Clock::TimerId timer = 0, caller_timer = 0;
  {
    const std::lock_guard lock(mutex_);
    gone_ = failed_ = true;
    inputs_.clear();
    timer = std::exchange(timer_, 0);
    caller_timer = std::exchange(caller_timer_, 0);
  }
  for (const Clock::TimerId one : {timer, caller_timer})
    if (one != 0) engine_.parts().clock.cancel(one);
  CallerAnswer stopped;
  stopped.kind = CallerAnswer::Kind::kError;
  stopped.run = name_;
  stopped.error = Error(ErrorCode::kUnavailable, "the runtime is stopping");
  answer(std::move(stopped));
}

bool Run::retire() {
  const std::lock_guard lock(mutex_);
  if (failed_) return gone_ = true;
  if (busy_ || saving_ > 0 || flying_ > 0 || respond_ || timer_ != 0 || !inputs_.empty()) return false;
  return gone_ = true;
}

void Run::turn() {
  if (engine_.stopped_.load(std::memory_order_acquire)) return;
  std::deque<Input> inputs;
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    inputs.swap(inputs_);
  }
  try {
    if (std::exchange(resume_, false) && !held_) resume_operations();
    for (Input& input : inputs) input(*this);
    {
      const std::lock_guard lock(mutex_);
      if (failed_) return;
    }
    move();
  } catch (const Error& error) {
    lost(error);
    return;
  }
  bool again = false;
  const bool is_over = ended();
  {
    const std::lock_guard lock(mutex_);
    flying_ = in_flight_.size();
    // A run that makes history faster than it can be written waits for the disk.
    wants_room_ = more_ && saving_ >= kMaxSaves;
    again = !inputs_.empty() || (more_ && !wants_room_);
    busy_ = again;
  }
  if (again)
    engine_.parts().executor.post([self = shared_from_this()] { self->turn(); });
  else
    engine_.settled(row_.key, is_over);
}

void Run::move() {
  more_ = false;
  if (!held_) {
    more_ = machine_->step(engine_.options().turn_actions);
    collect();
    // What began may have ended at once, or needs more of the machine.
    if (machine_->state().has_todo() && !ended()) more_ = true;
  }
  const bool small = machine_->unsaved_bytes() < engine_.options().segment_bytes;
  if (more_ && small && pending_.launches.empty() && pending_.calls.empty() && !pending_.response && stored_) return;
  save();
}

void Run::collect() {
  for (Effect& effect : machine_->take_effects()) {
    switch (effect.kind) {
      case Effect::Kind::kStart:
        start_operation(effect.frame, effect.action);
        break;
      case Effect::Kind::kRespond:
        pending_.response = std::move(effect.value);
        break;
      case Effect::Kind::kEnded:
        pending_.ended = true;
        stop_operations();
        break;
    }
  }
}

Time Run::deadline() const {
  return row_.started + (durable() ? engine_.options().max_run : engine_.options().max_stateless_run);
}

std::optional<Time> Run::next_due() const {
  if (ended() || held_) return std::nullopt;
  Time soonest = deadline();
  for (const auto& [frame, action] : machine_->state().operations()) {
    const workflow::Operation* one = operation(frame, action);
    if (one->due && !is_in_flight(frame, action)) soonest = std::min(soonest, *one->due);
    if (one->deadline) soonest = std::min(soonest, *one->deadline);
  }
  return soonest;
}

bool Run::ended() const { return machine_->state().ended(); }

void Run::update_row() {
  const workflow::RunState& state = machine_->state();
  row_.status = held_ ? Status::kWaiting : state.status();
  row_.due = next_due();
  row_.active = !in_flight_.empty();
  for (const auto& [frame, action] : state.operations())
    if (operation(frame, action)->waiting_for.starts_with("child:")) row_.active = true;
  if (!state.ended()) return;
  row_.ended = state.end_time();
  row_.code = state.code();
  row_.error = error_text(state.error());
  row_.active = false;
}

void Run::save() {
  const std::size_t bytes = machine_->unsaved_bytes();
  const bool was_active = row_.active;
  update_row();
  Later later = std::exchange(pending_, {});
  if (!stored_) {
    bool waits = false;
    {
      const std::lock_guard lock(mutex_);
      waits = static_cast<bool>(respond_);
    }
    const Caller caller = machine_->state().caller();
    // Who is to poll is told so first, even if the answer is there already.
    const bool polls = version_->plan->has_asynchronous_response && parent_.empty();
    later.accepted = waits && (caller == Caller::kNobody || caller == Caller::kPolling || (caller == Caller::kAnswered && polls));
    if (waits && machine_->state().caller() == Caller::kWaiting) arm_caller_timer();
  }
  later.promised = promised_ |= later.accepted || later.response != nullptr;
  later.responded = responded_ |= later.response != nullptr;
  if (!durable()) {
    stored_ = true;
    arm_timer(row_.due);
    after_save(std::move(later), row_, {});
    return;
  }
  if (bytes == 0 && stored_ && !later.ended && row_.due == stored_due_ && was_active == row_.active && !woken_) {
    after_save(std::move(later), row_, {});
    return;
  }
  stored_due_ = row_.due;
  {
    const std::lock_guard lock(mutex_);
    ++saving_;
  }
  const bool first = !std::exchange(stored_, true);
  const bool in_head = first && later.ended;
  std::string segment = machine_->take_segment();
  const std::int64_t number = in_head || segment.empty() ? next_segment_ : next_segment_++;
  struct Job {
    RunRow row;
    std::string segment;
    std::int64_t number;
    bool first, in_head;
    Later later;
    bool woken, ends;
  };
  const bool ends = later.ended;
  auto job = std::make_shared<Job>(
      Job{row_, std::move(segment), number, first, in_head, std::move(later), std::exchange(woken_, false), ends});
  database().write(
      [job](store::Session& session) {
        if (job->first)
          records::insert_run(session, job->row, job->in_head ? std::string_view(job->segment) : std::string_view());
        else
          records::update_run(session, job->row);
        if (job->later.with) job->later.with(session);
        if (!job->in_head && !job->segment.empty()) records::add_segment(session, job->row.key, job->number, job->segment);
      },
      [self = shared_from_this(), job](Result<void> result) {
        bool room = false;
        {
          const std::lock_guard lock(self->mutex_);
          --self->saving_;
          room = self->wants_room_ && !self->busy_ && self->saving_ < kMaxSaves;
          if (room) {
            self->wants_room_ = false;
            self->busy_ = true;
          }
        }
        if (job->woken) self->engine_.woken(self->database(), self->row_.key);
        self->after_save(std::move(job->later), job->row, result);
        if (room)
          self->turn();
        else
          self->engine_.settled(self->row_.key, job->ends);
      });
}

/// On any thread, beside turns: touches nothing of the machine.
void Run::after_save(Later later, const RunRow& row, const Result<void>& result) {
  if (!result.ok()) {
    Input input = [error = result.error()](Run& run) { run.lost(error); };
    post(input);
    return;
  }
  if (row.due && durable()) engine_.due_changed(database(), *row.due);
  if (later.accepted) {
    CallerAnswer accepted;
    const workflow::Trigger* trigger = version_->plan->find_trigger(row.trigger);
    const bool polls = version_->plan->has_asynchronous_response && trigger != nullptr && trigger->has_caller();
    accepted.kind = polls ? CallerAnswer::Kind::kAcceptedAsync : CallerAnswer::Kind::kAccepted;
    accepted.run = name_;
    answer(std::move(accepted));
  }
  if (later.response) {
    CallerAnswer response;
    response.kind = CallerAnswer::Kind::kResponse;
    response.run = name_;
    response.response = later.response;
    answer(std::move(response));
    if (!parent_.empty()) engine_.tell_parent(parent_, row_.key, later.response);
  }
  for (Launch& launch : later.launches) send(std::move(launch));
  for (UniqueFunction<void()>& call : later.calls) call();
  if (!later.ended) return;
  if (!later.promised) {
    CallerAnswer none;
    none.kind = CallerAnswer::Kind::kNoResponse;
    none.run = name_;
    answer(std::move(none));
  }
  if (!parent_.empty() && !later.responded) engine_.tell_parent(parent_, row_.key, nullptr);
  engine_.ended(shared_from_this(), row);
}

void Run::lost(const Error& error) {
  // Aborted: what it was to begin with went to another run.
  if (error.code != ErrorCode::kAborted)
    engine_.parts().log.error("workflows", "a run cannot go on; it is taken up at the next start",
                              {{"workflow", workflow_->name}, {"run", name_}, {"error", error.message}});
  for (InFlight& flight : in_flight_) flight.cancel.cancel();
  {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    inputs_.clear();
  }
  CallerAnswer failed;
  failed.kind = CallerAnswer::Kind::kError;
  failed.run = name_;
  failed.error = error;
  answer(std::move(failed));
  engine_.woken(database(), row_.key);
  engine_.leave(workflow_, row_);
  engine_.forget(row_.key);
}

void Run::answer(CallerAnswer what) {
  what.client_tracking_id = row_.client_tracking_id;
  Responder respond;
  Clock::TimerId timer = 0;
  {
    const std::lock_guard lock(mutex_);
    respond = std::move(respond_);
    respond_ = nullptr;
    timer = std::exchange(caller_timer_, 0);
  }
  if (timer != 0) engine_.parts().clock.cancel(timer);
  if (respond) respond(std::move(what));
}

void Run::arm_caller_timer() {
  const Clock::TimerId timer = engine_.parts().clock.schedule_after(engine_.options().caller_timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      Input input = [](Run& run) { run.caller_gone(); };
      self->post(input);
    }
  });
  const std::lock_guard lock(mutex_);
  caller_timer_ = timer;
}

void Run::caller_gone() {
  if (machine_->state().caller() != Caller::kWaiting) return;
  Event event;
  event.kind = EventKind::kResponded;
  event.at = now();
  event.number = 1;
  machine_->append(std::move(event));
  CallerAnswer late;
  late.kind = CallerAnswer::Kind::kTimeout;
  late.run = name_;
  answer(std::move(late));
}

/// A stateless run has no row that would wake it.
void Run::arm_timer(std::optional<Time> due) {
  Clock::TimerId old = 0;
  {
    const std::lock_guard lock(mutex_);
    old = std::exchange(timer_, 0);
  }
  if (old != 0) engine_.parts().clock.cancel(old);
  if (!due) return;
  const Clock::TimerId made = engine_.parts().clock.schedule_at(*due, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      Input input = [](Run& run) { run.on_due(); };
      self->post(input);
    }
  });
  const std::lock_guard lock(mutex_);
  timer_ = made;
}

void Run::cancel() {
  if (ended()) return;
  for (const auto& [frame, action] : std::vector(machine_->state().operations())) unsubscribe(frame, action);
  held_ = false;
  machine_->cancel();
  collect();
}

void Run::release() {
  if (!held_) return;
  held_ = false;
  row_.started = now();
}

}  // namespace trunkline::flows
