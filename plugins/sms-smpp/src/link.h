// A connection that is made again when it ends.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "session.h"

namespace sms_smpp {

/// Keeps one session up, with growing waits between attempts. [io thread]
class Link final {
 public:
  /// `password` is asked for each attempt, so that a changed secret is used.
  Link(boost::asio::io_context& io, std::shared_ptr<boost::asio::ssl::context> tls, const Settings& settings, Timers& timers,
       SessionOwner& owner, Role role, std::function<std::string()> password);

  void start();
  /// Its session told the owner that it ended: the owner passes it on.
  void ended(const trunkline::Error& why);
  void bound();
  /// No more attempts; the session says goodbye.
  void stop();

  Session* session() const { return session_.get(); }
  /// Why it is down; nothing while it is up or was never tried to the end.
  const std::optional<trunkline::Error>& trouble() const { return trouble_; }
  trunkline::Time next_attempt() const { return next_attempt_; }

 private:
  void connect();

  boost::asio::io_context& io_;
  const std::shared_ptr<boost::asio::ssl::context> tls_;
  const Settings& settings_;
  Timers& timers_;
  SessionOwner& owner_;
  const Role role_;
  const std::function<std::string()> password_;
  std::shared_ptr<Session> session_;
  std::optional<trunkline::Error> trouble_;
  trunkline::Duration wait_{};
  trunkline::Time next_attempt_{};
  bool stopped_ = false;
};

}  // namespace sms_smpp
