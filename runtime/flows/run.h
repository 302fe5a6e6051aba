// One run while it is in memory.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/flows/engine_types.h"
#include "runtime/workflow/machine.h"

namespace trunkline::flows {

class Engine;

/// Works through its inputs one after the other, on the executor; everything but post() happens on its turn. Owned by the engine
/// while it is loaded, and by whatever it waits for.
class Run final : public std::enable_shared_from_this<Run>, private workflow::Environment {
 public:
  using Input = UniqueFunction<void(Run&)>;

  /// A new run.
  Run(Engine& engine, StartSpec spec, RunRow row, WorkflowVersionPtr version);
  /// A stored one. Throws Error when its history cannot be read.
  Run(Engine& engine, WorkflowPtr workflow, WorkflowVersionPtr version, RunRow row, const std::vector<std::string>& segments);
  ~Run() override;

  /// False, and `input` stays: it was forgotten, and there may be another Run by now. [any-thread]
  bool post(Input& input);
  /// A new run moves at once, on this thread. `held`: only as far as its row, where it waits for its turn.
  void begin(bool held);

  RunKey key() const { return row_.key; }
  const std::string& name() const { return name_; }
  store::Database& database() const { return *workflow_->database; }
  /// Marks it as forgotten when nothing is under way. [any-thread]
  bool retire();
  /// Nothing of it counts any more: the runtime stops, or its workflow is gone. [any-thread]
  void give_up();

  // On its turn:
  const RunRow& row() const { return row_; }
  const WorkflowPtr& of() const { return workflow_; }
  workflow::Machine* machine() { return machine_.get(); }
  bool ended() const;
  /// Its time has come; the engine hears of it when what that changes is written.
  void wake_now();
  void on_due();
  void cancel();
  void release();
  /// A callback for a webhook action. False: it does not wait for one.
  bool on_callback(FrameId frame, ActionIndex action, Value outputs);
  /// The child of a Workflow action answered or ended.
  void on_child(FrameId frame, ActionIndex action, RunKey child, SharedValue response);

 private:
  struct InFlight {
    FrameId frame = 0;
    ActionIndex action = workflow::kNone;
    std::uint64_t launch = 0;
    Time started;
    net::CancelToken cancel;
  };
  struct Launch {
    ActionPort* port = nullptr;
    ActionCall call;
    FrameId frame = 0;
    ActionIndex action = workflow::kNone;
    std::uint64_t launch = 0;
  };
  /// What has to wait until the facts are on disk.
  struct Later {
    std::vector<Launch> launches;
    std::vector<UniqueFunction<void()>> calls;
    SharedValue response;
    std::function<void(store::Session&)> with;
    bool ended = false;
    bool accepted = false;
    /// This save or an earlier one answers the caller; the completions of two saves may overtake each other.
    bool promised = false;
    /// The same, with the Response of the run.
    bool responded = false;
  };

  // run.cpp
  Value trigger_record(StartSpec& spec) const;
  void turn();
  void move();
  void collect();
  void save();
  void after_save(Later later, const RunRow& row, const Result<void>& result);
  void lost(const Error& error);
  void update_row();
  std::optional<Time> next_due() const;
  void arm_timer(std::optional<Time> due);
  void answer(CallerAnswer answer);
  void arm_caller_timer();
  void caller_gone();
  bool durable() const { return workflow_->kind == WorkflowKind::kStateful; }
  Time deadline() const;

  // run_operations.cpp
  void start_operation(FrameId frame, ActionIndex action);
  void begin_child(FrameId frame, ActionIndex action);
  void look_after_child(FrameId frame, ActionIndex action);
  void resume_operations();
  void on_answer(std::uint64_t launch, ActionAnswer answer);
  void retry(const InFlight& flight, const workflow::Operation& operation, ActionAnswer& answer);
  ActionCall make_call(FrameId frame, ActionIndex action);
  void send(Launch launch);
  void stop_operations();
  void unsubscribe(FrameId frame, ActionIndex action);
  bool is_in_flight(FrameId frame, ActionIndex action) const;
  InFlight* in_flight(std::uint64_t launch);
  workflow::Operation* operation(FrameId frame, ActionIndex action) const;

  // Environment
  Time now() override;
  std::array<std::uint8_t, 16> guid_bytes() override;
  std::uint64_t random_below(std::uint64_t bound) override;
  const Value& workflow_value();
  const Value& workflow() override { return workflow_value(); }
  const std::string& client_tracking_id() override { return row_.client_tracking_id; }
  std::optional<std::string> callback_url(FrameId frame, ActionIndex action) override;
  std::optional<std::string> setting(std::string_view name) override;
  std::string tracking_id(FrameId frame, ActionIndex action) override;

  Engine& engine_;
  const WorkflowPtr workflow_;
  const WorkflowVersionPtr version_;
  RunRow row_;
  const std::string name_;
  std::unique_ptr<workflow::Machine> machine_;
  ParentLink parent_;
  Value workflow_value_;
  bool promised_ = false, responded_ = false;  // what saves so far hold for the caller
  bool stored_ = false;                        // it has a row
  bool resume_ = false;                        // its operations have to be taken up
  bool held_ = false;
  bool more_ = false;  // the machine stopped at its budget
  bool woken_ = false;
  std::int64_t next_segment_ = 0;
  std::uint64_t last_launch_ = 0;
  std::vector<InFlight> in_flight_;
  Later pending_;  // gathered on a turn, for the save at its end
  std::optional<Time> stored_due_;

  mutable std::mutex mutex_;  // guards what follows; never held across a call
  std::deque<Input> inputs_;
  bool busy_ = false;
  bool gone_ = false;
  bool failed_ = false;
  bool wants_room_ = false;  // goes on once there are fewer saves under way
  int saving_ = 0;
  std::size_t flying_ = 0;  // in_flight_.size()
  Responder respond_;
  Clock::TimerId timer_ = 0;  // of a stateless run
  Clock::TimerId caller_timer_ = 0;
};

}  // namespace trunkline::flows
