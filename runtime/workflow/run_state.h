// The state of one run, which is what its history says and nothing else.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/workflow/frame_table.h"
#include "runtime/workflow/history.h"
#include "runtime/workflow/plan.h"

namespace trunkline::workflow {

/// Who waits for the answer of a run. Numbers are part of the format (kRunStarted).
enum class Caller : std::uint8_t {
  kNobody = 0,   // the trigger has no caller, or it was let go at once
  kWaiting = 1,  // until a Response
  kPolling = 2,  // got 202 and an address
  kAnswered = 3,
  kGone = 4,  // its time ran out
};

/// An operation that has begun and not ended.
struct Operation {
  int retries = 0;
  /// When something is to be done: the next attempt, the next look, the end of a wait.
  std::optional<Time> due;
  std::optional<Time> deadline;
  /// Where the outcome is to be found (asynchronous pattern).
  std::string location;
  /// What it waits for: a token, a child run.
  std::string waiting_for;
  bool retrying = false;
};

struct Loop {
  SharedValue items;        // Foreach
  std::uint64_t count = 0;  // items; Until: iterations at most
  std::uint64_t next = 0;   // index of the next iteration
  std::uint64_t running = 0;
  std::uint64_t done = 0;
  bool any_failed = false, any_timed_out = false;
  Status last = Status::kSucceeded;
  std::optional<Time> deadline;
  std::vector<FrameId> kept;
};

struct Record {
  Time started, ended;
  std::string code;
  SharedValue inputs, outputs, error, tracked;
  /// Array of attempts that were followed by another one; null: none.
  Value retries;
  std::unique_ptr<Operation> operation;
  std::unique_ptr<Loop> loop;
};

struct Cell {
  Status status = Status::kNotStarted;
  SkipReason skip = SkipReason::kNotSkipped;
  /// Containers: the arm that runs.
  std::uint16_t arm = 0;
  std::uint32_t waiting_for = 0;  // dependencies without final status
  std::uint32_t open = 0;         // containers: children without final status
  std::unique_ptr<Record> record;
};

struct Frame {
  FrameId id = 0;
  RegionIndex region = 0;
  Frame* parent = nullptr;
  std::uint64_t index = 0;
  std::uint32_t open = 0;
  bool ended = false;
  std::vector<Cell> cells;  // by Action::cell
};

/// What the state asks for; stale ones are harmless.
struct Todo {
  enum class Kind : std::uint8_t {
    kStart,    // its dependencies are met
    kIterate,  // a loop may start iterations
    kTest,     // an iteration of Until has ended
    kFinish,   // a container has its status and wants tracked properties
    kEndRun,
  } kind = Kind::kStart;
  FrameId frame = 0;
  ActionIndex action = kNone;
  Status status = Status::kNotStarted;
};

/// First in, first out, without an allocation for each few of them.
class TodoQueue {
 public:
  bool empty() const { return next_ == items_.size(); }
  void push(const Todo& todo) { items_.push_back(todo); }
  Todo pop() {
    const Todo todo = items_[next_++];
    if (next_ == items_.size()) {
      clear();
    } else if (next_ >= kSlack && next_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(next_));
      next_ = 0;
    }
    return todo;
  }
  void clear() {
    items_.clear();
    next_ = 0;
  }

 private:
  static constexpr std::size_t kSlack = 64;
  std::vector<Todo> items_;
  std::size_t next_ = 0;
};

/// A pure function of the events it was given: no time, no randomness, no I/O. One thread at a time.
class RunState {
 public:
  /// `keep_all`: iterations are never forgotten; for those who look at a run.
  explicit RunState(PlanPtr plan, bool keep_all = false);
  RunState(const RunState&) = delete;
  ~RunState();

  /// Throws Error kDataLoss for an event that cannot have happened here.
  void apply(Event event);
  /// The same for a kVariable whose value nobody else wants: it is moved to where it belongs.
  void change_variable(std::uint64_t slot, VariableChange change, Value value);

  const Plan& plan() const { return *plan_; }
  const PlanPtr& plan_ptr() const { return plan_; }
  /// What is to be done next; empty: the run waits or has ended.
  std::optional<Todo> next_todo();
  bool has_todo() const { return !todo_.empty(); }

  Frame* find_frame(FrameId id) const;
  Frame& root() const { return *root_; }
  Cell& cell(Frame& frame, ActionIndex action) const { return frame.cells[plan_->actions[action].cell]; }
  /// The frame in which `action` stands, seen from `from`: an enclosing one, or the last iteration of a loop that was kept. Null:
  /// it was not kept or never began.
  Frame* frame_of(Frame& from, ActionIndex action) const;
  FrameId next_frame_id() const { return next_frame_; }
  const FrameTable<Frame, FrameId>& frames() const { return frames_; }

  /// Operations that have begun and not ended, in the order they began.
  const std::vector<std::pair<FrameId, ActionIndex>>& operations() const { return operations_; }
  /// The soonest time at which an operation wants attention.
  std::optional<Time> next_due() const;

  const SharedValue& trigger() const { return trigger_; }
  const Value& trigger_outputs() const { return trigger_outputs_ != nullptr ? *trigger_outputs_ : null_; }
  std::vector<Value>& variables() { return variables_; }
  /// Its InitializeVariable has run.
  bool has_variable(std::uint32_t slot) const { return slot < declared_.size() && declared_[slot]; }

  bool started() const { return root_ != nullptr; }
  bool ended() const { return is_final(status_); }
  Status status() const { return status_; }
  const std::string& code() const { return code_; }
  const SharedValue& error() const { return error_; }
  const SharedValue& outputs() const { return outputs_; }
  Time start_time() const { return start_; }
  Time end_time() const { return end_; }
  Caller caller() const { return caller_; }
  /// What the caller got, `{ statusCode, headers, body }`; null: nothing yet.
  const SharedValue& response() const { return response_; }
  std::uint64_t events() const { return events_; }

  /// The status of actions that belong together (leaves; a skipped one counts as what it runs after).
  Status group_status(Frame& frame, const Group& group) const;

 private:
  Frame& open_frame(FrameId id, RegionIndex region, Frame* parent, std::uint64_t index);
  void drop_frame(FrameId id);
  void start_group(Frame& frame, const Group& group);
  void look(Frame& frame, ActionIndex action);
  void start(Event event);
  void start_container(Frame& frame, const Action& action, const Event& event);
  void iterate(const Event& event);
  void finish(Frame& frame, ActionIndex action, Status status, Time at);
  void complete(Frame& frame, ActionIndex action, Status status, Time at);
  void end_frame(Frame& frame, Time at);
  void skip(Frame& frame, ActionIndex action, SkipReason reason, Time at);
  void skip_group(Frame& frame, const Group& group, SkipReason reason, Time at);
  void skip_inside(Frame& frame, const Action& action, SkipReason reason, Time at);
  void end_all(Time at);
  Frame& frame_for(const Event& event) const;
  Record& record_of(Cell& cell);
  Operation& operation_of(const Event& event) const;
  void forget_operation(FrameId frame, ActionIndex action);

  const PlanPtr plan_;
  const bool keep_all_;
  FrameTable<Frame, FrameId> frames_;
  /// Emptied, for the next iteration.
  std::vector<std::unique_ptr<Frame>> spare_frames_;
  std::vector<std::unique_ptr<Record>> spare_records_;
  Frame* root_ = nullptr;
  FrameId next_frame_ = 1;
  TodoQueue todo_;
  std::vector<std::pair<FrameId, ActionIndex>> operations_;
  std::vector<Value> variables_;
  std::vector<bool> declared_;
  SharedValue trigger_;
  const Value* trigger_outputs_ = nullptr;
  Value null_;
  Time start_, end_;
  Status status_ = Status::kNotStarted;
  std::string code_;
  SharedValue error_, outputs_, response_;
  Caller caller_ = Caller::kNobody;
  std::uint64_t events_ = 0;
};

/// `{"code": "ActionFailed", …}` of containers and runs.
const SharedValue& action_failed_error();

}  // namespace trunkline::workflow
