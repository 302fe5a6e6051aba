// Of the state of a run: what actions that belong together come to.
#include "runtime/workflow/run_state.h"

namespace trunkline::workflow {

Status RunState::group_status(Frame& frame, const Group& group) const {
  bool timed_out = false, cancelled = false, skipped = false;
  // Mostly the leaves decide; only a skipped one makes it worth remembering what was looked at.
  for (const ActionIndex index : group.leaves) {
    const Status status = cell(frame, index).status;
    if (status == Status::kFailed) return Status::kFailed;
    skipped = skipped || status == Status::kSkipped;
    timed_out = timed_out || status == Status::kTimedOut;
    cancelled = cancelled || status == Status::kCancelled;
  }
  std::vector<ActionIndex> open;
  if (skipped) open = group.leaves;
  std::vector<bool> seen(skipped ? plan_->regions[frame.region].actions.size() : 0);
  while (!open.empty()) {
    const ActionIndex index = open.back();
    open.pop_back();
    const Action& action = plan_->actions[index];
    if (seen[action.cell]) continue;
    seen[action.cell] = true;
    switch (cell(frame, index).status) {
      case Status::kFailed:
        return Status::kFailed;
      case Status::kSkipped:
        for (const RunAfter& entry : action.run_after) open.push_back(entry.action);
        break;
      case Status::kTimedOut:
        timed_out = true;
        break;
      case Status::kCancelled:
        cancelled = true;
        break;
      default:
        break;
    }
  }
  return cancelled ? Status::kFailed : timed_out ? Status::kTimedOut : Status::kSucceeded;
}

}  // namespace trunkline::workflow
