// Receipts, questions about messages, and taking them back.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "core.h"

namespace sms_smpp {

namespace command = smpp::command;
using trunkline::CallOptions;
using trunkline::Error;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::sms::DeliveryReport;
using trunkline::sms::SmsCustody;
using trunkline::sms::SmsQuery;
using trunkline::sms::SmsQueryResult;

namespace {

constexpr std::size_t kMaxParked = 10'000;
constexpr Duration kParked = std::chrono::seconds(5);
constexpr int kMaxQuestions = 5;

}  // namespace

void Core::take_receipt(const smpp::Message& message, const smpp::Receipt& receipt, Reply reply, bool may_wait) {
  auto place = ledger_.find_carrier_id(receipt.message_id);
  if (!place && may_wait && parked_.size() < kMaxParked) {
    const bool under_way = std::any_of(links_.begin(), links_.end(),
                                       [](const auto& link) { return link->session() && link->session()->outstanding() > 0; });
    if (under_way) {
      if (parked_.empty()) timers_.after(kParked, [this] { look_at_parked(false); });
      parked_.push_back({message, receipt, std::move(reply), timers_.now() + kParked});
      return;
    }
  }
  if (!place) {
    if (const RecordPtr lost = ledger_.find_lost(message, receipt)) {
      std::size_t part = 0;
      while (part + 1 < lost->parts.size() && !lost->parts[part].carrier_id.empty()) ++part;
      ledger_.taken(lost, part, ledger_.answer_form(receipt.message_id));
      if (std::all_of(lost->parts.begin(), lost->parts.end(), [](const PartState& one) { return !one.carrier_id.empty(); }))
        lost->custody = Custody::kTaken;
      journal_.note_answer(*lost);
      place = Ledger::Place{lost, part};
    }
  }
  if (!place) {
    if (receipt.message_id.empty()) return reply(smpp::status::kOk);  // nobody can say what it is about
    Record unknown;                                                   // from before our memory: the host knows the carrier's id
    unknown.parts.resize(1);
    unknown.parts[0].carrier_id = ledger_.answer_form(receipt.message_id);
    auto told = apply_receipt(unknown, 0, receipt.state, receipt.error, timers_.now());
    return report(std::move(*told), {}, std::move(reply));
  }
  auto told = apply_receipt(*place->record, place->part, receipt.state, receipt.error, timers_.now());
  if (!told) return reply(smpp::status::kOk);
  report(std::move(*told), place->record->resource, std::move(reply));
}

void Core::look_at_parked(bool all) {
  auto parked = std::move(parked_);
  parked_.clear();
  const Time now = timers_.now();
  for (Parked& one : parked) {
    const bool known = ledger_.find_carrier_id(one.receipt.message_id).has_value();
    if (known || all || one.until <= now)
      take_receipt(one.message, one.receipt, std::move(one.reply), false);
    else
      parked_.push_back(std::move(one));
  }
  if (!parked_.empty() && !all) timers_.at(parked_.front().until, [this] { look_at_parked(false); });
}

void Core::report(DeliveryReport report, const std::string& resource, Reply reply) {
  CallOptions options;
  options.resource = resource;
  trunkline::spawn(events_.delivery_report(std::move(report), std::move(options)),
                   [this, alive = alive_, &io = io_, reply = std::move(reply)](Result<void> result) mutable {
                     boost::asio::post(io, [this, alive, reply = std::move(reply), result = std::move(result)] {
                       if (!*alive) return;
                       if (!result.ok())
                         log_.write(LogLevel::kWarning, "a receipt was not taken; the carrier sends it again",
                                    trunkline::Properties{{"reason", result.error().message}});
                       reply(result.ok() ? smpp::status::kOk : smpp::status::kTemporaryAppError);
                     });
                   });
}

/// For carriers that send no receipts, or lose them.
void Core::ask_later(const RecordPtr& record) {
  if (settings_.query_after <= Duration{0} || record->reported || record->questions >= kMaxQuestions) return;
  const Duration wait = settings_.query_after * (1 << record->questions);
  timers_.after(wait, [this, weak = std::weak_ptr<Record>(record)] {
    const RecordPtr asked = weak.lock();
    if (!asked || asked->reported || stopping_) return;
    ++asked->questions;
    ask(asked, [this, asked](std::optional<DeliveryReport> told) {
      if (told && told->state != trunkline::sms::MessageState::kSent)
        report(std::move(*told), asked->resource, [](std::uint32_t) {});
      else
        ask_later(asked);
    });
  });
}

/// query_sm for the first part whose end is not known.
void Core::ask(const RecordPtr& record, std::function<void(std::optional<DeliveryReport>)> done) {
  std::size_t part = 0;
  const auto open = [&](std::size_t i) {
    return smpp::outcome_of(record->parts[i].state).state == trunkline::sms::MessageState::kSent;
  };
  while (part + 1 < record->parts.size() && !open(part)) ++part;
  Session* session = nullptr;
  for (const auto& link : links_)
    if (link->session() && link->session()->can_send()) session = link->session();
  if (!session || record->parts[part].carrier_id.empty()) return done(std::nullopt);
  smpp::Query query;
  query.message_id = record->parts[part].carrier_id;
  query.source = record->source;
  std::string pdu;
  try {
    smpp::encode(pdu, command::kQuerySm, 0, 0, query);
  } catch (const smpp::Malformed&) {
    return done(std::nullopt);
  }
  metrics_.add("sms_smpp_queries_total", 1);
  session->request(std::move(pdu), [this, record, part, done = std::move(done)](const Answer& answer) {
    if (answer.lost || answer.status != 0) return done(std::nullopt);
    smpp::QueryResponse response;
    try {
      response = smpp::decode_query_response(answer.body);
    } catch (const smpp::Malformed&) {
      return done(std::nullopt);
    }
    const auto state = static_cast<smpp::MessageState>(response.message_state);
    const std::string error = response.error_code ? std::to_string(response.error_code) : std::string();
    auto told = apply_receipt(*record, part, state, error, timers_.now());
    const bool more = !told && part + 1 < record->parts.size() && state == smpp::MessageState::kDelivered;
    if (more) return ask(record, done);
    done(std::move(told));
  });
}

void Core::query(SmsQuery query, std::function<void(Result<SmsQueryResult>)> done) {
  if (!loaded_ && !stopping_) {
    before_loaded_.push_back([this, query = std::move(query), done]() mutable { this->query(std::move(query), done); });
    return;
  }
  SmsQueryResult result;
  RecordPtr record = ledger_.find(query.message_id);
  if (!record && query.provider_message_id) {
    record = std::make_shared<Record>();
    record->message_id = query.message_id;
    record->source = source_address(settings_, query.from);
    record->parts.resize(1);
    record->parts[0].carrier_id = *query.provider_message_id;
    record->custody = Custody::kTaken;
  }
  if (!record) {
    result.custody = SmsCustody::kUnclear;
    if (!journal_.enabled() || query.sent_at < journal_.complete_since()) return done(std::move(result));
    journal_.find_noted(query.message_id, [this, result, done](Result<RecordPtr> noted) mutable {
      if (noted.ok() && noted.value()) return tell_custody(noted.value(), done);
      if (noted.ok()) result.custody = SmsCustody::kNotTaken;
      done(std::move(result));
    });
    return;
  }
  tell_custody(record, done);
}

void Core::tell_custody(const RecordPtr& record, const std::function<void(Result<SmsQueryResult>)>& done) {
  SmsQueryResult result;
  switch (record->custody) {
    case Custody::kTaken:
      result.custody = SmsCustody::kTaken;
      ask(record, [result, done](std::optional<DeliveryReport> told) mutable {
        result.report = std::move(told);
        done(std::move(result));
      });
      return;
    case Custody::kRefused:
    case Custody::kDropped:
      result.custody = SmsCustody::kNotTaken;
      break;
    default:
      result.custody = SmsCustody::kUnclear;
  }
  done(std::move(result));
}

/// A text of which a part was refused reaches nobody as it was written.
void Core::take_back(const RecordPtr& record) {
  Session* session = pick();
  for (PartState& part : record->parts) {
    if (part.carrier_id.empty() || part.state != smpp::MessageState::kNone) continue;
    part.state = smpp::MessageState::kDeleted;
    if (!session) continue;
    smpp::Cancel cancel;
    cancel.service_type = settings_.service_type;
    cancel.message_id = part.carrier_id;
    cancel.source = record->source;
    cancel.destination = record->destination;
    std::string pdu;
    try {
      smpp::encode(pdu, command::kCancelSm, 0, 0, cancel);
    } catch (const smpp::Malformed&) {
      continue;
    }
    session->request(std::move(pdu), [this, id = part.carrier_id](const Answer& answer) {
      if (answer.lost || answer.status != 0)
        log_.write(LogLevel::kWarning, "a part of a refused text could not be cancelled",
                   trunkline::Properties{{"carrier_id", id}});
    });
  }
}

}  // namespace sms_smpp
