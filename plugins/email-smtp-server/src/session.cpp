#include "session.h"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "engine/signature.h"
#include "trunkline/mail.hpp"
#include "wire.h"

namespace email_smtp_server {

namespace asio = boost::asio;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;

namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxRecipients = 50;  // of one mail of the email operations
constexpr int kMaxMistakes = 20;
constexpr int kMaxFailedLogins = 3;
/// A peer lives in real time, whatever the clock of the runtime does.
constexpr std::chrono::minutes kPatience{5};

/// What a task of the host gives, on this thread again.
template <class T>
awaitable<trunkline::Result<T>> result_of(asio::any_io_executor executor, InFlight* in_flight, trunkline::Task<T> task) {
  in_flight->begin();
  auto initiate = [&executor, &task, in_flight](auto handler) {
    auto kept = std::make_shared<decltype(handler)>(std::move(handler));
    trunkline::spawn(std::move(task), [kept, executor, in_flight](trunkline::Result<T> result) {
      asio::post(executor, [kept, in_flight, result = std::move(result)]() mutable {
        in_flight->end();
        std::move (*kept)(std::move(result));
      });
    });
  };
  co_return co_await asio::async_initiate<decltype(use_awaitable), void(trunkline::Result<T>)>(std::move(initiate),
                                                                                               use_awaitable);
}

}  // namespace

Session::Session(asio::ip::tcp::socket socket, const Settings& settings, Tls tls, asio::ssl::context* context, Logins& logins,
                 Submissions& submissions, InFlight& in_flight)
    : socket_(std::move(socket)),
      patience_(socket_.get_executor()),
      settings_(settings),
      tls_(tls),
      context_(context),
      logins_(logins),
      submissions_(submissions),
      in_flight_(in_flight) {}

void Session::close() {
  error_code ignored;
  patience_.cancel();
  socket_.close(ignored);
}

void Session::restart_patience() {
  patience_.expires_after(kPatience);
  patience_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!error && self) self->close();
  });
}

awaitable<void> Session::run() {
  const auto self = shared_from_this();
  if (tls_ == Tls::kAtOnce) {
    restart_patience();
    co_await shake_hands();
  }
  if (!quit_) co_await reply("220 trunkline ESMTP");
  while (!quit_) {
    auto line = co_await read_line();
    if (!line) break;
    const std::size_t space = line->find(' ');
    std::string verb = upper(std::string_view(*line).substr(0, space));
    std::string rest = space == std::string::npos ? std::string() : line->substr(space + 1);
    co_await command(std::move(verb), std::move(rest));
  }
  close();
}

awaitable<std::optional<std::string>> Session::read_line() {
  restart_patience();
  error_code error;
  std::size_t size = 0;
  auto buffer = asio::dynamic_buffer(in_, kMaxLine);
  auto token = redirect_error(use_awaitable, error);
  if (secure_)
    size = co_await asio::async_read_until(*secure_, buffer, '\n', token);
  else
    size = co_await asio::async_read_until(socket_, buffer, '\n', token);
  std::optional<std::string> none;
  if (error == asio::error::not_found) {
    quit_ = true;
    co_await reply("500 5.5.6 line too long");
    co_return none;
  }
  if (error) co_return none;
  std::string line = in_.substr(0, size - 1);
  in_.erase(0, size);
  if (line.ends_with('\r')) line.pop_back();
  co_return std::optional<std::string>(std::move(line));
}

awaitable<std::optional<std::string>> Session::read_mail() {
  restart_patience();
  std::optional<std::string> none;
  if (in_.starts_with(".\r\n")) {  // a mail of no lines
    in_.erase(0, 3);
    co_return std::optional<std::string>(std::string());
  }
  error_code error;
  std::size_t size = 0;
  auto buffer = asio::dynamic_buffer(in_, settings_.max_bytes + kMaxLine);
  auto token = redirect_error(use_awaitable, error);
  const std::string end = "\r\n.\r\n";
  if (secure_)
    size = co_await asio::async_read_until(*secure_, buffer, end, token);
  else
    size = co_await asio::async_read_until(socket_, buffer, end, token);
  if (error == asio::error::not_found) {  // the rest of it cannot be told from commands
    quit_ = true;
    co_await reply("552 5.3.4 too large");
    co_return none;
  }
  if (error) {
    quit_ = true;
    co_return none;
  }
  std::string mail = without_stuffing(std::string_view(in_).substr(0, size - 3));
  in_.erase(0, size);
  co_return std::optional<std::string>(std::move(mail));
}

awaitable<void> Session::reply(std::string text) {
  text += "\r\n";
  error_code error;
  auto token = redirect_error(use_awaitable, error);
  if (secure_)
    co_await asio::async_write(*secure_, asio::buffer(text), token);
  else
    co_await asio::async_write(socket_, asio::buffer(text), token);
  if (error) quit_ = true;
}

awaitable<void> Session::bad(std::string text) {
  quit_ = ++mistakes_ >= kMaxMistakes;
  if (quit_) text = "421 4.7.0 too many mistakes";
  co_await reply(std::move(text));
}

awaitable<void> Session::command(std::string verb, std::string rest) {
  if (verb == "EHLO" || verb == "HELO") co_return co_await greet(std::move(verb), std::move(rest));
  if (verb == "QUIT") {
    quit_ = true;
    co_return co_await reply("221 2.0.0 bye");
  }
  if (verb == "NOOP") co_return co_await reply("250 2.0.0 ok");
  if (verb == "RSET") {
    reset_mail();
    co_return co_await reply("250 2.0.0 ok");
  }
  if (verb == "VRFY") co_return co_await reply("252 2.1.5 send it and see");
  if (!greeted_) co_return co_await bad("503 5.5.1 EHLO first");
  if (verb == "STARTTLS") co_return co_await start_tls();
  if (tls_ != Tls::kNone && !secure_) co_return co_await bad("530 5.7.0 STARTTLS first");
  if (verb == "AUTH") co_return co_await auth(std::move(rest));
  if (verb != "MAIL" && verb != "RCPT" && verb != "DATA") co_return co_await bad("500 5.5.2 no such command");
  if (!known_) co_return co_await bad("530 5.7.0 authentication required");
  if (verb == "MAIL") co_return co_await mail_from(std::move(rest));
  if (verb == "RCPT") co_return co_await rcpt_to(std::move(rest));
  co_await data();
}

awaitable<void> Session::greet(std::string verb, std::string rest) {
  if (rest.empty()) co_return co_await bad("501 5.5.4 who are you?");
  greeted_ = true;
  reset_mail();
  if (verb == "HELO") co_return co_await reply("250 trunkline");
  std::string text = "250-trunkline\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n";
  if (settings_.reports) text += "250-DSN\r\n";
  if (tls_ != Tls::kNone && !secure_)
    text += "250-STARTTLS\r\n";
  else
    text += "250-AUTH PLAIN LOGIN\r\n";
  co_await reply(text + "250 SIZE " + std::to_string(settings_.max_bytes));
}

awaitable<void> Session::start_tls() {
  if (tls_ == Tls::kNone) co_return co_await bad("502 5.5.1 there is no TLS here");
  if (secure_) co_return co_await bad("503 5.5.1 TLS is there");
  // Whatever came with the command is not protected by what follows it.
  if (!in_.empty()) {
    quit_ = true;
    co_return co_await reply("501 5.5.4 nothing may follow STARTTLS");
  }
  co_await reply("220 2.0.0 go on");
  co_await shake_hands();
  greeted_ = known_ = false;
  reset_mail();
}

awaitable<void> Session::shake_hands() {
  secure_.emplace(socket_, *context_);
  error_code error;
  auto token = redirect_error(use_awaitable, error);
  co_await secure_->async_handshake(asio::ssl::stream_base::server, token);
  if (error) quit_ = true;
}

awaitable<void> Session::auth(std::string rest) {
  if (known_) co_return co_await bad("503 5.5.1 you are known");
  const std::size_t space = rest.find(' ');
  const std::string mechanism = upper(std::string_view(rest).substr(0, space));
  std::string initial = space == std::string::npos ? std::string() : rest.substr(space + 1);
  if (mechanism != "PLAIN" && mechanism != "LOGIN") co_return co_await bad("504 5.5.4 PLAIN or LOGIN");
  const auto ask = [this](std::string prompt, std::string& answer) -> awaitable<bool> {
    co_await reply(std::move(prompt));
    auto line = co_await read_line();
    if (!line) quit_ = true;
    if (line) answer = std::move(*line);
    co_return line.has_value();
  };
  if (mechanism == "PLAIN") {
    bool there = !initial.empty();
    if (!there) there = co_await ask("334 ", initial);
    if (!there) co_return;
    if (initial == "*") co_return co_await bad("501 5.7.0 cancelled");
    const std::string decoded = http_carrier::from_base64(initial);
    const std::size_t first = decoded.find('\0');
    const std::size_t second = first == std::string::npos ? first : decoded.find('\0', first + 1);
    if (second == std::string::npos) co_return co_await bad("501 5.5.2 malformed");
    co_return co_await log_in(decoded.substr(first + 1, second - first - 1), decoded.substr(second + 1));
  }
  bool there = !initial.empty();
  if (!there) there = co_await ask("334 VXNlcm5hbWU6", initial);
  if (!there) co_return;
  std::string password;
  there = co_await ask("334 UGFzc3dvcmQ6", password);
  if (!there) co_return;
  if (initial == "*" || password == "*") co_return co_await bad("501 5.7.0 cancelled");
  co_await log_in(http_carrier::from_base64(initial), http_carrier::from_base64(password));
}

awaitable<void> Session::log_in(std::string username, std::string password) {
  patience_.cancel();
  auto task = logins_.check(std::move(username), std::move(password));
  const auto result = co_await result_of<bool>(socket_.get_executor(), &in_flight_, std::move(task));
  if (!result.ok()) co_return co_await reply("454 4.7.0 nobody can tell just now, try again later");
  if (result.value()) {
    known_ = true;
    co_return co_await reply("235 2.7.0 welcome");
  }
  quit_ = ++failed_logins_ >= kMaxFailedLogins;
  co_await reply("535 5.7.8 wrong name or password");
}

awaitable<void> Session::mail_from(std::string rest) {
  std::string address, parameters;
  if (has_sender_) co_return co_await bad("503 5.5.1 one mail at a time");
  if (!split_path(rest, "FROM:", address, parameters)) co_return co_await bad("501 5.5.4 wanted FROM:<address>");
  MailParameters wanted;
  if (const std::string fault = read_mail_parameters(parameters, settings_.reports.has_value(), wanted); !fault.empty())
    co_return co_await bad(fault);
  if (wanted.size > settings_.max_bytes) co_return co_await bad("552 5.3.4 too large");
  const std::string fault = address_fault(address, wanted.utf8);
  if (!fault.empty()) co_return co_await bad(fault);
  if (!trunkline::mail::is_address(address)) co_return co_await bad("553 5.1.7 no address");
  has_sender_ = true;
  utf8_ = wanted.utf8;
  envelope_.from = std::move(address);
  envelope_.dsn = std::move(wanted.dsn);
  co_await reply("250 2.1.0 ok");
}

awaitable<void> Session::rcpt_to(std::string rest) {
  std::string address, parameters;
  if (!has_sender_) co_return co_await bad("503 5.5.1 MAIL first");
  if (!split_path(rest, "TO:", address, parameters)) co_return co_await bad("501 5.5.4 wanted TO:<address>");
  mail_reports::RecipientDsn asked;
  const bool dsn = settings_.reports.has_value();
  if (const std::string fault = read_recipient_parameters(parameters, dsn, asked); !fault.empty()) co_return co_await bad(fault);
  const std::string fault = address_fault(address, utf8_);
  if (!fault.empty()) co_return co_await bad(fault);
  if (!trunkline::mail::is_address(address)) co_return co_await bad("553 5.1.3 no address");
  if (envelope_.to.size() >= kMaxRecipients) co_return co_await reply("452 4.5.3 too many recipients");
  envelope_.to.push_back(std::move(address));
  envelope_.asked.push_back(std::move(asked));
  co_await reply("250 2.1.5 ok");
}

awaitable<void> Session::data() {
  if (!has_sender_) co_return co_await bad("503 5.5.1 MAIL first");
  if (envelope_.to.empty()) co_return co_await bad("554 5.5.1 no valid recipients");
  co_await reply("354 end with a dot");
  auto mail = co_await read_mail();
  if (!mail) co_return;
  patience_.cancel();
  Envelope envelope = std::move(envelope_);
  reset_mail();
  auto task = submissions_.send(std::move(envelope), std::move(*mail));
  auto result = co_await result_of<std::string>(socket_.get_executor(), &in_flight_, std::move(task));
  std::string text = "451 4.3.0 not taken, try again later";
  if (result.ok()) text = std::move(result.value());
  co_await reply(std::move(text));
}

void Session::reset_mail() {
  has_sender_ = utf8_ = false;
  envelope_ = {};
}

}  // namespace email_smtp_server
