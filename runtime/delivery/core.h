// What the parts of the delivery engine share.
#pragma once
#include <atomic>
#include <functional>
#include <memory>

#include "runtime/async/executor.h"
#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/delivery/dead_letter.h"
#include "runtime/delivery/options.h"
#include "runtime/delivery/records.h"
#include "runtime/delivery/target.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/events/event_expander.h"
#include "runtime/events/event_log.h"

namespace trunkline::delivery {

class Destination;
class Flusher;
class Source;
class Worker;
using DestinationPtr = std::shared_ptr<Destination>;
using FlusherPtr = std::shared_ptr<Flusher>;
using SourcePtr = std::shared_ptr<Source>;
using WorkerPtr = std::shared_ptr<Worker>;

/// What an answer says about the endpoint.
enum class Verdict { kGood, kBad, kNeutral };

/// Owned by the engine, outlives everything below.
struct Core {
  Executor& executor;
  Clock& clock;
  Log& log;
  IdSource& ids;
  EventLog& events;
  DeadLetterWriter& dead_letters;
  const DeliveryOptions options;
  /// Null: rows stand for themselves.
  std::atomic<const events::EventExpander*> expander{nullptr};
  /// A subscription that has an end has come to it, but for events that wait for another attempt; perhaps more than once. Set
  /// before the first subscription, called on the executor.
  std::function<void(store::Database&, std::int64_t subscription_key)> on_end;
  Counter delivered, failed, given_up;
  std::atomic<bool> stopped{false};
};

/// The events that a row of the log stands for: itself, then the further ones, as their part numbers count.
std::vector<events::EventPtr> expand(const Core& core, events::EventPtr event);

}  // namespace trunkline::delivery
