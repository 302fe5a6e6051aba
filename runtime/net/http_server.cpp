#include "runtime/net/http_server.h"

#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "runtime/base/unix_time.h"
#include "runtime/net/connection.h"
#include "runtime/net/server_core.h"

namespace trunkline::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

// Sweeps are at least this far apart: timeouts are coarse so that a busy server spends nothing on them.
constexpr std::int64_t kSweepGapUs = 100'000;
constexpr Duration kAcceptRetry = std::chrono::milliseconds{100};

tcp::acceptor listen(asio::io_context& context, const std::string& host, std::uint16_t port) {
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
  if (ec)
    throw Error(ErrorCode::kInvalidArgument,
                "cannot listen on '" + host + "': found no IP address, wanted one such as 127.0.0.1 or ::", "host");
  const tcp::endpoint endpoint(address, port);
  tcp::acceptor acceptor(context);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec)
    throw Error(ErrorCode::kUnavailable, "cannot listen on " + host + ":" + std::to_string(port) + ": " + ec.message(), "port");
  return acceptor;
}

asio::ssl::context make_tls(const TlsIdentity& identity) {
  asio::ssl::context context(asio::ssl::context::tls_server);
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  boost::system::error_code ec;
  context.use_certificate_chain(asio::buffer(identity.chain_pem), ec);
  if (ec)
    throw Error(ErrorCode::kInvalidArgument, "the TLS certificate chain is not usable PEM: " + ec.message(), "tls.certificate");
  context.use_private_key(asio::buffer(identity.key_pem.reveal().data(), identity.key_pem.reveal().size()),
                          asio::ssl::context::pem, ec);
  if (ec)
    throw Error(ErrorCode::kInvalidArgument, "the TLS key is not usable PEM or is not the certificate's: " + ec.message(),
                "tls.key");
  return context;
}

}  // namespace

bool ServerCore::enter(Connection* connection) {
  const std::lock_guard lock(mutex);
  if (stopped.load() || draining.load()) return false;
  connections.insert(connection);
  return true;
}

void ServerCore::leave(Connection* connection) {
  UniqueFunction<void()> empty;
  bool room = false;
  {
    const std::lock_guard lock(mutex);
    if (connections.erase(connection) == 0) return;
    if (connections.empty() && draining.load()) empty = std::move(on_empty);
    room = std::exchange(waits_for_room, false);
  }
  if (empty) executor.post(std::move(empty));
  if (room)
    executor.post([core = shared_from_this()] {
      const std::lock_guard lock(core->mutex);
      if (core->on_room) core->on_room();
    });
}

void ServerCore::note_deadline(std::int64_t us) {
  if (us >= next_sweep_us.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex);
  if (us < next_sweep_us.load(std::memory_order_relaxed)) schedule_sweep(us);
}

void ServerCore::schedule_sweep(std::int64_t us) {
  if (stopped.load()) return;
  if (sweep_timer != 0) clock.cancel(sweep_timer);
  next_sweep_us.store(us, std::memory_order_relaxed);
  sweep_timer = clock.schedule_at(from_unix_us(us), [weak = weak_from_this()] {
    if (const auto core = weak.lock()) core->sweep();
  });
}

void ServerCore::sweep() {
  const std::lock_guard lock(mutex);
  if (stopped.load()) return;
  const std::int64_t now = clock.now_unix_us();
  std::int64_t next = kNoDeadline;
  for (Connection* connection : connections) {
    if (connection->deadline_us() <= now) connection->expire();
    next = std::min(next, connection->deadline_us());
  }
  sweep_timer = 0;
  next_sweep_us.store(kNoDeadline, std::memory_order_relaxed);
  if (next != kNoDeadline) schedule_sweep(std::max(next, now + kSweepGapUs));
}

void ServerCore::abandon() {
  UniqueFunction<void()> empty;
  std::vector<std::shared_ptr<Duplex>> taken_over;
  {
    const std::lock_guard lock(mutex);
    stopped.store(true);
    if (sweep_timer != 0) clock.cancel(std::exchange(sweep_timer, 0));
    for (Connection* connection : connections) {
      connection->shut();
      if (auto duplex = connection->taken_over_by()) taken_over.push_back(std::move(duplex));
    }
    connections.clear();
    empty = std::move(on_empty);
  }
  for (const auto& duplex : taken_over) duplex->abandon();
  if (empty) executor.post(std::move(empty));
}

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(Executor& executor, Clock& clock, Log& log, HttpServerOptions options, Handler handler)
      : core(std::make_shared<ServerCore>(executor, clock, log, std::move(options), std::move(handler))) {}

  struct Listener {
    tcp::acceptor acceptor;
    bool tls;
    bool idle = false;  // not waiting for a connection: no room
  };

  std::shared_ptr<ServerCore> core;
  std::mutex tls_mutex;
  std::shared_ptr<asio::ssl::context> tls;           // guarded by tls_mutex; of connections to come
  std::vector<std::unique_ptr<Listener>> listeners;  // guarded by core->mutex once started

  std::uint16_t open(std::uint16_t port, bool with_tls) {
    tcp::acceptor acceptor = listen(core->executor.context(), core->options.host, port);
    const std::uint16_t bound = acceptor.local_endpoint().port();
    listeners.push_back(std::make_unique<Listener>(Listener{std::move(acceptor), with_tls}));
    return bound;
  }

  void accept(Listener& listener) {  // with core->mutex held
    if (!listener.acceptor.is_open()) return;
    if (core->connections.size() >= core->options.limits.connections) {
      listener.idle = true;
      core->waits_for_room = true;
      return;
    }
    listener.acceptor.async_accept(
        [self = shared_from_this(), &listener](const boost::system::error_code& ec, tcp::socket socket) {
          if (!ec)
            self->serve(std::move(socket), listener.tls);
          else if (ec == asio::error::operation_aborted)
            return;
          const std::lock_guard lock(self->core->mutex);
          if (ec == asio::error::no_descriptors || ec == boost::system::errc::too_many_files_open_in_system)
            self->rest(listener, ec.message());
          else
            self->accept(listener);
        });
  }

  // Out of file descriptors: accepting again at once would only spin.
  void rest(Listener& listener, const std::string& reason) {
    core->log.warning("http", "cannot accept connections for now",
                      {{"reason", reason}, {"connections", core->connections.size()}});
    listener.idle = true;
    if (!core->connections.empty()) {
      core->waits_for_room = true;
      return;
    }
    core->clock.schedule_after(kAcceptRetry, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        const std::lock_guard lock(self->core->mutex);
        self->resume_accepting();
      }
    });
  }

  void resume_accepting() {  // with core->mutex held
    for (const auto& listener : listeners)
      if (std::exchange(listener->idle, false)) accept(*listener);
  }

  void serve(tcp::socket socket, bool with_tls) {
    std::shared_ptr<asio::ssl::context> context;
    if (with_tls) {
      const std::lock_guard lock(tls_mutex);
      context = tls;
    }
    // The connection's own part of the context outlives it.
    const auto connection = std::make_shared<Connection>(core, std::move(socket), context.get());
    if (core->enter(connection.get())) connection->start();
  }

  void close_listeners() {
    const std::lock_guard lock(core->mutex);
    core->on_room.reset();
    boost::system::error_code ignored;
    for (const auto& listener : listeners) listener->acceptor.close(ignored);
  }
};

HttpServer::HttpServer(Executor& executor, Clock& clock, Log& log, HttpServerOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(executor, clock, log, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { stop(); }

HttpServer::Ports HttpServer::start() {
  Ports ports;
  ServerCore& core = *impl_->core;
  bool any_tls = core.options.tls_port.has_value();
  for (const HttpServerOptions::Extra& extra : core.options.extra) any_tls |= extra.tls;
  if (any_tls) set_tls(core.options.tls);
  if (core.options.port) ports.http = impl_->open(*core.options.port, false);
  if (core.options.tls_port) ports.https = impl_->open(*core.options.tls_port, true);
  for (const HttpServerOptions::Extra& extra : core.options.extra) ports.extra.push_back(impl_->open(extra.port, extra.tls));
  const std::lock_guard lock(core.mutex);
  core.on_room = [weak = std::weak_ptr<Impl>(impl_)] {
    if (const auto impl = weak.lock()) impl->resume_accepting();
  };
  for (const auto& listener : impl_->listeners) impl_->accept(*listener);
  return ports;
}

void HttpServer::set_tls(const TlsIdentity& identity) {
  auto next = std::make_shared<asio::ssl::context>(make_tls(identity));
  const std::lock_guard lock(impl_->tls_mutex);
  impl_->tls = std::move(next);
}

Task<void> HttpServer::drain(Duration deadline) {
  const std::shared_ptr<Impl> impl = impl_;
  ServerCore& core = *impl->core;
  core.draining.store(true);
  impl->close_listeners();
  Clock::TimerId timer = 0;
  if (deadline > Duration::zero())
    timer = core.clock.schedule_after(deadline, [weak = std::weak_ptr<ServerCore>(impl->core)] {
      if (const auto alive = weak.lock()) alive->abandon();
    });
  else
    core.abandon();
  auto emptied = from_callback<void>([&core](auto done) {
    {
      const std::lock_guard lock(core.mutex);
      if (!core.connections.empty()) {
        core.on_empty = [done]() mutable { done(Result<void>{}); };
        for (Connection* connection : core.connections) connection->quiesce();
        return;
      }
    }
    done(Result<void>{});
  });
  co_await emptied;
  if (timer != 0) core.clock.cancel(timer);
}

void HttpServer::stop() {
  impl_->core->draining.store(true);
  impl_->close_listeners();
  impl_->core->abandon();
}

std::size_t HttpServer::connections() const {
  const std::lock_guard lock(impl_->core->mutex);
  return impl_->core->connections.size();
}

}  // namespace trunkline::net
