// One connection to the server: greets, proves who we are, sends mail after mail. Lives on the thread of the pool.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "job.h"
#include "wire.h"

namespace email_smtp {

class Session {
 public:
  Session(boost::asio::io_context& context, const Settings& settings) : context_(context), settings_(settings) {}

  bool is_open() const { return wire_ != nullptr; }
  /// Mails that this connection has carried.
  std::size_t carried() const { return carried_; }
  /// Throws kUnavailable (not reached, TLS, says "later"), kUnauthenticated (credentials refused), kFailedPrecondition (the
  /// server lacks what the settings ask for).
  boost::asio::awaitable<void> open();
  /// One result for each recipient. Throws kUnavailable: nothing was sent; kDeadlineExceeded: nobody knows whether it was. After
  /// either the connection is closed.
  boost::asio::awaitable<Results> send(JobPtr job);
  /// Says good-bye, without waiting for an answer.
  boost::asio::awaitable<void> quit();
  void close() { wire_.reset(); }

 private:
  boost::asio::awaitable<Reply> command(std::string line);
  boost::asio::awaitable<void> greet();
  boost::asio::awaitable<void> authenticate();
  boost::asio::awaitable<Results> transact(JobPtr job);
  boost::asio::awaitable<void> envelope(JobPtr job, Results& results, std::size_t& taken, Reply& go_ahead);
  std::string mail_line(const Job& job) const;
  std::string rcpt_line(const std::string& recipient) const;

  boost::asio::io_context& context_;
  const Settings& settings_;
  std::unique_ptr<Wire> wire_;
  Offers offers_;
  std::size_t carried_ = 0;
  /// The whole mail is on the wire: from here on a lost connection leaves its fate open.
  bool handed_over_ = false;
};

}  // namespace email_smtp
