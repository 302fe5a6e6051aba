#include "wire.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace sms_smpp {

namespace asio = boost::asio;
using asio::use_awaitable;
using trunkline::Error;
using trunkline::ErrorCode;

std::shared_ptr<asio::ssl::context> make_tls_context(const Settings& settings) {
  if (!settings.tls) return nullptr;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  boost::system::error_code failure;
  if (settings.tls_ca_file.empty())
    context->set_default_verify_paths(failure);
  else
    context->load_verify_file(settings.tls_ca_file, failure);
  if (failure)
    throw Error(ErrorCode::kInvalidArgument,
                "tls_ca_file: found no certificates in " + settings.tls_ca_file + ": " + failure.message(), "tls_ca_file");
  return context;
}

Wire::Wire(asio::io_context& io, std::shared_ptr<asio::ssl::context> tls) : context_(std::move(tls)), resolver_(io) {
  if (context_)
    tls_.emplace(io, *context_);
  else
    plain_.emplace(io);
}

Wire::Socket& Wire::socket() { return tls_ ? tls_->next_layer() : *plain_; }

asio::awaitable<void> Wire::connect(std::string host, std::uint16_t port, std::string server_name, bool verify) {
  const std::string where = host + ":" + std::to_string(port);
  const char* step = "its name was not found";
  std::string why;
  try {
    auto endpoints = co_await resolver_.async_resolve(host, std::to_string(port), use_awaitable);
    step = "no connection";
    co_await asio::async_connect(socket(), endpoints, use_awaitable);
    boost::system::error_code ignored;
    socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    if (tls_) {
      step = "TLS failed";
      SSL_set_tlsext_host_name(tls_->native_handle(), server_name.c_str());
      tls_->set_verify_mode(verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
      if (verify) tls_->set_verify_callback(asio::ssl::host_name_verification(server_name));
      co_await tls_->async_handshake(asio::ssl::stream_base::client, use_awaitable);
    }
    co_return;
  } catch (const boost::system::system_error& error) {
    why = error.code().message();
  }
  throw Error(ErrorCode::kUnavailable, where + ": " + step + ": " + why, "host").with_retry();
}

asio::awaitable<std::size_t> Wire::read_some(asio::mutable_buffer buffer) {
  if (tls_) co_return co_await tls_->async_read_some(buffer, use_awaitable);
  co_return co_await plain_->async_read_some(buffer, use_awaitable);
}

asio::awaitable<void> Wire::write(asio::const_buffer buffer) {
  if (tls_)
    co_await asio::async_write(*tls_, buffer, use_awaitable);
  else
    co_await asio::async_write(*plain_, buffer, use_awaitable);
}

void Wire::close() {
  resolver_.cancel();
  boost::system::error_code ignored;
  socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket().close(ignored);
}

}  // namespace sms_smpp
