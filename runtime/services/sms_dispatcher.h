// From accepted to handed over: the part of sending that nobody waits for.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/sms_records.h"
#include "runtime/services/sms_service.h"

namespace trunkline {

class Provider;

struct OutgoingRecipient {
  std::string to;
  std::string message_id;
  bool on_net = false;
};

/// One accepted request on its way. Shared by the dispatcher and the provider's completion.
struct OutgoingSms {
  ResourcePtr resource;
  SmsSubmission submission;  // `to` is not used any more
  std::vector<OutgoingRecipient> recipients;
  std::int32_t segments = 1;
  Time accepted_at{};
  /// Position in the list of candidates, and how often the list was gone through.
  std::size_t next_candidate = 0;
  int round = 0;
};
using OutgoingPtr = std::shared_ptr<OutgoingSms>;

/// Applies a change of state and publishes its report in the same transaction. Completes when durable.
Task<void> publish_transition(ServiceContext& context, ResourcePtr resource, std::string message_id,
                              sms_records::Transition transition, Time at, std::optional<std::int32_t> segments_delivered);

/// [any-thread] One lane for each database. Before messages are handed to a provider their ids are noted durably, many at
/// once: after a crash, what was noted may have been sent and what was not noted has not. What the providers answer is written
/// in batches too.
class SmsDispatcher {
 public:
  explicit SmsDispatcher(ServiceContext& context);
  ~SmsDispatcher();

  void submit(OutgoingPtr message);
  /// Remembers what a crash left between "noted" and "answered". Before the first submit. [lifecycle]
  void take_up_handovers(store::Database& database);

 private:
  struct Handover;
  struct Outcome;
  struct Lane;
  struct Attempt;

  Lane& lane_of(store::Database& database);
  Task<void> run(Lane* lane);
  Task<void> write_outcomes(Lane* lane);
  /// One call for all recipients that are routed alike.
  void hand_over(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover);
  std::vector<OutgoingPtr> split_by_route(const OutgoingPtr& message) const;
  void hand_over_alike(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover);
  void finish(Lane& lane, Outcome outcome);
  void take_results(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover, const Provider& provider,
                    const ListView<sms::SmsSendResult>& results, const std::string& decision, bool was_last, Time at);
  /// The call as a whole failed: ask the next candidate, or give up.
  void try_next(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover, const Error& error,
                std::string decision);
  void retry(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover);
  void note_decision(Lane& lane, const ResourcePtr& resource, const std::string& message_id, const std::string& lines);

  ServiceContext& context_;
  std::mutex mutex_;  // guards lanes_ and what is in the lanes; never held across I/O or a call
  std::unordered_map<store::Database*, std::unique_ptr<Lane>> lanes_;
  std::unordered_set<std::string> maybe_sent_;
  Counter sent_, failed_, uncertain_;
};

}  // namespace trunkline
