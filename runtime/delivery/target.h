// Whoever events are delivered to.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/delivery/policy.h"
#include "runtime/delivery/subscription_spec.h"

namespace trunkline::delivery {

/// Events on their way to one subscription; delivered all or none.
struct DeliveryRequest {
  SpecPtr spec;
  /// Of the subscription, and unique among all.
  std::uint64_t subscription_id = 0;
  std::vector<events::EventPtr> events;
  /// Attempts made before; 0 the first time.
  int delivery_count = 0;
};

struct DeliveryAnswer {
  OutcomeRule rule{Outcome::kDelivered};
  int status = 0;
  /// The first part of the answer, or why there was none.
  std::string reply;
};

/// A kind of destination. Workflows plug in here. [any-thread]
class Target {
 public:
  virtual ~Target() = default;
  /// Calls `done` exactly once, on any thread, perhaps before it returns. An answer of kAborted counts as no attempt: the
  /// events come again when the runtime does.
  virtual void deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) = 0;
  /// So many deliveries may be made ready before the first of them is handed over; 1 for those who answer before deliver()
  /// returns, or else later events would overtake earlier ones.
  virtual std::size_t together() const { return 1; }
  /// From within `done`: runs fn on this thread once the other answers that have come by now were handed over. Targets whose
  /// answers come one at a time run it here and now.
  virtual void after_answers(UniqueFunction<void()> fn) { fn(); }
};

}  // namespace trunkline::delivery
