#include "server.h"

#include <openssl/crypto.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

namespace sms_smpp_server {

namespace asio = boost::asio;
namespace status = smpp::status;
using smpp::Fragment;
using smpp::MessageState;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::host::LogLevel;

namespace {

constexpr std::size_t kMaxStates = 100'000;

std::string hex(std::uint64_t value) {
  char digits[16];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr);
}

std::unique_ptr<asio::ssl::context> tls_context(const Settings& settings) {
  if (settings.certificate_file.empty()) return nullptr;
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  boost::system::error_code failure;
  context->use_certificate_chain_file(settings.certificate_file, failure);
  if (failure) throw Error(ErrorCode::kInvalidArgument, "tls_certificate_file: " + failure.message(), "tls_certificate_file");
  context->use_private_key_file(settings.key_file, asio::ssl::context::pem, failure);
  if (failure) throw Error(ErrorCode::kInvalidArgument, "tls_key_file: " + failure.message(), "tls_key_file");
  return context;
}

}  // namespace

Server::Server(asio::io_context& io, const Settings& settings, trunkline::Host host)
    : io_(io),
      settings_(settings),
      log_(host.log()),
      store_(host.store()),
      coder_(settings.coding),
      clients_(parse_clients(host.secrets().get("clients"))),
      timers_(io, host.clock()),
      gateway_(io, settings_, host.http(), host.clock(),
               http_carrier::parse_azure_connection(host.secrets().get("connection_string"))),
      tls_(tls_context(settings)),
      acceptor_(io),
      salt_(sms_smpp::make_salt(timers_.now())) {
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(settings.host, failure);
  if (failure) throw Error(ErrorCode::kInvalidArgument, "host: wanted an address, found \"" + settings.host + "\"", "host");
  const asio::ip::tcp::endpoint endpoint(address, settings.port);
  acceptor_.open(endpoint.protocol(), failure);
  if (!failure) acceptor_.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure) acceptor_.bind(endpoint, failure);
  if (!failure) acceptor_.listen(asio::socket_base::max_listen_connections, failure);
  if (failure)
    throw Error(ErrorCode::kFailedPrecondition,
                "port: cannot listen on " + settings.host + ":" + std::to_string(settings.port) + ": " + failure.message(),
                "port");
}

void Server::start() {
  load_waiting();
  load_parts();  // and then accepts: a part that comes while they are read would be of a text of its own
  boost::system::error_code failure;
  const auto local = acceptor_.local_endpoint(failure);  // settings may leave the choice to the system
  log_.write(LogLevel::kInfo, "SMPP clients may bind",
             Properties{{"port", std::to_string(failure ? settings_.port : local.port())}});
}

void Server::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  stop_keeping();
  const auto sessions = sessions_;
  for (const ClientSessionPtr& session : sessions) session->close();
  timers_.stop();
}

asio::awaitable<void> Server::accept() {
  for (;;) {
    try {
      asio::ip::tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      if (sessions_.size() >= settings_.max_connections) continue;  // closed as it goes out of scope
      boost::system::error_code ignored;
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
      auto session = std::make_shared<ClientSession>(std::move(socket), tls_.get(), settings_, timers_, *this);
      sessions_.insert(session);
      session->start();
    } catch (const boost::system::system_error& error) {
      if (!acceptor_.is_open()) co_return;
      log_.write(LogLevel::kWarning, "a connection was not accepted", Properties{{"reason", error.code().message()}});
    }
  }
}

std::uint32_t Server::may_bind(const smpp::Bind& bind) {
  const auto known = clients_.find(bind.system_id);
  // The same work for names that there are and that there are not.
  const std::string wanted = known == clients_.end() ? std::string("\x01") : known->second;
  const bool same =
      wanted.size() == bind.password.size() && CRYPTO_memcmp(wanted.data(), bind.password.data(), wanted.size()) == 0;
  if (known != clients_.end() && same) return status::kOk;
  log_.write(LogLevel::kWarning, "a bind was refused", Properties{{"system_id", bind.system_id}});
  return known == clients_.end() ? status::kInvalidSystemId : status::kInvalidPassword;
}

void Server::bound(const ClientSessionPtr& session) {
  if (session->can_receive()) tell_bound(session->system_id());
}

void Server::closed(const ClientSessionPtr& session) { sessions_.erase(session); }

std::string Server::new_id() { return hex(salt_) + hex(++ids_ + 0x1000'0000); }

void Server::remember(const std::string& id, MessageState state) {
  if (!states_.insert_or_assign(id, state).second) return;
  states_order_.push_back(id);
  if (states_order_.size() <= kMaxStates) return;
  states_.erase(states_order_.front());
  states_order_.pop_front();
}

std::optional<smpp::QueryResponse> Server::query(const std::string& system_id, const smpp::Query& query) {
  const auto found = states_.find(system_id + "/" + query.message_id.substr(0, query.message_id.find('-')));
  if (found == states_.end()) return std::nullopt;
  smpp::QueryResponse response;
  response.message_id = query.message_id;
  response.message_state = static_cast<std::uint8_t>(found->second);
  return response;
}

void Server::submit(const ClientSessionPtr& session, smpp::Message message, SubmitDone done) {
  Fragment part;
  try {
    part = smpp::read_fragment(message);
  } catch (const smpp::Malformed& error) {
    return done(error.status, {});
  }
  if (message.destination.digits.empty()) return done(status::kInvalidDestination, {});
  if (part.octets.empty() && part.concatenation.total == 1) return done(status::kInvalidMessageLength, {});
  if (part.concatenation.total > 1) return submit_part(session->system_id(), std::move(part), std::move(done));
  Submission whole;
  whole.system_id = session->system_id();
  whole.id = new_id();
  whole.source = message.source;
  whole.destination = message.destination;
  whole.receipts = receipt_letter(message.registered_delivery);
  whole.text = smpp::join(coder_, {part});
  submit_whole(std::move(whole), std::move(done));
}

void Server::submit_whole(Submission submission, SubmitDone done) {
  const std::string id = submission.id, key = submission.system_id + "/" + submission.id;
  gateway_.send(std::move(submission), [this, id, key, done = std::move(done)](std::uint32_t verdict) {
    if (verdict == status::kOk && !states_.contains(key)) remember(key, MessageState::kEnroute);
    done(verdict, id);
  });
}

}  // namespace sms_smpp_server
