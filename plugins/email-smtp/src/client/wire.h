// One TCP connection, in clear or over TLS, with a limit of time for whatever it waits for. Lives on the thread of the pool.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "reply.h"
#include "settings.h"

namespace email_smtp {

/// Every operation throws trunkline::Error kUnavailable, saying what failed.
class Wire {
 public:
  Wire(boost::asio::io_context& context, const Settings& settings);
  ~Wire();

  boost::asio::awaitable<void> connect();
  /// The certificate is checked as the settings say; opportunistic TLS checks nothing.
  boost::asio::awaitable<void> start_tls();
  boost::asio::awaitable<void> write(std::string bytes);
  /// `lines`, when given, gets the lines of the reply without their codes.
  boost::asio::awaitable<Reply> read_reply(std::string* lines = nullptr);
  bool has_unread() const { return !in_.empty(); }
  bool encrypted() const { return tls_ != nullptr; }
  void close();

 private:
  using Tls = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

  void limit(std::chrono::milliseconds time);
  [[noreturn]] void fail(const char* what, const std::string& why) const;

  boost::asio::io_context& context_;
  const Settings& settings_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for the timer's function
  bool timed_out_ = false;
  std::unique_ptr<boost::asio::ssl::context> tls_context_;
  std::unique_ptr<Tls> tls_;
  std::string in_;  // read, and not taken yet
};

}  // namespace email_smtp
