#include "session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace sms_smpp {

namespace asio = boost::asio;
namespace command = smpp::command;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {

constexpr std::size_t kReadOctets = 64 * 1024;
constexpr std::uint32_t kLastSequence = 0x7FFFFFFF;

std::uint32_t bind_command(Role role) {
  return role == Role::kTransceiver   ? command::kBindTransceiver
         : role == Role::kTransmitter ? command::kBindTransmitter
                                      : command::kBindReceiver;
}

/// Whether the credentials are at fault: trying again soon is no use then.
bool is_refusal(std::uint32_t status) {
  return status == smpp::status::kInvalidPassword || status == smpp::status::kInvalidSystemId ||
         status == smpp::status::kInvalidSystemType;
}

}  // namespace

Session::Session(asio::io_context& io, std::shared_ptr<asio::ssl::context> tls, const Settings& settings, Timers& timers,
                 SessionOwner& owner, Role role)
    : io_(io), settings_(settings), timers_(timers), owner_(owner), role_(role), wire_(io, std::move(tls)) {}

void Session::open(smpp::Bind bind) {
  answer_timer_ = timers_.after(settings_.response, [self = shared_from_this()] {
    if (!self->bound_)
      self->close(
          Error(ErrorCode::kUnavailable, self->settings_.host + ": no connection and no bind in time", "host").with_retry());
  });
  asio::co_spawn(io_, run(shared_from_this(), std::move(bind)), asio::detached);
}

asio::awaitable<void> Session::run([[maybe_unused]] std::shared_ptr<Session> self, smpp::Bind bind) {
  Error why;
  bool linger = false;
  try {
    co_await wire_.connect(settings_.host, settings_.port, settings_.tls_server_name, settings_.tls_verify);
    if (closed_) co_return wire_.close();
    std::string pdu;
    smpp::encode(pdu, bind_command(role_), 0, 0, bind);
    bind = {};  // the password is not kept
    const std::uint32_t sequence = next_sequence();
    smpp::set_sequence(pdu, sequence);
    pending_.emplace(sequence, Pending{[this](const Answer& answer) { bind_answered(answer); }, false});
    out_ += pdu;
    flush();
    for (;;) {
      char* room = frames_.prepare(kReadOctets);
      const std::size_t octets = co_await wire_.read_some(asio::buffer(room, kReadOctets));
      frames_.received(octets);
      heard_ = timers_.now();
      while (!closed_) {
        const auto pdu_in = frames_.next();
        if (!pdu_in) break;
        handle(*pdu_in);
      }
      if (closed_) co_return;
    }
  } catch (const smpp::Malformed& error) {
    smpp::encode_empty(out_, command::kGenericNack, error.status, 0);
    flush();
    linger = bound_;
    why = Error(ErrorCode::kUnavailable, "the carrier sent what is no SMPP: " + error.message).with_retry();
    why.provider_code = error.provider_code;
  } catch (const Error& error) {
    why = error;
  } catch (const boost::system::system_error& error) {
    why =
        Error(ErrorCode::kUnavailable, settings_.host + ": the connection ended: " + error.code().message(), "host").with_retry();
  } catch (const std::exception& error) {
    why = Error(ErrorCode::kUnavailable, settings_.host + ": the connection ended: " + error.what(), "host").with_retry();
  }
  close(why, linger);
}

void Session::bind_answered(const Answer& answer) {
  if (answer.lost) return;
  if (answer.status != 0) {
    Error why(is_refusal(answer.status) ? ErrorCode::kUnauthenticated : ErrorCode::kUnavailable,
              "the carrier refused the bind of " + settings_.system_id + ": " + smpp::status_code(answer.status), "system_id");
    why.provider_code = smpp::status_code(answer.status);
    why.retryable = !is_refusal(answer.status);
    return close(why);
  }
  bound_ = true;
  timers_.cancel(answer_timer_);
  answer_timer_ = {};
  watch_silence();
  owner_.on_bound(*this);
}

std::uint32_t Session::next_sequence() {
  sequence_ = sequence_ == kLastSequence ? 1 : sequence_ + 1;
  return sequence_;
}

void Session::request(std::string pdu, OnAnswer on_answer) {
  const std::uint32_t sequence = next_sequence();
  smpp::set_sequence(pdu, sequence);
  pending_[sequence] = Pending{std::move(on_answer)};
  due_.emplace_back(timers_.now() + settings_.response, sequence);
  out_ += pdu;
  flush();
  if (answer_timer_ == Timers::Key{}) watch_answers();
}

void Session::answer(std::uint32_t command, std::uint32_t status, std::uint32_t sequence) {
  if (closed_) return;
  if (command == command::kDeliverSm || command == command::kDataSm)
    smpp::encode(out_, command | command::kResponse, status, sequence, smpp::MessageResponse{});
  else
    smpp::encode_empty(out_, command | command::kResponse, status, sequence);
  flush();
}

/// What is asked for within one turn of the loop goes out in one write.
void Session::flush() {
  if (write_scheduled_ || closed_) return;
  write_scheduled_ = true;
  asio::co_spawn(io_, write_all(shared_from_this()), asio::detached);
}

asio::awaitable<void> Session::write_all([[maybe_unused]] std::shared_ptr<Session> self) {
  std::string failure;
  try {
    while (!out_.empty()) {
      writing_.clear();
      writing_.swap(out_);
      co_await wire_.write(asio::buffer(writing_));
    }
  } catch (const boost::system::system_error& error) {
    failure = error.code().message();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  write_scheduled_ = false;
  if (closed_)
    wire_.close();
  else if (!failure.empty())
    close(Error(ErrorCode::kUnavailable, settings_.host + ": the connection ended: " + failure, "host").with_retry());
}

void Session::watch_answers() {
  while (!due_.empty() && !pending_.contains(due_.front().second)) due_.pop_front();
  answer_timer_ = {};
  if (due_.empty() || closed_) return;
  answer_timer_ = timers_.at(due_.front().first, [self = shared_from_this()] {
    self->answer_timer_ = {};
    auto& due = self->due_;
    while (!due.empty() && !self->pending_.contains(due.front().second)) due.pop_front();
    if (!due.empty() && due.front().first <= self->timers_.now())
      return self->close(Error(ErrorCode::kUnavailable, self->settings_.host + ": no answer in time", "host").with_retry());
    self->watch_answers();
  });
}

void Session::watch_silence() {
  if (closed_) return;
  heard_ = std::max(heard_, timers_.now() - settings_.enquire_link);
  silence_timer_ = timers_.at(heard_ + settings_.enquire_link, [self = shared_from_this()] {
    Session& s = *self;
    if (s.closed_) return;
    if (s.timers_.now() < s.heard_ + s.settings_.enquire_link) return s.watch_silence();
    std::string pdu;
    smpp::encode_empty(pdu, command::kEnquireLink, 0, 0);
    s.request(std::move(pdu), [self](const Answer& answer) {
      if (!answer.lost) self->watch_silence();
    });
  });
}

void Session::handle(std::string_view pdu) {
  const smpp::Header header = smpp::decode_header(pdu);
  const std::string_view body = pdu.substr(smpp::kHeaderOctets);
  if (!(header.command & command::kResponse)) return handle_request(header, body);
  const auto found = pending_.find(header.sequence);
  if (found == pending_.end()) return;  // of nobody who still waits
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  Answer answer;
  answer.status = header.command == command::kGenericNack && header.status == 0 ? smpp::status::kUnknownError : header.status;
  answer.body = body;
  pending.on_answer(answer);
  if (closed_) return;
  if (finishing_ && pending_.empty()) return finish();
  if (pending.counts) owner_.on_room(*this);
}

void Session::handle_request(const smpp::Header& header, std::string_view body) {
  switch (header.command) {
    case command::kDeliverSm:
    case command::kDataSm: {
      smpp::Message message;
      try {
        message = smpp::decode_message(header.command, body);
      } catch (const smpp::Malformed& error) {
        return answer(header.command, error.status, header.sequence);
      }
      return owner_.on_message(*this, header.command, header.sequence, std::move(message));
    }
    case command::kEnquireLink:
      return answer(header.command, 0, header.sequence);
    case command::kUnbind:
      answer(header.command, 0, header.sequence);
      return close(Error(ErrorCode::kUnavailable, "the carrier unbound").with_retry(), true);
    case command::kAlertNotification:
    case command::kOutbind:
      return;
    default:
      smpp::encode_empty(out_, command::kGenericNack, smpp::status::kInvalidCommand, header.sequence);
      flush();
  }
}

void Session::finish() {
  finishing_ = true;
  if (closed_ || (bound_ && !pending_.empty())) return;
  // Nobody waits for the answer: whoever says goodbye goes.
  smpp::encode_empty(out_, command::kUnbind, 0, next_sequence());
  flush();
  close(Error(ErrorCode::kUnavailable, "the provider stops"), bound_);
}

void Session::close(const Error& why, bool linger) {
  if (closed_) return;
  auto self = shared_from_this();
  closed_ = true;
  timers_.cancel(answer_timer_);
  timers_.cancel(silence_timer_);
  auto pending = std::move(pending_);
  pending_.clear();
  Answer lost;
  lost.lost = true;
  for (auto& [sequence, request] : pending) request.on_answer(lost);
  owner_.on_closed(*this, why);
  if (!linger || !write_scheduled_) wire_.close();
}

}  // namespace sms_smpp
