#include "outbox.h"

#include <algorithm>

namespace sms_smpp {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::sms::FailureReason;
using trunkline::sms::SmsSendResult;

namespace {
constexpr std::size_t kNotedAtOnce = 256;
constexpr int kMostDoublings = 4;
}  // namespace

void SendCall::settle_one() {
  if (--open > 0) return;
  if (lost) {
    // The host asks what became of each (trunkline.sms.query/1), and sends none of them elsewhere before it knows.
    done(Error(ErrorCode::kDeadlineExceeded, "the connection ended before the carrier's answer: it may have been taken"));
  } else if (unsent == results.size()) {
    done(Error(ErrorCode::kUnavailable, "nothing was handed over: " + unsent_because).with_retry());
  } else {
    done(std::move(results));
  }
}

Outbox::Outbox(const Settings& settings, Timers& timers, Journal& journal, Ledger& ledger, Hooks hooks)
    : settings_(settings), timers_(timers), journal_(journal), ledger_(ledger), hooks_(std::move(hooks)) {}

void Outbox::add(ConsignmentPtr consignment) {
  consignment->unanswered = consignment->pdus.size();
  if (!journal_.enabled()) return make_ready(consignment);
  waiting_parts_ += consignment->pdus.size();
  waiting_.push_back(std::move(consignment));
  note();
}

void Outbox::make_ready(const ConsignmentPtr& consignment) {
  for (std::size_t i = 0; i < consignment->pdus.size(); ++i) ready_.push_back({consignment, i});
  watch();
}

/// Only as much as will soon be written: what is noted and not written counts as lost after a crash.
void Outbox::note() {
  if (noting_ || waiting_.empty() || ready_.size() > hooks_.ahead()) return;
  std::vector<RecordPtr> records;
  auto batch = std::make_shared<std::vector<ConsignmentPtr>>();
  std::size_t parts = 0;
  while (!waiting_.empty() && batch->size() < kNotedAtOnce && (parts == 0 || ready_.size() + parts < 2 * hooks_.ahead())) {
    ConsignmentPtr one = std::move(waiting_.front());
    waiting_.pop_front();
    parts += one->pdus.size();
    waiting_parts_ -= one->pdus.size();
    one->record->custody = Custody::kNoted;
    records.push_back(one->record);
    batch->push_back(std::move(one));
  }
  noting_ = true;
  journal_.note(std::move(records), [this, batch](Result<void> result) {
    noting_ = false;
    for (const ConsignmentPtr& one : *batch) {
      if (result.ok())
        make_ready(one);
      else
        unsent(*one, "it cannot be noted on disk: " + result.error().message);
    }
    // The connection may have gone while this was written: it was in neither queue then.
    if (const std::string why = hooks_.trouble(); !why.empty()) return give_back(why);
    note();
    pump();
  });
}

bool Outbox::may_send_now() {
  const Time now = timers_.now();
  Time at = paused_until_;
  if (settings_.rate_per_second > 0) {
    const double rate = settings_.rate_per_second;
    if (tokens_at_ == Time{})
      tokens_ = 1;
    else
      tokens_ = std::min(tokens_ + rate * std::chrono::duration<double>(now - tokens_at_).count(), std::max(1.0, rate / 10));
    tokens_at_ = now;
    if (tokens_ < 1)
      at = std::max(at, now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>((1 - tokens_) / rate)) +
                            std::chrono::microseconds(1));
  }
  if (at <= now) return true;
  timers_.cancel(pause_timer_);
  pause_timer_ = timers_.at(at, [this] { pump(); });
  return false;
}

void Outbox::pump() {
  while (!ready_.empty()) {
    Consignment& first = *ready_.front().consignment;
    if (first.settled) {
      ready_.pop_front();
      continue;
    }
    // A text of which a part is with the carrier already goes on: half a text helps nobody.
    if (ready_.front().part == 0 && first.record->custody != Custody::kWritten && timers_.now() >= first.give_up) {
      const ConsignmentPtr late = ready_.front().consignment;
      unsent(*late, "the carrier had no room for it in time");
      continue;
    }
    if (!may_send_now()) break;
    Session* session = hooks_.pick();
    if (!session) break;
    Piece piece = std::move(ready_.front());
    ready_.pop_front();
    if (settings_.rate_per_second > 0) tokens_ -= 1;
    send(*session, std::move(piece));
  }
  note();
}

void Outbox::send(Session& session, Piece piece) {
  piece.consignment->record->custody = Custody::kWritten;
  std::string pdu = piece.consignment->pdus[piece.part];  // kept: it may be throttled
  session.request(std::move(pdu), [this, piece](const Answer& answer) { answered(piece, answer); });
}

void Outbox::answered(const Piece& piece, const Answer& answer) {
  Consignment& consignment = *piece.consignment;
  if (answer.lost) {
    if (consignment.settled) return;
    ledger_.lost(consignment.record);
    consignment.call->lost = true;
    return settle(consignment);
  }
  if (smpp::is_throttling(answer.status)) return throttled(piece, answer.status);
  throttles_ = 0;
  if (answer.status != 0) return refuse(consignment, answer.status);
  std::string id;
  try {
    id = smpp::decode_message_response(answer.body).message_id;
  } catch (const smpp::Malformed&) {  // taken, under a name that we cannot read
  }
  ledger_.taken(consignment.record, piece.part, std::move(id));
  if (consignment.settled) return hooks_.take_back(consignment.record);
  if (--consignment.unanswered > 0) return;
  consignment.record->custody = Custody::kTaken;
  journal_.note_answer(*consignment.record);
  SmsSendResult& result = consignment.call->results[consignment.index];
  result.accepted = true;
  if (const std::string& first = consignment.record->parts[0].carrier_id; !first.empty()) result.provider_message_id = first;
  const RecordPtr record = consignment.record;
  settle(consignment);
  hooks_.taken(record);
}

void Outbox::throttled(Piece piece, std::uint32_t status) {
  const ConsignmentPtr consignment = piece.consignment;
  const Duration pause = settings_.throttle_pause * (1 << std::min(throttles_, kMostDoublings));
  const Time until = timers_.now() + pause;
  if (until > paused_until_) {
    paused_until_ = until;
    ++throttles_;
  }
  if (consignment->settled) return;
  if (until >= consignment->give_up) return refuse(*consignment, status);
  // Nothing of it is with the carrier, unless it has parts that are.
  if (std::all_of(consignment->record->parts.begin(), consignment->record->parts.end(),
                  [](const PartState& part) { return part.carrier_id.empty(); }))
    consignment->record->custody = Custody::kNoted;
  ready_.push_front(std::move(piece));
  pump();
}

void Outbox::refuse(Consignment& consignment, std::uint32_t status) {
  if (consignment.settled) return;
  const smpp::StatusMeaning& meaning = smpp::meaning_of(status);
  SmsSendResult& result = consignment.call->results[consignment.index];
  const bool partly = std::any_of(consignment.record->parts.begin(), consignment.record->parts.end(),
                                  [](const PartState& part) { return !part.carrier_id.empty(); });
  result.accepted = false;
  result.reason = meaning.reason == FailureReason::kNone ? FailureReason::kUnspecified : meaning.reason;
  result.provider_code = smpp::status_code(status);
  result.retryable = meaning.retryable && !partly;
  consignment.record->custody = Custody::kRefused;
  journal_.note_answer(*consignment.record);
  const RecordPtr record = consignment.record;
  settle(consignment);
  if (partly) hooks_.take_back(record);
}

void Outbox::unsent(Consignment& consignment, const std::string& why) {
  if (consignment.settled) return;
  SmsSendResult& result = consignment.call->results[consignment.index];
  result.accepted = false;
  result.reason = FailureReason::kTemporary;
  result.provider_code = why;
  result.retryable = true;
  ++consignment.call->unsent;
  consignment.call->unsent_because = why;
  const bool noted = consignment.record->custody == Custody::kNoted;
  consignment.record->custody = Custody::kDropped;
  if (noted) journal_.note_answer(*consignment.record);
  settle(consignment);
}

void Outbox::settle(Consignment& consignment) {
  if (std::exchange(consignment.settled, true)) return;
  consignment.call->settle_one();
}

void Outbox::give_back(const std::string& why) {
  auto waiting = std::move(waiting_);
  waiting_.clear();
  waiting_parts_ = 0;
  auto ready = std::move(ready_);
  ready_.clear();
  for (const ConsignmentPtr& one : waiting) unsent(*one, why);
  for (const Piece& piece : ready) {
    Consignment& one = *piece.consignment;
    if (one.settled) continue;
    if (one.record->custody == Custody::kWritten) {  // other parts of it are with the carrier
      ledger_.lost(one.record);
      one.call->lost = true;
      settle(one);
    } else {
      unsent(one, why);
    }
  }
}

/// What waits too long is given back, also while nothing else happens.
void Outbox::watch() {
  if (ready_.empty() || watch_timer_ != Timers::Key{}) return;
  watch_timer_ = timers_.at(ready_.front().consignment->give_up, [this] {
    watch_timer_ = {};
    pump();
    watch();
  });
}

}  // namespace sms_smpp
