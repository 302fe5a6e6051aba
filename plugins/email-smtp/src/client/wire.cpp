#include "wire.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "trunkline/error.hpp"

namespace email_smtp {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {
constexpr std::size_t kMaxReply = 64 * 1024;
}  // namespace

Wire::Wire(asio::io_context& context, const Settings& settings)
    : context_(context), settings_(settings), socket_(context), timer_(context) {}

Wire::~Wire() {
  *alive_ = false;
  close();
}

void Wire::close() {
  error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
}

/// A server lives in real time, whatever the clock of the runtime does.
void Wire::limit(std::chrono::milliseconds time) {
  timed_out_ = false;
  timer_.expires_after(time);
  timer_.async_wait([this, alive = alive_](error_code error) {
    if (error || !*alive) return;
    timed_out_ = true;
    error_code ignored;
    socket_.close(ignored);
  });
}

void Wire::fail(const char* what, const std::string& why) const {
  throw Error(ErrorCode::kUnavailable, settings_.host + ":" + std::to_string(settings_.port) + ": " + what + ": " +
                                           (timed_out_ ? "no answer in time" : why));
}

asio::awaitable<void> Wire::connect() {
  limit(settings_.connect_timeout);
  tcp::resolver resolver(context_);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const auto found = co_await resolver.async_resolve(settings_.host, std::to_string(settings_.port), token);
  if (error) fail("looking up the host", error.message());
  co_await asio::async_connect(socket_, found, token);
  if (error) fail("connecting", error.message());
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (settings_.tls == email_smtp::Tls::kImplicit) co_await start_tls();
}

asio::awaitable<void> Wire::start_tls() {
  // What came in clear behind the server's go-ahead could be anybody's.
  if (has_unread()) fail("TLS", "the server said something in clear after STARTTLS");
  limit(settings_.connect_timeout);
  error_code error;
  tls_context_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls_context_->native_handle(), TLS1_2_VERSION);
  const bool verify = settings_.verify && settings_.tls != email_smtp::Tls::kOpportunistic;
  if (!settings_.ca_file.empty())
    tls_context_->load_verify_file(settings_.ca_file, error);
  else
    tls_context_->set_default_verify_paths(error);
  if (error && verify) fail("TLS", "the certificates in ca_file cannot be read: " + error.message());
  tls_ = std::make_unique<Tls>(socket_, *tls_context_);
  SSL_set_tlsext_host_name(tls_->native_handle(), settings_.host.c_str());
  if (verify) {
    tls_->set_verify_mode(asio::ssl::verify_peer, error);
    tls_->set_verify_callback(asio::ssl::host_name_verification(settings_.host), error);
  }
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await tls_->async_handshake(asio::ssl::stream_base::client, token);
  if (error) fail("TLS", error.message());
}

asio::awaitable<void> Wire::write(std::string bytes) {
  limit(settings_.reply_timeout);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const auto buffer = asio::buffer(bytes);
  if (tls_)
    co_await asio::async_write(*tls_, buffer, token);
  else
    co_await asio::async_write(socket_, buffer, token);
  if (error) fail("sending", error.message());
}

asio::awaitable<Reply> Wire::read_reply(std::string* lines) {
  limit(settings_.reply_timeout);
  Reply reply;
  std::size_t taken = 0;
  for (;;) {
    const auto end = in_.find('\n', taken);
    if (end == std::string::npos) {
      if (in_.size() - taken > kMaxReply || taken > kMaxReply) fail("reading", "a reply that does not end");
      std::array<char, 4096> chunk;
      error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      const auto buffer = asio::buffer(chunk);
      std::size_t size = 0;
      if (tls_)
        size = co_await tls_->async_read_some(buffer, token);
      else
        size = co_await socket_.async_read_some(buffer, token);
      if (error) fail("reading", error == asio::error::eof ? "the server closed the connection" : error.message());
      in_.append(chunk.data(), size);
      continue;
    }
    std::string_view line = std::string_view(in_).substr(taken, end - taken);
    taken = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    int code = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + std::min<std::size_t>(line.size(), 3), code);
    const bool wrong = line.size() < 3 || parsed.ec != std::errc{} || code < 200 || code > 599 ||
                       (line.size() > 3 && line[3] != ' ' && line[3] != '-') || (reply.code != 0 && code != reply.code);
    if (wrong) fail("reading", "found \"" + std::string(line.substr(0, 80)) + "\", wanted a reply of SMTP");
    reply.code = code;
    const std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view{};
    if (lines) *lines += std::string(text) + "\n";
    if (!text.empty() && reply.text.size() < 2000) reply.text += (reply.text.empty() ? "" : " ") + std::string(text);
    if (line.size() > 3 && line[3] == '-') continue;
    in_.erase(0, taken);
    timer_.cancel();
    co_return reply;
  }
}

}  // namespace email_smtp
