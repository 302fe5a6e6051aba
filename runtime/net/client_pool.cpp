#include "runtime/net/client_pool.h"

#include <openssl/ssl.h>

#include <algorithm>

#include "runtime/net/client_connection.h"
#include "runtime/net/url.h"

namespace trunkline::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxTargets = 1024;

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void append_head(std::string& out, const Exchange& exchange, std::string_view user_agent) {
  const ClientRequest& request = exchange.request;
  const FixedHeaders* const fixed = request.fixed.get();
  out.append(request.method).append(exchange.target->line_end);
  bool host = fixed && fixed->has_host(), agent = fixed && fixed->has_user_agent(), accept = fixed && fixed->has_accept();
  for (const auto& [name, value] : request.headers) {
    if (frames_message(name)) continue;
    host |= name.size() == 4 && iequals(name, "Host");
    accept |= name.size() == 6 && iequals(name, "Accept");
    agent |= name.size() == 10 && iequals(name, "User-Agent");
    append_header(out, name, value);
  }
  if (fixed) out.append(fixed->text());
  if (!host) append_header(out, "Host", exchange.target->host);
  if (!agent) append_header(out, "User-Agent", user_agent);
  if (!accept) out.append("Accept: */*\r\n");
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH")
    append_header(out, "Content-Length", std::to_string(request.body.size()));
  out.append("\r\n");
}

ClientPool::ClientPool(asio::io_context& io, const HttpClientOptions& options)
    : io_(io), options_(options), lookup_(io), sockets_(io), timer_(io) {}

ClientPool::~ClientPool() = default;

asio::ssl::context& ClientPool::tls() {
  if (tls_) return *tls_;
  asio::ssl::context made(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);
  made.set_verify_mode(asio::ssl::verify_peer);
  boost::system::error_code ec;
  if (options_.ca_file.empty())
    made.set_default_verify_paths(ec);
  else
    made.load_verify_file(options_.ca_file, ec);
  if (ec) throw Error(ErrorCode::kUnavailable, "the certificate authorities cannot be read: " + ec.message());
  return tls_.emplace(std::move(made));
}

std::shared_ptr<const RequestTarget> ClientPool::target_of(const std::string& url) {
  if (const auto known = targets_.find(url); known != targets_.end()) return known->second;
  std::optional<Url> parsed = parse_url(url);
  if (!parsed) throw Error(ErrorCode::kInvalidArgument, "'" + url.substr(0, 200) + "' is no URL", "url");
  auto target = std::make_shared<RequestTarget>();
  const bool tls = parsed->scheme == "https";
  target->line_end = " " + parsed->target + " HTTP/1.1\r\n";
  target->host = parsed->host.find(':') == std::string::npos ? parsed->host : "[" + parsed->host + "]";
  if (!parsed->port.empty()) target->host += ":" + parsed->port;
  const std::uint16_t port = parsed->port.empty() ? (tls ? 443 : 80) : *parse_number<std::uint16_t>(parsed->port);
  OriginPtr& origin = origins_[parsed->scheme + "://" + parsed->host + " " + std::to_string(port)];
  if (!origin) {
    origin = std::make_shared<Origin>();
    origin->host = std::move(parsed->host);
    origin->port = port;
    origin->tls = tls;
  }
  target->origin = origin;
  if (targets_.size() >= kMaxTargets) {
    targets_.clear();
    std::erase_if(origins_, [](const auto& entry) { return entry.second.use_count() == 1; });
  }
  targets_.emplace(url, target);
  return target;
}

void ClientPool::start(ExchangePtr exchange) {
  try {
    if (stopped_) throw Error(ErrorCode::kCancelled, "the HTTP client has stopped");
    exchange->target = target_of(exchange->request.url);
  } catch (const Error& error) {
    return complete(std::move(exchange), error);
  }
  exchange->deadline = std::chrono::steady_clock::now() + exchange->request.timeout;
  note_deadline(exchange->deadline);
  place(std::move(exchange), false);
}

void ClientPool::restart(ExchangePtr exchange) { place(std::move(exchange), true); }

void ClientPool::place(ExchangePtr exchange, bool fresh) {
  Origin& origin = *exchange->target->origin;
  if (!fresh && !origin.idle.empty()) {
    const ClientConnectionPtr connection = std::move(origin.idle.back());
    origin.idle.pop_back();
    return connection->send(std::move(exchange));
  }
  if (!stopped_ && origin.connections < options_.connections_per_host && make_room()) return open(std::move(exchange));
  origin.waiting.push_back(std::move(exchange));
  ++waiting_;
}

/// Whether there may be one more connection; for that, one that nobody uses may have to go.
bool ClientPool::make_room() {
  if (connections_.size() < options_.connections) return true;
  for (const auto& [key, origin] : origins_) {
    if (origin->idle.empty()) continue;
    const ClientConnectionPtr oldest = origin->idle.front();
    origin->idle.erase(origin->idle.begin());
    oldest->close();
    return connections_.size() < options_.connections;
  }
  return false;
}

void ClientPool::open(ExchangePtr exchange) {
  const OriginPtr origin = exchange->target->origin;
  auto connection = std::make_shared<ClientConnection>(*this, origin);
  ++origin->connections;
  connections_.insert(connection);
  connection->open(std::move(exchange));
}

void ClientPool::release(const ClientConnectionPtr& connection) {
  Origin& origin = connection->origin();
  if (origin.waiting.empty()) {
    origin.idle.push_back(connection);
    // Another host may wait for the place that this one takes.
    if (waiting_ > 0 && connections_.size() >= options_.connections) {
      origin.idle.pop_back();
      connection->close();
    }
    return;
  }
  ExchangePtr next = std::move(origin.waiting.front());
  origin.waiting.pop_front();
  --waiting_;
  connection->send(std::move(next));
}

void ClientPool::closed(const ClientConnectionPtr& connection) {
  Origin& origin = connection->origin();
  --origin.connections;
  connections_.erase(connection);
  std::erase(origin.idle, connection);
  if (waiting_ > 0 && !stopped_) serve_waiting(origin);
}

/// There is room for one more connection: for whoever waits at the same host, or else at another.
void ClientPool::serve_waiting(Origin& freed) {
  Origin* from = freed.waiting.empty() ? nullptr : &freed;
  for (auto at = origins_.begin(); from == nullptr && at != origins_.end(); ++at)
    if (!at->second->waiting.empty() && at->second->connections < options_.connections_per_host) from = at->second.get();
  if (from == nullptr || connections_.size() >= options_.connections) return;
  ExchangePtr next = std::move(from->waiting.front());
  from->waiting.pop_front();
  --waiting_;
  open(std::move(next));
}

void ClientPool::complete(ExchangePtr exchange, Result<ClientResponse> result) {
  if (exchange->subscription != 0) exchange->request.cancel.unsubscribe(exchange->subscription);
  if (completing_) {
    completed_.emplace_back(std::move(exchange), std::move(result));
    return;
  }
  completing_ = true;
  exchange->done(std::move(result));
  exchange.reset();
  while (!completed_.empty()) {
    auto [one, answer] = std::move(completed_.front());
    completed_.pop_front();
    one->done(std::move(answer));
  }
  completing_ = false;
}

void ClientPool::cancel(std::uint64_t id) {
  const Error error(ErrorCode::kCancelled, "the request was cancelled");
  for (const ClientConnectionPtr& connection : connections_)
    if (connection->works_on(id)) return ClientConnectionPtr(connection)->end(error);
  for (const auto& [key, origin] : origins_) {
    const auto found =
        std::find_if(origin->waiting.begin(), origin->waiting.end(), [id](const ExchangePtr& one) { return one->id == id; });
    if (found == origin->waiting.end()) continue;
    ExchangePtr exchange = std::move(*found);
    origin->waiting.erase(found);
    --waiting_;
    return complete(std::move(exchange), error);
  }
}

void ClientPool::stop() {
  stopped_ = true;
  timer_.cancel();
  const Error error(ErrorCode::kCancelled, "the HTTP client has stopped");
  for (const ClientConnectionPtr& connection : std::vector<ClientConnectionPtr>(connections_.begin(), connections_.end()))
    connection->end(error);
  for (const auto& [key, origin] : origins_) {
    std::deque<ExchangePtr> waiting = std::exchange(origin->waiting, {});
    for (ExchangePtr& exchange : waiting) complete(std::move(exchange), error);
  }
  waiting_ = 0;
  sockets_.stop();
}

// ---- deadlines: one timer, set to the earliest there was, and a look at everything when it fires. Requests come and go much
// faster than they run out of time, so nothing is kept in order for them.

void ClientPool::note_deadline(SteadyTime at) {
  if (at < armed_) arm(at);
}

void ClientPool::arm(SteadyTime at) {
  armed_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec || stopped_) return;
    armed_ = SteadyTime::max();
    look_at_deadlines();
  });
}

void ClientPool::look_at_deadlines() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const ClientConnectionPtr& connection : std::vector<ClientConnectionPtr>(connections_.begin(), connections_.end()))
    if (connection->deadline() <= now) connection->expire();
  SteadyTime next = SteadyTime::max();
  for (const ClientConnectionPtr& connection : connections_) next = std::min(next, connection->deadline());
  std::vector<ExchangePtr> late;
  for (const auto& [key, origin] : origins_) {
    for (auto at = origin->waiting.begin(); at != origin->waiting.end();) {
      if ((*at)->deadline > now) {
        next = std::min(next, (*at)->deadline);
        ++at;
        continue;
      }
      late.push_back(std::move(*at));
      at = origin->waiting.erase(at);
      --waiting_;
    }
  }
  if (next != SteadyTime::max()) note_deadline(next);
  for (ExchangePtr& exchange : late) {
    Error error(ErrorCode::kDeadlineExceeded, described(exchange->request) + ": no connection was free in time");
    complete(std::move(exchange), std::move(error).with_retry());
  }
}

}  // namespace trunkline::net
