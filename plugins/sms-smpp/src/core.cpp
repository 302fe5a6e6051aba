#include "core.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "codec/smpp_time.h"

namespace sms_smpp {

namespace command = smpp::command;
using trunkline::CallOptions;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::sms::SmsSendRequest;
using trunkline::sms::SmsSendResult;

namespace {

constexpr std::size_t kMaxText = 20;  // characters of a text that receipts repeat
/// What is left of a call's time when its message is handed over at the latest.
constexpr Duration kReserve = std::chrono::seconds(1);
/// A lost connection that is tried again so soon is waited for; later, somebody else may take the messages.
constexpr Duration kHold = std::chrono::seconds(5);
constexpr Duration kWithoutDeadline = std::chrono::seconds(30);
constexpr std::uint8_t kReceiptAlways = 1, kReceiptOnFailure = 2;

std::string start_of(std::string_view text) {
  std::string start;
  for (std::size_t i = 0; i < kMaxText && !text.empty(); ++i)
    if (const auto c = trunkline::gsm::take_utf8(text))
      trunkline::gsm::append_utf8(start, *c);
    else
      break;
  return start;
}

/// What data_sm has no fields for goes into parameters.
void as_data(smpp::Message& message, std::optional<Duration> valid_for) {
  const bool has_payload = std::any_of(message.tlvs.begin(), message.tlvs.end(),
                                       [](const smpp::Tlv& tlv) { return tlv.tag == smpp::tag::kMessagePayload; });
  if (!has_payload) message.tlvs.push_back({smpp::tag::kMessagePayload, std::move(message.short_message)});
  if (!valid_for) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*valid_for).count();
  smpp::add_number(message.tlvs, smpp::tag::kQosTimeToLive,
                   static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX)), 4);
}

}  // namespace

Core::Core(boost::asio::io_context& io, const Settings& settings, trunkline::Host host)
    : io_(io),
      settings_(settings),
      log_(host.log()),
      metrics_(host.metrics()),
      secrets_(host.secrets()),
      events_(host.sms_events()),
      coder_(settings.coding),
      timers_(io, host.clock()),
      ledger_(settings.receipt_ids),
      journal_(io, host.store(), log_, timers_, settings.journal),
      outbox_(settings_, timers_, journal_, ledger_,
              {[this] { return pick(); },
               [this] { return stopping_       ? std::string("the provider stops")
                               : may_come_up() ? std::string()
                                               : trouble(); },
               [this] { return window(); },
               [this](const RecordPtr& record) {
                 metrics_.add("sms_smpp_taken_total", 1);
                 if (!parked_.empty()) look_at_parked(false);
                 ask_later(record);
               },
               [this](const RecordPtr& record) { take_back(record); }}),
      inbox_(io, settings_, coder_, timers_, host.store(), log_, events_),
      reference_(static_cast<std::uint16_t>(timers_.now().time_since_epoch().count() / 1'000'000)) {
  const auto tls = make_tls_context(settings);
  SessionOwner& owner = *this;
  const auto add = [&](Role role) {
    for (int i = 0; i < settings.connections; ++i)
      links_.push_back(
          std::make_unique<Link>(io, tls, settings_, timers_, owner, role, [this] { return secrets_.get("password"); }));
  };
  if (settings.bind == BindKind::kTransceiver) add(Role::kTransceiver);
  if (settings.bind == BindKind::kPair || settings.bind == BindKind::kTransmitter) add(Role::kTransmitter);
  if (settings.bind == BindKind::kPair || settings.bind == BindKind::kReceiver) add(Role::kReceiver);
}

void Core::start() {
  // The parts first: one that comes while they are read would be of a text of its own.
  inbox_.load([this] { load_journal(); });
}

void Core::load_journal() {
  journal_.load([this](std::vector<RecordPtr> records) {
    for (RecordPtr& record : records) {
      if (record->custody == Custody::kLost) ledger_.lost(record);
      ledger_.add(std::move(record));
    }
    loaded_ = true;
    // Receipts come as soon as we bind, and may be about these.
    for (const auto& link : links_) link->start();
    auto calls = std::move(before_loaded_);
    before_loaded_.clear();
    for (const auto& call : calls) call();
  });
}

void Core::stop(std::function<void()> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  outbox_.give_back("the provider stops");
  look_at_parked(true);
  auto calls = std::move(before_loaded_);
  before_loaded_.clear();
  for (const auto& call : calls) call();
  for (const auto& link : links_) link->stop();
  finish_stop();
}

void Core::finish_stop() {
  if (!stopping_ || !stopped_) return;
  for (const auto& link : links_)
    if (link->session()) return;
  timers_.stop();
  auto done = std::exchange(stopped_, nullptr);
  done();
}

Link* Core::link_of(const Session& session) {
  for (const auto& link : links_)
    if (link->session() == &session) return link.get();
  return nullptr;
}

void Core::on_bound(Session& session) {
  holding_ = false;
  if (Link* link = link_of(session)) {
    const bool again = link->trouble().has_value();
    link->bound();
    log_.write(LogLevel::kInfo, again ? "bound to the carrier again" : "bound to the carrier",
               trunkline::Properties{{"host", settings_.host}});
  }
  metrics_.add("sms_smpp_binds_total", 1);
  outbox_.pump();
}

void Core::on_room(Session&) { outbox_.pump(); }

void Core::on_closed(Session& session, const Error& why) {
  Link* link = link_of(session);
  if (link) {
    const bool first = !link->trouble();
    link->ended(why);
    if (!stopping_ && first)
      log_.write(why.code == ErrorCode::kUnauthenticated ? LogLevel::kError : LogLevel::kWarning,
                 "the connection to the carrier ended", trunkline::Properties{{"host", settings_.host}, {"reason", why.message}});
  }
  if (stopping_) return finish_stop();
  holding_ = session.was_bound() && settings_.reconnect_first <= kHold;
  if (!may_come_up()) outbox_.give_back(trouble());
}

Session* Core::pick() {
  Session* best = nullptr;
  for (const auto& link : links_) {
    Session* session = link->session();
    if (!session || !session->can_send() || session->outstanding() >= settings_.window) continue;
    if (!best || session->outstanding() < best->outstanding()) best = session;
  }
  return best;
}

std::size_t Core::window() const { return settings_.window * static_cast<std::size_t>(settings_.connections); }

/// Whether a session that sends is up, or is being made for the first time, or will be tried at once.
bool Core::may_come_up() const {
  if (holding_) return true;
  return std::any_of(links_.begin(), links_.end(), [](const auto& link) {
    const Session* session = link->session();
    return session && session->role() != Role::kReceiver && (session->bound() || !link->trouble());
  });
}

std::string Core::trouble() const {
  for (const auto& link : links_)
    if (link->trouble()) return link->trouble()->message;
  return "there is no connection to the carrier";
}

smpp::Message Core::message_for(const SmsSendRequest& request, const std::string& to) const {
  smpp::Message message;
  message.service_type = settings_.service_type;
  message.source = source_address(settings_, request.from);
  message.destination = destination_address(settings_, to);
  if (request.delivery_report && settings_.receipts != Receipts::kNone)
    message.registered_delivery = settings_.receipts == Receipts::kAll ? kReceiptAlways : kReceiptOnFailure;
  if (const auto valid = valid_for(request)) message.validity = smpp::format_time(timers_.now() + *valid);
  return message;
}

std::optional<Duration> Core::valid_for(const SmsSendRequest& request) const {
  if (request.valid_until) return *request.valid_until - timers_.now();
  return settings_.validity > Duration{0} ? std::optional<Duration>(settings_.validity) : std::nullopt;
}

void Core::send(SmsSendRequest request, std::string resource, std::optional<Time> deadline,
                std::function<void(Result<std::vector<SmsSendResult>>)> done) {
  if (!loaded_ && !stopping_) {
    before_loaded_.push_back([this, request = std::move(request), resource = std::move(resource), deadline, done]() mutable {
      send(std::move(request), std::move(resource), deadline, done);
    });
    return;
  }
  smpp::CodedText text;
  try {
    if (stopping_) throw Error(ErrorCode::kUnavailable, "the provider stops").with_retry();
    text = coder_.encode(request.text, request.encoding);
    const int segments = static_cast<int>(text.part_sizes.size());
    if (segments > settings_.max_segments)
      throw Error(
          ErrorCode::kInvalidArgument,
          "text: found " + std::to_string(segments) + " segments, wanted at most " + std::to_string(settings_.max_segments),
          "text");
    if (outbox_.size() + request.recipients.size() * text.part_sizes.size() > settings_.queue)
      throw Error(ErrorCode::kResourceExhausted, "queue: " + std::to_string(settings_.queue) + " parts wait already")
          .with_retry();
    // What the carrier has needs no connection to be told.
    const auto known = [this](const auto& recipient) {
      const RecordPtr before = ledger_.find(recipient.message_id);
      return before && before->custody != Custody::kRefused && before->custody != Custody::kDropped;
    };
    if (!may_come_up() && !std::all_of(request.recipients.begin(), request.recipients.end(), known))
      throw Error(ErrorCode::kUnavailable, "nothing was handed over: " + trouble()).with_retry();
  } catch (...) {
    return done(trunkline::current_error());
  }
  auto call = std::make_shared<SendCall>();
  call->results.resize(request.recipients.size());
  call->open = request.recipients.size() + 1;  // one more, so that it does not end while we are here
  call->done = std::move(done);
  for (std::size_t i = 0; i < request.recipients.size(); ++i) add_recipient(request, text, i, resource, deadline, call);
  outbox_.pump();
  call->settle_one();
}

void Core::add_recipient(const SmsSendRequest& request, const smpp::CodedText& text, std::size_t index,
                         const std::string& resource, std::optional<Time> deadline, const std::shared_ptr<SendCall>& call) {
  const trunkline::sms::Recipient& recipient = request.recipients[index];
  SmsSendResult& result = call->results[index];
  result.message_id = recipient.message_id;
  result.segments = static_cast<std::int32_t>(text.part_sizes.size());
  if (const RecordPtr before = ledger_.find(recipient.message_id)) {
    if (before->custody == Custody::kTaken) {  // the host has lost our answer, not we the carrier's
      result.accepted = true;
      if (!before->parts[0].carrier_id.empty()) result.provider_message_id = before->parts[0].carrier_id;
      --call->open;
      return;
    }
    if (before->custody != Custody::kRefused && before->custody != Custody::kDropped) {
      call->lost = true;
      --call->open;
      return;
    }
  }
  auto consignment = std::make_shared<Consignment>();
  consignment->call = call;
  consignment->index = index;
  consignment->give_up = (deadline ? *deadline : timers_.now() + kWithoutDeadline) - kReserve;
  auto record = std::make_shared<Record>();
  record->message_id = recipient.message_id;
  record->resource = resource;
  record->from = request.from;
  record->to = recipient.to;
  record->text_start = start_of(request.text);
  record->reference = ++reference_;
  record->at = timers_.now();
  consignment->record = record;
  try {
    smpp::Message message = message_for(request, recipient.to);
    if (settings_.user_message_reference) smpp::add_number(message.tlvs, smpp::tag::kUserMessageReference, record->reference, 2);
    record->source = message.source;
    record->destination = message.destination;
    for (smpp::Message& part : coder_.fill(message, text, record->reference)) {
      if (settings_.data_sm) as_data(part, valid_for(request));
      smpp::encode(consignment->pdus.emplace_back(), settings_.data_sm ? command::kDataSm : command::kSubmitSm, 0, 0, part);
    }
  } catch (const smpp::Malformed& error) {
    result.accepted = false;
    result.reason = smpp::meaning_of(error.status).reason;
    if (result.reason == trunkline::sms::FailureReason::kNone) result.reason = trunkline::sms::FailureReason::kUnspecified;
    result.provider_code = error.provider_code;
    --call->open;
    return;
  }
  record->parts.resize(consignment->pdus.size());
  ledger_.add(std::move(record));
  outbox_.add(std::move(consignment));
}

void Core::on_message(Session& session, std::uint32_t command, std::uint32_t sequence, smpp::Message message) {
  const std::weak_ptr<Session> weak = session.weak_from_this();
  Reply reply = [weak, command, sequence](std::uint32_t status) {
    if (const auto open = weak.lock()) open->answer(command, status, sequence);
  };
  if (const auto receipt = smpp::read_receipt(message)) {
    metrics_.add("sms_smpp_receipts_total", 1);
    return take_receipt(message, *receipt, std::move(reply), true);
  }
  metrics_.add("sms_smpp_received_total", 1);
  inbox_.take(message, std::move(reply));
}

}  // namespace sms_smpp
