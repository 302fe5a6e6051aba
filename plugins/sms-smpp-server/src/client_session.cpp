#include "client_session.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace sms_smpp_server {

namespace asio = boost::asio;
namespace command = smpp::command;
namespace status = smpp::status;
using asio::use_awaitable;

namespace {
constexpr std::size_t kReadOctets = 16 * 1024;
/// What a client may let lie around unread.
constexpr std::size_t kMaxUnsent = 4 * 1024 * 1024;
}  // namespace

ClientSession::ClientSession(asio::ip::tcp::socket socket, asio::ssl::context* tls, const Settings& settings,
                             sms_smpp::Timers& timers, SessionOwner& owner)
    : plain_(std::move(socket)), settings_(settings), timers_(timers), owner_(owner) {
  if (tls) tls_.emplace(plain_, *tls);
}

void ClientSession::start() {
  heard_ = timers_.now();
  timer_ = timers_.after(settings_.bind_patience, [self = shared_from_this()] {
    if (self->system_id_.empty()) return self->close();
    self->watch();
  });
  asio::co_spawn(plain_.get_executor(), run(shared_from_this()), asio::detached);
}

asio::awaitable<std::size_t> ClientSession::read_some(asio::mutable_buffer buffer) {
  if (tls_) co_return co_await tls_->async_read_some(buffer, use_awaitable);
  co_return co_await plain_.async_read_some(buffer, use_awaitable);
}

asio::awaitable<void> ClientSession::run([[maybe_unused]] ClientSessionPtr self) {
  try {
    if (tls_) co_await tls_->async_handshake(asio::ssl::stream_base::server, use_awaitable);
    while (!closed_ && !closing_) {
      char* room = frames_.prepare(kReadOctets);
      const std::size_t octets = co_await read_some(asio::buffer(room, kReadOctets));
      frames_.received(octets);
      heard_ = timers_.now();
      while (!closed_ && !closing_) {
        const auto pdu = frames_.next();
        if (!pdu) break;
        handle(*pdu);
      }
    }
    co_return;
  } catch (const smpp::Malformed& error) {
    smpp::encode_empty(out_, command::kGenericNack, error.status, 0);
    closing_ = true;
    flush();
    co_return;
  } catch (const std::exception&) {  // it is gone
  }
  close();
}

void ClientSession::handle(std::string_view pdu) {
  const smpp::Header header = smpp::decode_header(pdu);
  const std::string_view body = pdu.substr(smpp::kHeaderOctets);
  if (header.command & command::kResponse) {
    const auto found = pending_.find(header.sequence);
    if (found == pending_.end()) return;
    Pending pending = std::move(found->second);
    pending_.erase(found);
    timers_.cancel(pending.timer);
    return pending.done(header.command == command::kGenericNack ? status::kSystemError : header.status);
  }
  try {
    switch (header.command) {
      case command::kBindReceiver:
      case command::kBindTransmitter:
      case command::kBindTransceiver:
        return bind(header, body);
      case command::kEnquireLink:
        return answer(header, status::kOk);
      case command::kUnbind:
        answer(header, status::kOk);
        closing_ = true;
        return;
      case command::kSubmitSm:
      case command::kDataSm:
        return submit(header, body);
      case command::kQuerySm: {
        if (system_id_.empty()) return answer(header, status::kInvalidBindStatus);
        const auto found = owner_.query(system_id_, smpp::decode_query(body));
        if (!found) return answer(header, status::kQueryFailed);
        smpp::encode(out_, header.command | command::kResponse, status::kOk, header.sequence, *found);
        return flush();
      }
      case command::kCancelSm:
        (void)smpp::decode_cancel(body);
        return answer(header, status::kCancelFailed);  // it was handed over already
      case command::kReplaceSm:
      case command::kSubmitMulti:
        return answer(header, status::kInvalidCommand);
      default:
        smpp::encode_empty(out_, command::kGenericNack, status::kInvalidCommand, header.sequence);
        return flush();
    }
  } catch (const smpp::Malformed& error) {
    answer(header, error.status);
  }
}

void ClientSession::bind(const smpp::Header& header, std::string_view body) {
  if (!system_id_.empty()) return answer(header, status::kAlreadyBound);
  const smpp::Bind wanted = smpp::decode_bind(body);
  const std::uint32_t verdict = owner_.may_bind(wanted);
  if (verdict != status::kOk) {
    closing_ = true;  // one guess a connection
    return answer(header, verdict);
  }
  system_id_ = wanted.system_id;
  sends_ = header.command != command::kBindReceiver;
  receives_ = header.command != command::kBindTransmitter;
  smpp::BindResponse response{settings_.system_id, {}};
  smpp::add_number(response.tlvs, smpp::tag::kScInterfaceVersion, smpp::kVersion34, 1);
  smpp::encode(out_, header.command | command::kResponse, status::kOk, header.sequence, response);
  flush();
  owner_.bound(shared_from_this());
}

void ClientSession::submit(const smpp::Header& header, std::string_view body) {
  if (!sends_) return answer(header, status::kInvalidBindStatus);
  if (under_way_ >= settings_.window) return answer(header, status::kThrottled);
  smpp::Message message = smpp::decode_message(header.command, body);
  ++under_way_;
  owner_.submit(shared_from_this(), std::move(message),
                [self = shared_from_this(), header](std::uint32_t verdict, std::string id) {
                  --self->under_way_;
                  if (self->closed_) return;
                  if (verdict != status::kOk) return self->answer(header, verdict);
                  smpp::encode(self->out_, header.command | command::kResponse, status::kOk, header.sequence,
                               smpp::MessageResponse{std::move(id), {}});
                  self->flush();
                });
}

void ClientSession::answer(const smpp::Header& header, std::uint32_t verdict) {
  if (closed_) return;
  smpp::encode_empty(out_, header.command | command::kResponse, verdict, header.sequence);
  flush();
}

void ClientSession::deliver(const smpp::Message& message, std::function<void(std::uint32_t)> done) {
  if (!can_receive()) return done(status::kSystemError);
  next_sequence();
  try {
    smpp::encode(out_, command::kDeliverSm, 0, sequence_, message);
  } catch (const smpp::Malformed& error) {
    return done(error.status);
  }
  Pending pending{std::move(done), timers_.after(settings_.deliver_patience, [self = shared_from_this(), sequence = sequence_] {
                    const auto found = self->pending_.find(sequence);
                    if (found == self->pending_.end()) return;
                    auto late = std::move(found->second.done);
                    self->pending_.erase(found);
                    late(status::kSystemError);
                  })};
  pending_.emplace(sequence_, std::move(pending));
  flush();
}

std::uint32_t ClientSession::next_sequence() {
  sequence_ = sequence_ >= 0x7FFFFFFE ? 1 : sequence_ + 1;
  return sequence_;
}

void ClientSession::flush() {
  if (out_.size() > kMaxUnsent) return close();
  if (write_scheduled_ || closed_) return;
  write_scheduled_ = true;
  asio::co_spawn(plain_.get_executor(), write_all(shared_from_this()), asio::detached);
}

asio::awaitable<void> ClientSession::write_all([[maybe_unused]] ClientSessionPtr self) {
  bool failed = false;
  try {
    while (!out_.empty() && !closed_) {
      writing_.clear();
      writing_.swap(out_);
      if (tls_)
        co_await asio::async_write(*tls_, asio::buffer(writing_), use_awaitable);
      else
        co_await asio::async_write(plain_, asio::buffer(writing_), use_awaitable);
    }
  } catch (const std::exception&) {
    failed = true;
  }
  write_scheduled_ = false;
  if (failed || closing_) close();
}

void ClientSession::watch() {
  if (closed_) return;
  const Time now = timers_.now(), due = heard_ + settings_.idle;
  if (due <= now) return close();
  Time next = due;
  if (settings_.enquire > Duration{0}) {
    // A client that only waits says nothing by itself; one that is gone does not answer.
    if (std::max(heard_, asked_) + settings_.enquire <= now) {
      asked_ = now;
      smpp::encode_empty(out_, command::kEnquireLink, status::kOk, next_sequence());
      flush();
    }
    next = std::min(due, std::max(heard_, asked_) + settings_.enquire);
  }
  timer_ = timers_.at(next, [self = shared_from_this()] { self->watch(); });
}

void ClientSession::close() {
  if (std::exchange(closed_, true)) return;
  const ClientSessionPtr self = shared_from_this();
  timers_.cancel(timer_);
  boost::system::error_code ignored;
  plain_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  plain_.close(ignored);
  auto pending = std::move(pending_);
  pending_.clear();
  for (auto& [sequence, one] : pending) {
    timers_.cancel(one.timer);
    one.done(status::kSystemError);
  }
  owner_.closed(self);
}

}  // namespace sms_smpp_server
