#include "runtime/net/websocket_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <mutex>

#include "runtime/net/url.h"

namespace trunkline::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using tcp = asio::ip::tcp;

struct Address {
  bool tls = false;
  std::string host;
  std::string port;
  std::string target;
};

std::optional<Address> address_of(std::string_view text) {
  const bool tls = text.starts_with("wss://");
  if (!tls && !text.starts_with("ws://")) return std::nullopt;
  const std::optional<Url> url = parse_url((tls ? "https" : "http") + std::string(text.substr(text.find(':'))));
  if (!url || url->has_credentials) return std::nullopt;
  return Address{tls, url->host, !url->port.empty() ? url->port : tls ? "443" : "80", url->target};
}

template <class Stream>
class Client final : public WebSocketClient, public std::enable_shared_from_this<Client<Stream>> {
 public:
  Client(Executor& executor, WebSocketTarget target, Address address, Events events, std::shared_ptr<asio::ssl::context> tls)
      : target_(std::move(target)),
        address_(std::move(address)),
        tls_(std::move(tls)),
        work_(executor.work()),
        strand_(asio::make_strand(executor.context())),
        resolver_(strand_),
        stream_(make_stream()),
        events_(std::move(events)) {}

  void start() {
    asio::post(strand_, [self = this->shared_from_this()] {
      self->resolver_.async_resolve(self->address_.host, self->address_.port,
                                    [self](const error_code& ec, tcp::resolver::results_type found) {
                                      if (ec) return self->fail(ec);
                                      self->connect(std::move(found));
                                    });
    });
  }

  bool send(std::string text) override {
    const std::lock_guard lock(mutex_);
    if (!open_ || queue_.size() >= target_.max_queued_messages) return false;
    queue_.push_back(std::move(text));
    if (queue_.size() == 1) asio::post(strand_, [self = this->shared_from_this()] { self->write(); });
    return true;
  }

  void close() override {
    {
      const std::lock_guard lock(mutex_);
      open_ = false;
      silent_ = true;
    }
    asio::post(strand_, [self = this->shared_from_this()] {
      self->resolver_.cancel();
      if (!self->stream_.is_open()) return beast::get_lowest_layer(self->stream_).cancel();
      self->stream_.async_close(websocket::close_code::normal, [self](const error_code&) {});
    });
  }

 private:
  static constexpr bool kTls = !std::is_same_v<Stream, websocket::stream<beast::tcp_stream>>;

  Stream make_stream() {
    if constexpr (kTls)
      return Stream(strand_, *tls_);
    else
      return Stream(strand_);
  }

  void connect(tcp::resolver::results_type found) {
    beast::tcp_stream& socket = beast::get_lowest_layer(stream_);
    socket.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(target_.open_timeout));
    socket.async_connect(found, [self = this->shared_from_this()](const error_code& ec, const tcp::endpoint&) {
      if (ec) return self->fail(ec);
      self->secure();
    });
  }

  void secure() {
    if constexpr (kTls) {
      SSL_set_tlsext_host_name(stream_.next_layer().native_handle(), address_.host.c_str());
      stream_.next_layer().set_verify_callback(asio::ssl::host_name_verification(address_.host));
      stream_.next_layer().async_handshake(asio::ssl::stream_base::client,
                                           [self = this->shared_from_this()](const error_code& ec) {
                                             if (ec) return self->fail(ec);
                                             self->shake_hands();
                                           });
    } else {
      shake_hands();
    }
  }

  void shake_hands() {
    stream_.set_option(websocket::stream_base::decorator([headers = target_.headers](websocket::request_type& request) {
      for (const auto& [name, value] : headers) request.set(name, value);
    }));
    stream_.read_message_max(target_.max_message_bytes);
    stream_.async_handshake(address_.host + ":" + address_.port, address_.target,
                            [self = this->shared_from_this()](const error_code& ec) {
                              if (ec) return self->fail(ec);
                              self->is_open();
                            });
  }

  void is_open() {
    beast::get_lowest_layer(stream_).expires_never();  // the WebSocket has timeouts of its own
    stream_.set_option(websocket::stream_base::timeout{std::chrono::seconds{5}, std::chrono::seconds{60}, true});
    {
      const std::lock_guard lock(mutex_);
      open_ = !silent_;
    }
    tell([](Events& events) { events.opened(Result<void>{}); });
    work_ = WorkGuard();
    read();
  }

  void read() {
    stream_.async_read(in_, [self = this->shared_from_this()](const error_code& ec, std::size_t) {
      if (ec) return self->over();
      std::string text = self->stream_.got_text() ? beast::buffers_to_string(self->in_.data()) : std::string();
      self->in_.consume(self->in_.size());
      if (!text.empty()) self->tell([&text](Events& events) { events.message(std::move(text)); });
      self->read();
    });
  }

  void write() {
    const std::string* next = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return;
      next = &queue_.front();  // stays where it is until it is written
    }
    stream_.text(true);
    stream_.async_write(asio::buffer(*next), [self = this->shared_from_this()](const error_code& ec, std::size_t) {
      if (ec) return self->over();
      bool more = false;
      {
        const std::lock_guard lock(self->mutex_);
        self->queue_.pop_front();
        more = !self->queue_.empty();
      }
      if (more) self->write();
    });
  }

  void fail(const error_code& ec) {
    Error error(ErrorCode::kUnavailable, target_.url + " cannot be reached: " + ec.message(), "transportUrl");
    tell([&error](Events& events) { events.opened(std::move(error)); });
    {
      const std::lock_guard lock(mutex_);
      silent_ = true;
    }
    work_ = WorkGuard();
  }

  void over() {
    bool was_open = false;
    {
      const std::lock_guard lock(mutex_);
      was_open = std::exchange(open_, false);
    }
    if (was_open) tell([](Events& events) { events.closed(); });
  }

  /// On the strand, so that events come one after another.
  template <class F>
  void tell(F f) {
    {
      const std::lock_guard lock(mutex_);
      if (silent_) return;
    }
    f(events_);
  }

  const WebSocketTarget target_;
  const Address address_;
  const std::shared_ptr<asio::ssl::context> tls_;
  WorkGuard work_;  // while it is being opened
  asio::strand<asio::io_context::executor_type> strand_;
  tcp::resolver resolver_;
  Stream stream_;
  beast::flat_buffer in_;
  Events events_;

  std::mutex mutex_;  // guards what follows
  std::deque<std::string> queue_;
  bool open_ = false;
  bool silent_ = false;  // nobody is told anything any more
};

std::shared_ptr<asio::ssl::context> make_tls() {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  error_code ec;
  tls->set_verify_mode(asio::ssl::verify_peer, ec);
  tls->set_default_verify_paths(ec);
  return tls;
}

}  // namespace

bool is_websocket_url(std::string_view url) { return address_of(url).has_value(); }

std::shared_ptr<WebSocketClient> WebSocketClient::open(Executor& executor, WebSocketTarget target, Events events) {
  std::optional<Address> address = address_of(target.url);
  if (!address) throw Error(ErrorCode::kInvalidArgument, "'" + target.url + "' is no ws or wss URL", "transportUrl");
  if (address->tls) {
    using Secure = websocket::stream<beast::ssl_stream<beast::tcp_stream>>;
    auto client =
        std::make_shared<Client<Secure>>(executor, std::move(target), *std::move(address), std::move(events), make_tls());
    client->start();
    return client;
  }
  using Plain = websocket::stream<beast::tcp_stream>;
  auto client = std::make_shared<Client<Plain>>(executor, std::move(target), *std::move(address), std::move(events), nullptr);
  client->start();
  return client;
}

}  // namespace trunkline::net
