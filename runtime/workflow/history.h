// What happened in a run: facts, appended and never changed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/workflow/plan.h"

namespace trunkline::workflow {

/// One instance of a region: 0 is the workflow itself, each iteration of a loop has a number of its own.
using FrameId = std::uint32_t;

/// Numbers are part of the format; a retired one is not used again.
enum class EventKind : std::uint8_t {
  kRunStarted = 1,     // trigger record in `inputs`
  kActionStarted = 2,  // an operation, or a container: for If `number` is the arm, for Foreach `outputs` are the items
  kActionDone = 3,     // the final status of anything; without kActionStarted before it, it also started now
  kIteration = 4,      // `number`: the index, `new_frame`: its frame
  kUntilTested = 5,    // `number`: 1 when the loop ends, 2 when it ends at its limit
  kVariable = 6,       // `number`: the variable
  kRetry = 7,          // an attempt failed; the next is at `due`
  kPoll = 8,           // it goes on elsewhere; `text`: where, `due`: when to look
  kWaiting = 9,        // it waits for somebody, until `due` at most; `text`: what for
  kResponded = 10,     // the caller got an answer, `inputs`; or stopped waiting (number 1)
  kRunEnded = 11,
  kCancelled = 12,
};

/// How a kVariable changes its variable.
enum class VariableChange : std::uint8_t { kSet = 0, kAppendItem = 1, kAppendText = 2 };

/// Why an action was skipped; kNotSkipped for everything else.
enum class SkipReason : std::uint8_t { kNotSkipped, kRunAfter, kDependency, kBranch, kTerminated, kResponse };

struct Event {
  EventKind kind = EventKind::kRunStarted;
  Time at;
  FrameId frame = 0;
  ActionIndex action = kNone;

  Status status = Status::kNotStarted;
  std::uint64_t number = 0;
  FrameId new_frame = 0;
  VariableChange change = VariableChange::kSet;
  std::optional<Time> due;
  std::string code;
  std::string text;
  SharedValue inputs;
  SharedValue outputs;  // may be the very value of `inputs`
  SharedValue error;
  SharedValue extra;  // tracked properties; of a kRetry the attempt
};

/// Writes events as bytes; one of them makes one segment, which begins with the version of the format.
class HistoryWriter {
 public:
  void add(const Event& event);
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// The segment so far; the next one starts empty.
  std::string take();

 private:
  std::string bytes_;
  std::int64_t last_us_ = 0;
};

/// Reads one segment. Throws Error kDataLoss when it is malformed, kFailedPrecondition when its format is newer than this
/// program.
class HistoryReader {
 public:
  explicit HistoryReader(std::string_view segment);
  /// nullopt: the end.
  std::optional<Event> next();

 private:
  std::string_view bytes_;
  std::int64_t last_us_ = 0;
};

/// Values as bytes; what the history stores.
void encode_value(std::string& out, const Value& value);
/// Takes one value off the front of `bytes`. Throws Error kDataLoss.
Value decode_value(std::string_view& bytes);

}  // namespace trunkline::workflow
