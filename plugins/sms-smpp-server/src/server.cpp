#include "server.h"

#include <openssl/crypto.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "listing.h"

namespace sms_smpp_server {

namespace asio = boost::asio;
namespace status = smpp::status;
using smpp::Fragment;
using smpp::MessageState;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::host::StoreEntry;

namespace {

constexpr std::size_t kMaxStates = 100'000;
constexpr std::size_t kMaxTelling = 10'000;
constexpr Duration kPartsPatience = std::chrono::hours(24);
constexpr Duration kLookAgain = std::chrono::minutes(1);
constexpr const char* kPrefix = "parts/";

std::string hex(std::uint64_t value) {
  char digits[16];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr);
}

std::string part_key(const std::string& id, int number) { return kPrefix + id + "/" + std::to_string(number); }

/// `system_id \n registered \n` and the part as a PDU.
Bytes pack(const std::string& system_id, std::uint8_t registered, const Fragment& part) {
  smpp::Message message;
  message.source = part.source;
  message.destination = part.destination;
  message.data_coding = part.data_coding;
  message.registered_delivery = registered;
  smpp::UserDataHeader header = part.header;
  header.concatenation = part.concatenation;
  message.esm_class = smpp::kEsmUdhi;
  message.tlvs.push_back({smpp::tag::kMessagePayload, smpp::write_user_data_header(header) + part.octets});
  std::string row = system_id + "\n";
  smpp::encode(row, smpp::command::kDeliverSm, 0, 0, message);
  return Bytes(row.begin(), row.end());
}

trunkline::Task<void> remove_all(trunkline::host::StoreClient store, std::vector<std::string> keys) {
  for (std::string& key : keys) co_await store.remove(std::move(key));
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
      salt_(static_cast<std::uint64_t>(timers_.now().time_since_epoch().count())) {
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
  load_parts();  // and then accepts: a part that comes while they are read would be of a text of its own
  log_.write(LogLevel::kInfo, "SMPP clients may bind", Properties{{"port", std::to_string(settings_.port)}});
}

void Server::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
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

Server::Texts& Server::texts_of(const std::string& system_id) {
  auto& texts = texts_[system_id];
  if (!texts) texts = std::make_unique<Texts>(settings_.inbound_texts, kPartsPatience);
  return *texts;
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
  if (part.concatenation.total > 1)
    return submit_part(session->system_id(), std::move(part), message.registered_delivery, std::move(done));
  Submission whole;
  whole.system_id = session->system_id();
  whole.id = new_id();
  whole.source = message.source;
  whole.destination = message.destination;
  whole.wants_receipt = (message.registered_delivery & 3) != 0;
  whole.only_failures = (message.registered_delivery & 3) == 2;
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

/// Parts that waited too long for the others, or of one text too many.
void Server::forget(const std::string& system_id, const std::vector<Fragment>& parts, bool expired) {
  Texts& texts = texts_of(system_id);
  const auto found = texts.kept.find(parts.front().key());
  if (found == texts.kept.end()) return;
  const auto kept = std::move(found->second);
  texts.kept.erase(found);
  log_.write(LogLevel::kWarning, "a client's text stayed incomplete and was dropped",
             Properties{{"to", parts.front().destination.digits}});
  smpp::Receipt receipt;
  receipt.state = expired ? MessageState::kExpired : MessageState::kUndeliverable;
  remember(system_id + "/" + kept.id, receipt.state);
  auto dropped = std::make_shared<Dropped>();
  dropped->system_id = system_id;
  dropped->until = timers_.now() + kPartsPatience;
  for (const Fragment& one : parts) {
    dropped->keys.push_back(part_key(kept.id, one.concatenation.number));
    receipt.message_id = kept.id + "-" + std::to_string(one.concatenation.number);
    dropped->receipts.push_back(receipt_message(one.source, one.destination, receipt));
  }
  if (!kept.wants_receipt || telling_ >= kMaxTelling) return remove_rows(std::move(dropped->keys));
  ++telling_;
  tell_dropped(dropped);
}

void Server::forget_overdue() {
  const auto now = timers_.now();
  for (auto& [system_id, texts] : texts_)
    for (;;) {
      const auto due = texts->parts.next_due();
      const auto lost = texts->parts.overdue(now);
      if (!lost) break;
      forget(system_id, *lost, due && *due <= now);
    }
  watch();
}

void Server::watch() {
  if (watching_) return;
  std::optional<Time> first;
  for (const auto& [system_id, texts] : texts_)
    if (const auto due = texts->parts.next_due()) first = std::min(first.value_or(*due), *due);
  if (!first) return;
  watching_ = true;
  timers_.at(std::max(*first, timers_.now() + kLookAgain), [this] {
    watching_ = false;
    forget_overdue();
  });
}

void Server::remove_rows(std::vector<std::string> keys) {
  trunkline::spawn(remove_all(store_, std::move(keys)), [](Result<void>) {});
}

/// A part is answered once it is on disk; the last one once the whole text was accepted.
void Server::submit_part(const std::string& system_id, Fragment part, std::uint8_t registered, SubmitDone done) {
  Texts& texts = texts_of(system_id);
  const std::string key = part.key();
  Texts::Kept& kept = texts.kept[key];
  if (kept.id.empty()) kept.id = new_id();
  kept.wants_receipt = (registered & 3) != 0;
  const int number = part.concatenation.number, total = part.concatenation.total;
  const std::string base = kept.id, name = base + "-" + std::to_string(number);
  const Fragment copy = part;
  auto whole = texts.parts.add(std::move(part), timers_.now());
  forget_overdue();
  if (!whole) {
    trunkline::spawn(store_.put(part_key(base, number), pack(system_id, registered, copy)),
                     [&io = io_, alive = alive_, done, name](Result<void> result) {
                       asio::post(io, [alive, done, name, ok = result.ok()] {
                         if (*alive) done(ok ? status::kOk : status::kSystemError, name);
                       });
                     });
    return;
  }
  Submission submission;
  submission.system_id = system_id;
  submission.id = base;
  submission.parts = total;
  submission.source = copy.source;
  submission.destination = copy.destination;
  submission.wants_receipt = (registered & 3) != 0;
  submission.only_failures = (registered & 3) == 2;
  submission.text = smpp::join(coder_, *whole);
  submit_whole(std::move(submission), [this, system_id, key, base, name, number, whole = std::move(*whole), done](
                                          std::uint32_t verdict, const std::string&) {
    Texts& mine = texts_of(system_id);
    if (verdict != status::kOk) {
      // The client sends this part again; the others are here.
      for (const Fragment& one : whole)
        if (one.concatenation.number != number) mine.parts.add(one, timers_.now());
      watch();
      return done(verdict, {});
    }
    mine.kept.erase(key);
    std::vector<std::string> keys;
    for (const Fragment& one : whole) keys.push_back(part_key(base, one.concatenation.number));
    remove_rows(std::move(keys));
    done(verdict, name);
  });
}

void Server::load_parts() {
  trunkline::spawn(sms_smpp::read_all(store_, kPrefix), [this, &io = io_, alive = alive_](Result<std::vector<StoreEntry>> rows) {
    asio::post(io, [this, alive, rows = std::move(rows)] {
      if (!*alive) return;
      if (rows.ok())
        take_up(rows.value());
      else
        log_.write(LogLevel::kError, "parts of texts cannot be read", Properties{{"reason", rows.error().message}});
      if (acceptor_.is_open()) asio::co_spawn(io_, accept(), asio::detached);
    });
  });
}

void Server::take_up(const std::vector<StoreEntry>& rows) {
  for (const StoreEntry& row : rows) {
    const std::string_view value(reinterpret_cast<const char*>(row.value.data()), row.value.size());
    const std::size_t end = value.find('\n');
    const std::string id =
        row.key.substr(std::string_view(kPrefix).size(), row.key.rfind('/') - std::string_view(kPrefix).size());
    try {
      const std::string_view pdu = value.substr(std::min(end + 1, value.size()));
      const auto header = smpp::decode_header(pdu);
      const smpp::Message message = smpp::decode_message(header.command, pdu.substr(smpp::kHeaderOctets));
      Fragment part = smpp::read_fragment(message);
      Texts& texts = texts_of(std::string(value.substr(0, end)));
      texts.kept[part.key()] = {id, (message.registered_delivery & 3) != 0};
      texts.parts.add(std::move(part), timers_.now());
    } catch (const Error& error) {
      log_.write(LogLevel::kWarning, "a kept part cannot be read", Properties{{"reason", error.message}});
    }
  }
  watch();
}

}  // namespace sms_smpp_server
