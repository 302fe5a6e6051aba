// One TCP connection, with or without TLS.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <optional>
#include <string>

#include "settings.h"

namespace sms_smpp {

/// Nothing = plain TCP. Throws kInvalidArgument for a file of authorities that cannot be read.
std::shared_ptr<boost::asio::ssl::context> make_tls_context(const Settings& settings);

/// [io thread]
class Wire {
 public:
  Wire(boost::asio::io_context& io, std::shared_ptr<boost::asio::ssl::context> tls);

  /// Tries every address of the host. Throws Error kUnavailable that says what failed: name, connection or TLS.
  boost::asio::awaitable<void> connect(std::string host, std::uint16_t port, std::string server_name, bool verify);
  /// Throw boost::system::system_error.
  boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer buffer);
  boost::asio::awaitable<void> write(boost::asio::const_buffer buffer);
  /// Ends whatever is under way. Idempotent.
  void close();

 private:
  using Socket = boost::asio::ip::tcp::socket;
  Socket& socket();

  const std::shared_ptr<boost::asio::ssl::context> context_;  // outlives the stream
  boost::asio::ip::tcp::resolver resolver_;
  std::optional<Socket> plain_;
  std::optional<boost::asio::ssl::stream<Socket>> tls_;
};

}  // namespace sms_smpp
