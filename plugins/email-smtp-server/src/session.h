// One client's connection: SMTP (RFC 5321, RFC 6409) with TLS and AUTH. Lives on the server's thread.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "in_flight.h"
#include "logins.h"
#include "submission.h"

namespace email_smtp_server {

/// Kept alive by run().
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// When the connection is protected: never, once the client asks for it, or before anything is said.
  enum class Tls { kNone, kStart, kAtOnce };
  /// `context`: null for kNone. All outlive the session.
  Session(boost::asio::ip::tcp::socket socket, const Settings& settings, Tls tls, boost::asio::ssl::context* context,
          Logins& logins, Submissions& submissions, InFlight& in_flight);
  /// Serves until the client leaves, goes silent or makes too many mistakes.
  boost::asio::awaitable<void> run();
  void close();

 private:
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  /// nullopt: the connection has ended. Without its line end.
  Awaitable<std::optional<std::string>> read_line();
  /// The mail up to its dot, which is taken out of it. nullopt: it ended, or was too large.
  Awaitable<std::optional<std::string>> read_mail();
  Awaitable<void> reply(std::string text);
  /// A reply to a mistake; after too many of them goodbye.
  Awaitable<void> bad(std::string text);
  Awaitable<void> command(std::string verb, std::string rest);
  Awaitable<void> greet(std::string verb, std::string rest);
  Awaitable<void> start_tls();
  Awaitable<void> shake_hands();
  Awaitable<void> auth(std::string rest);
  Awaitable<void> log_in(std::string username, std::string password);
  Awaitable<void> mail_from(std::string rest);
  Awaitable<void> rcpt_to(std::string rest);
  Awaitable<void> data();
  void reset_mail();
  void restart_patience();

  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> secure_;
  boost::asio::steady_timer patience_;
  const Settings& settings_;
  const Tls tls_;
  boost::asio::ssl::context* const context_;
  Logins& logins_;
  Submissions& submissions_;
  InFlight& in_flight_;
  std::string in_;
  bool greeted_ = false;
  bool quit_ = false;
  bool known_ = false;  // has logged in
  int mistakes_ = 0;
  int failed_logins_ = 0;
  bool has_sender_ = false;
  bool utf8_ = false;  // addresses of this mail may be beyond ASCII
  Envelope envelope_;
};

}  // namespace email_smtp_server
