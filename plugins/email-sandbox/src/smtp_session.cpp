#include "smtp_session.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "trunkline/mail.hpp"

namespace email_sandbox {

namespace asio = boost::asio;
using boost::system::error_code;
using mail_reports::upper;

namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxSessionRecipients = 100;
constexpr int kMaxMistakes = 20;
/// A peer lives in real time, whatever the clock of the runtime does.
constexpr std::chrono::minutes kPatience{5};

std::string decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+') value = 62;
    if (c == '/') value = 63;
    if (value < 0) break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>((bits >> have) & 0xFF);
    }
  }
  return out;
}

/// `FROM:<a@b> SIZE=10` to the path and what follows it. False: malformed.
bool split_path(std::string_view rest, std::string_view keyword, std::string& path, std::string_view& parameters) {
  if (rest.size() < keyword.size() + 1 || upper(rest.substr(0, keyword.size())) != keyword) return false;
  rest.remove_prefix(keyword.size());
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (!rest.starts_with('<')) return false;
  const auto end = rest.find('>');
  if (end == std::string_view::npos) return false;
  std::string_view address = rest.substr(1, end - 1);
  // A source route is to be ignored (RFC 5321 appendix C).
  if (address.starts_with('@'))
    if (const auto colon = address.find(':'); colon != std::string_view::npos) address.remove_prefix(colon + 1);
  path = address;
  parameters = rest.substr(end + 1);
  return true;
}

std::string without_stuffing(std::string_view data) {
  std::string out;
  out.reserve(data.size());
  bool line_start = true;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (line_start && data[i] == '.') {
      line_start = false;
      continue;
    }
    out += data[i];
    line_start = data[i] == '\n';
  }
  return out;
}

}  // namespace

SmtpSession::SmtpSession(asio::ip::tcp::socket socket, const SmtpDoor::Options& options)
    : socket_(std::move(socket)), patience_(socket_.get_executor()), options_(options), in_(options.max_bytes + kMaxLine) {}

void SmtpSession::start() { reply("220 sandbox.trunkline.test ESMTP Trunkline sandbox"); }

void SmtpSession::close() {
  error_code ignored;
  patience_.cancel();
  socket_.close(ignored);
}

void SmtpSession::restart_clock() {
  patience_.expires_after(kPatience);
  patience_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->close();
  });
}

void SmtpSession::reply(std::string text) {
  out_ = std::move(text) + "\r\n";
  asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](error_code error, std::size_t) {
    if (error || self->quit_) return self->close();
    self->read_line();
  });
}

void SmtpSession::bad(std::string text) {
  quit_ = ++mistakes_ >= kMaxMistakes;
  reply(quit_ ? "421 4.7.0 too many mistakes" : std::move(text));
}

void SmtpSession::read_line() {
  restart_clock();
  asio::async_read_until(socket_, in_, '\n', [self = shared_from_this()](error_code error, std::size_t size) {
    if (error) return self->close();
    const auto* data = static_cast<const char*>(self->in_.data().data());
    std::string line(data, size - 1);
    self->in_.consume(size);
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() > kMaxLine) return self->bad("500 5.5.6 line too long");
    self->on_line(std::move(line));
  });
}

void SmtpSession::on_line(std::string line) {
  switch (std::exchange(await_, Await::kCommand)) {
    case Await::kAuthPlain:
      return auth_plain(line);
    case Await::kLoginUser:
      resource_ = decode_base64(line);
      await_ = Await::kLoginPassword;
      return reply("334 UGFzc3dvcmQ6");
    case Await::kLoginPassword:
      return reply("235 2.7.0 welcome");
    case Await::kCommand:
      break;
  }
  const auto space = line.find(' ');
  const std::string verb = upper(std::string_view(line).substr(0, space));
  command(verb, space == std::string::npos ? std::string_view{} : std::string_view(line).substr(space + 1));
}

void SmtpSession::command(std::string_view verb, std::string_view rest) {
  if (verb == "EHLO" || verb == "HELO") {
    if (rest.empty()) return bad("501 5.5.4 who are you?");
    greeted_ = true;
    reset_mail();
    if (verb == "HELO") return reply("250 sandbox.trunkline.test");
    return reply(
        "250-sandbox.trunkline.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n"
        "250-AUTH PLAIN LOGIN\r\n250 SIZE " +
        std::to_string(options_.max_bytes));
  }
  if (verb == "QUIT") {
    quit_ = true;
    return reply("221 2.0.0 bye");
  }
  if (verb == "NOOP") return reply("250 2.0.0 ok");
  if (verb == "RSET") {
    reset_mail();
    return reply("250 2.0.0 ok");
  }
  if (verb == "VRFY") return reply("252 2.1.5 send it and see");
  if (verb == "HELP") return reply("214 2.0.0 RFC 5321");
  if (verb == "AUTH") return auth(rest);
  if (verb == "MAIL") return mail_from(rest);
  if (verb == "RCPT") return rcpt_to(rest);
  if (verb == "DATA") {
    if (mail_.to.empty()) return bad(has_sender_ ? "554 5.5.1 no valid recipients" : "503 5.5.1 MAIL first");
    out_ = "354 end with a dot\r\n";
    return asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->close();
      self->read_data();
    });
  }
  bad("500 5.5.2 no such command");
}

void SmtpSession::mail_from(std::string_view rest) {
  std::string_view parameters;
  std::string path;
  if (!greeted_) return bad("503 5.5.1 EHLO first");
  if (has_sender_) return bad("503 5.5.1 one mail at a time");
  if (!split_path(rest, "FROM:", path, parameters)) return bad("501 5.5.4 wanted FROM:<address>");
  if (!path.empty() && !trunkline::mail::is_address(path)) return bad("553 5.1.7 no address");
  if (const auto at = upper(parameters).find("SIZE="); at != std::string::npos) {
    std::size_t size = 0;
    std::from_chars(parameters.data() + at + 5, parameters.data() + parameters.size(), size);
    if (size > options_.max_bytes) return bad("552 5.3.4 too large");
  }
  mail_reports::MailDsn dsn;
  if (std::string fault = read_mail_dsn(parameters, dsn); !fault.empty()) return bad(std::move(fault));
  has_sender_ = true;
  mail_.from = std::move(path);
  mail_.dsn = std::move(dsn);
  reply("250 2.1.0 ok");
}

void SmtpSession::rcpt_to(std::string_view rest) {
  std::string_view parameters;
  std::string path;
  if (!has_sender_) return bad("503 5.5.1 MAIL first");
  if (!split_path(rest, "TO:", path, parameters)) return bad("501 5.5.4 wanted TO:<address>");
  if (!trunkline::mail::is_address(path)) return bad("553 5.1.3 no address");
  if (mail_.to.size() >= kMaxSessionRecipients) return reply("452 4.5.3 too many recipients");
  SmtpMail::Recipient recipient;
  if (std::string fault = read_recipient_dsn(parameters, recipient.dsn); !fault.empty()) return bad(std::move(fault));
  recipient.fate = options_.decide(resource_, path);
  if (const Fate& fate = recipient.fate; fate.rule.refuse)
    return reply((fate.rule.temporary ? "450 " : "550 ") + fate.status_code + " " + fate.detail);
  recipient.address = std::move(path);
  mail_.to.push_back(std::move(recipient));
  reply("250 2.1.5 ok");
}

void SmtpSession::auth(std::string_view rest) {
  const auto space = rest.find(' ');
  const std::string mechanism = upper(rest.substr(0, space));
  const std::string_view initial = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  if (!greeted_) return bad("503 5.5.1 EHLO first");
  if (mechanism == "PLAIN") {
    if (!initial.empty()) return auth_plain(initial);
    await_ = Await::kAuthPlain;
    return reply("334 ");
  }
  if (mechanism == "LOGIN") {
    if (!initial.empty()) {
      resource_ = decode_base64(initial);
      await_ = Await::kLoginPassword;
      return reply("334 UGFzc3dvcmQ6");
    }
    await_ = Await::kLoginUser;
    return reply("334 VXNlcm5hbWU6");
  }
  bad("504 5.5.4 PLAIN or LOGIN");
}

void SmtpSession::auth_plain(std::string_view response) {
  const std::string decoded = decode_base64(response);
  const auto first = decoded.find('\0');
  const auto second = first == std::string::npos ? first : decoded.find('\0', first + 1);
  if (second == std::string::npos) return bad("501 5.5.2 malformed");
  resource_ = decoded.substr(first + 1, second - first - 1);
  reply("235 2.7.0 welcome");
}

void SmtpSession::read_data() {
  restart_clock();
  // A mail of no lines has its dot at once.
  const auto buffered = in_.data();
  const std::string_view held(static_cast<const char*>(buffered.data()), buffered.size());
  if (held.starts_with(".\r\n")) {
    in_.consume(3);
    return on_data(0);
  }
  asio::async_read_until(socket_, in_, "\r\n.\r\n", [self = shared_from_this()](error_code error, std::size_t size) {
    if (error == asio::error::not_found) {  // the rest of it cannot be told from commands
      self->quit_ = true;
      return self->reply("552 5.3.4 too large");
    }
    if (error) return self->close();
    self->on_data(size);
  });
}

void SmtpSession::on_data(std::size_t size) {
  if (size > 0) {
    const auto* data = static_cast<const char*>(in_.data().data());
    mail_.raw = without_stuffing({data, size - 3});
    in_.consume(size);
  }
  patience_.cancel();
  SmtpMail mail = std::move(mail_);
  mail.resource = resource_;
  reset_mail();
  options_.take(std::move(mail), [self = shared_from_this()](bool ok) {
    asio::post(self->socket_.get_executor(), [self, ok] { self->kept(ok); });
  });
}

void SmtpSession::kept(bool ok) { reply(ok ? "250 2.0.0 kept" : "451 4.3.0 not kept, try again later"); }

void SmtpSession::reset_mail() {
  has_sender_ = false;
  mail_ = {};
}

}  // namespace email_sandbox
