// From accepted to handed over: the part of sending that nobody waits for.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/diagnostics/metrics.h"
#include "runtime/providers/router.h"
#include "runtime/services/sms_consent.h"
#include "runtime/services/sms_outgoing.h"
#include "runtime/services/sms_policy.h"
#include "runtime/services/sms_records.h"
#include "runtime/sms/outcome.h"

namespace trunkline {

/// Applies a change of state and publishes its report in the same transaction. Completes when durable.
Task<void> publish_transition(ServiceContext& context, ResourcePtr resource, std::string message_id,
                              sms_records::Transition transition, Time at, std::optional<std::int32_t> segments_delivered);
/// What publish_transition does within a transaction. [writer thread]
void apply_transition(ServiceContext& context, store::Session& session, const Resource& resource, const std::string& message_id,
                      const sms_records::Transition& transition, Time at, const std::string& event_id,
                      std::optional<std::int32_t> segments_delivered);
/// The event of a final state, when somebody asked for one. [writer thread]
void append_delivery_report(ServiceContext& context, store::Session& session, const Resource& resource,
                            const sms_records::Finished& finished, sms::MessageState state, sms::FailureReason reason,
                            std::string_view provider_code, Time at, const std::string& event_id,
                            std::optional<std::int32_t> segments_delivered);
/// What was reserved for a message that is not sent after all is free again; `paid`: what it cost instead. [writer thread]
void settle_reservation(store::Session& session, std::int64_t resource_key, const std::string& message_id, std::int64_t paid);

/// [any-thread] One lane for each database. A message waits for its turn under the rate limits, is routed, and its call is noted
/// durably, many at once, before it is made: after a crash, what was noted may have been sent, by the provider that the note
/// names, and what was not noted has not. Whoever may have sent a message is asked about it, or again under the same idempotency
/// key, before anybody else may. What the providers answer is written in batches too.
class SmsDispatcher {
 public:
  SmsDispatcher(ServiceContext& context, SmsConsent& consent, SmsRates& rates, const SmsConfig& config);
  ~SmsDispatcher();

  /// What an inquiry brought to light, as a receipt. Before the first submit. [lifecycle]
  void set_on_report(std::function<void(std::string provider, std::string message_id, sms::DeliveryReport report)> on_report) {
    on_report_ = std::move(on_report);
  }
  /// What is known of a message, and the carrier's id of it, is on disk. Before the first submit. [lifecycle]
  void set_on_settled(std::function<void(const std::string& provider, const std::string& message_id,
                                         const std::optional<std::string>& provider_message_id)>
                          on_settled) {
    on_settled_ = std::move(on_settled);
  }
  void submit(OutgoingPtr message);
  /// Puts a receipt into the record. `sent`: what the provider answered about the message and is not applied yet; whoever is
  /// given one applies it. Null: nothing is waiting. [writer thread, re-runnable]
  using RecordReceipt = std::function<void(store::Session& session, const sms_records::Transition* sent)>;
  /// Runs `record` together with whatever else is to be written. Completes when durable.
  Task<void> record(store::Database& database, std::int64_t resource_key, std::string message_id, RecordReceipt record);
  /// Takes up a call that a crash cut off: its answer is in doubt.
  void resume(OutgoingPtr message, const std::string& provider);
  /// When a message will be handed over; nullopt: it is not waiting for its turn.
  std::optional<Time> expected_at(const std::string& message_id) const;
  RouteQuery query_of(const OutgoingSms& sms, const OutgoingRecipient& recipient) const;

 private:
  struct Handover;
  struct Outcome;
  struct Lane;
  struct Attempt;
  struct Report;
  struct Settling;
  using HandoverPtr = std::shared_ptr<Handover>;

  Lane& lane_of(store::Database& database);
  // sms_dispatcher.cpp: turns, routes, notes
  std::vector<OutgoingPtr> split_by_route(const OutgoingPtr& message) const;
  void wait_for_turn(const OutgoingPtr& message);
  void enqueue(OutgoingPtr message);
  Task<void> run(Lane* lane);
  /// False: nobody can be asked; the message was dealt with.
  bool pick(Lane& lane, const OutgoingPtr& message);
  /// Writes the note; leaves out who was cancelled or opted out since. [writer thread, re-runnable]
  void note(store::Session& session, const std::vector<OutgoingPtr>& batch, std::vector<std::vector<bool>>& kept,
            Handover& handover) const;
  // sms_handover.cpp: calls and answers
  void call(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover);
  void take_error(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, const Error& error);
  void take_results(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover,
                    const ListView<sms::SmsSendResult>& results);
  /// Who did not take it was asked: the next one, a pause, or the end. `handover`: null when nothing was noted.
  void go_on(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, OutcomeClass outcome, sms::FailureReason reason,
             std::string provider_code, Duration at_least);
  // sms_outcomes.cpp: what is known by then, on disk
  void finish(Lane& lane, Outcome outcome);
  void write(Lane& lane);
  void settle(store::Session& session, const Settling& batch) const;
  void written(Lane& lane, Settling& batch, Result<void> result);
  // sms_inquiry.cpp: answers that were lost
  void doubt(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, std::string decision);
  void inquire(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover);
  Task<void> query(Lane* lane, OutgoingPtr message, HandoverPtr handover);
  void stay_uncertain(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, std::string decision);

  ServiceContext& context_;
  SmsConsent& consent_;
  SmsRates& rates_;
  const SmsConfig config_;
  std::function<void(std::string, std::string, sms::DeliveryReport)> on_report_;
  std::function<void(const std::string&, const std::string&, const std::optional<std::string>&)> on_settled_;
  mutable std::mutex mutex_;  // guards lanes_, what is in the lanes, and turns_; never held across I/O or a call
  std::unordered_map<store::Database*, std::unique_ptr<Lane>> lanes_;
  std::unordered_map<std::string, Time> turns_;  // of messages that wait for theirs
  Counter sent_, failed_, uncertain_, reconciled_;
};

/// A durable note that some messages are about to be handed over. Guarded by SmsDispatcher::mutex_.
struct SmsDispatcher::Handover {
  std::int64_t id = 0;
  std::size_t open = 0;
};

/// The arguments of one call; the client keeps them until the provider has completed it.
struct SmsDispatcher::Attempt {
  abi::Arena arguments;
  tl_sms_send_request request{};
};

struct SmsDispatcher::Outcome {
  ResourcePtr resource;
  std::string message_id;
  /// Without one only the decision is kept.
  std::optional<sms_records::Transition> transition;
  std::string decision;
  Time at{};
  std::string event_id;
  HandoverPtr handover;  // null: none was written
  /// What became of it is known, as far as this call goes.
  bool closes = true;
  /// It was uncertain; now the next one may have it.
  bool requeues = false;
  bool reserved = false;
};

/// A receipt on its way into the record.
struct SmsDispatcher::Report {
  std::int64_t resource_key = 0;
  std::string message_id;
  RecordReceipt record;
  UniqueFunction<void(Result<void>)> done;
};

struct SmsDispatcher::Lane {
  store::Database* database = nullptr;
  std::deque<OutgoingPtr> waiting;
  bool running = false;
  std::vector<Outcome> outcomes;
  std::vector<Report> reports;
  /// Notes whose calls are all answered. They go once every transaction that holds one of the answers has succeeded.
  std::vector<HandoverPtr> answered;
  int under_way = 0;  // transactions that took something
  /// A transaction will take it all, and has not begun.
  bool write_waits = false;
};

}  // namespace trunkline
