// One connection of the SMTP door. Internal to it; lives on its thread.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smtp_door.h"

namespace email_sandbox {

/// Keeps itself alive while something is under way.
class SmtpSession : public std::enable_shared_from_this<SmtpSession> {
 public:
  SmtpSession(boost::asio::ip::tcp::socket socket, const SmtpDoor::Options& options);
  void start();
  void close();

 private:
  enum class Await { kCommand, kAuthPlain, kLoginUser, kLoginPassword };

  void read_line();
  void on_line(std::string line);
  void command(std::string_view verb, std::string_view rest);
  void mail_from(std::string_view rest);
  void rcpt_to(std::string_view rest);
  void auth(std::string_view rest);
  void auth_plain(std::string_view response);
  void read_data();
  void on_data(std::size_t size);
  void kept(bool ok);
  /// Answers, and reads the next line.
  void reply(std::string text);
  void bad(std::string text);
  void reset_mail();
  void restart_clock();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer patience_;
  const SmtpDoor::Options& options_;
  boost::asio::streambuf in_;
  std::string out_;
  Await await_ = Await::kCommand;
  bool greeted_ = false;
  bool quit_ = false;
  int mistakes_ = 0;
  std::string resource_;
  bool has_sender_ = false;
  SmtpMail mail_;
};

}  // namespace email_sandbox
