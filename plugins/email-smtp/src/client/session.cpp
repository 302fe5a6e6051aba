#include "session.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>

#include "trunkline/error.hpp"

namespace email_smtp {

namespace asio = boost::asio;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::email::EmailSendResult;
using trunkline::email::EmailState;

namespace {

/// What a server has to take (RFC 3461 section 5.4).
constexpr std::size_t kMaxEnvelopeId = 100;
constexpr std::size_t kMaxOriginalRecipient = 500;

std::string base64(const std::string& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      reinterpret_cast<const unsigned char*>(bytes.data()),
                                                      static_cast<int>(bytes.size()))));
  return out;
}

/// RFC 3461 section 4.
std::string xtext(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u > 32 && u < 127 && c != '+' && c != '=') {
      out += c;
    } else {
      out += '+';
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  return out;
}

/// RFC 3461 section 4.2, RFC 6533 section 3: an address beyond ASCII goes as it is, for it is there only with SMTPUTF8.
std::string original_recipient(const std::string& address) {
  if (std::all_of(address.begin(), address.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return "rfc822;" + xtext(address);
  std::string out = "utf-8;";
  for (const char c : address) {
    if (c == '\\' || c == '+' || c == '=' || (c >= 0 && c <= 32) || c == 127) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x{%02X}", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out;
}

/// What a reply to a recipient, or to all of them, means.
void take(EmailSendResult& result, const Reply& reply) {
  result.state = reply.temporary() ? EmailState::kQueued : EmailState::kBounced;
  result.retryable = reply.temporary();
  result.status_code = reply.status_code();
  result.detail = reply.str();
}

Error refused(const char* step, const Reply& reply) {
  return {reply.temporary() || reply.code == 421 ? ErrorCode::kUnavailable : ErrorCode::kFailedPrecondition,
          std::string("the server refused ") + step + ": " + reply.str()};
}

}  // namespace

asio::awaitable<Reply> Session::command(std::string line) {
  line += "\r\n";
  co_await wire_->write(std::move(line));
  Reply reply = co_await wire_->read_reply();
  co_return reply;
}

asio::awaitable<void> Session::greet() {
  co_await wire_->write("EHLO " + settings_.client_name + "\r\n");
  std::string lines;
  const Reply reply = co_await wire_->read_reply(&lines);
  if (reply.good()) {
    offers_ = Offers::parse(lines);
    co_return;
  }
  if (reply.temporary()) throw refused("EHLO", reply).with_provider_code(std::to_string(reply.code));
  const Reply old = co_await command("HELO " + settings_.client_name);
  if (!old.good()) throw refused("HELO", old);
  offers_ = Offers();
}

asio::awaitable<void> Session::open() {
  carried_ = 0;
  wire_ = std::make_unique<Wire>(context_, settings_);
  try {
    co_await wire_->connect();
    const Reply greeting = co_await wire_->read_reply();
    // 554: no service here; another time may be different, another sender not.
    if (greeting.code != 220) throw Error(ErrorCode::kUnavailable, "the server refused the connection: " + greeting.str());
    co_await greet();
    const bool wanted = settings_.tls == Tls::kStartTls;
    if (!wire_->encrypted() && (wanted || (settings_.tls == Tls::kOpportunistic && offers_.has("STARTTLS")))) {
      if (!offers_.has("STARTTLS"))
        throw Error(ErrorCode::kFailedPrecondition, "the server " + settings_.host + " offers no STARTTLS", "tls");
      const Reply reply = co_await command("STARTTLS");
      if (!reply.good()) throw refused("STARTTLS", reply);
      co_await wire_->start_tls();
      co_await greet();  // what was offered in clear counts for nothing
    }
    co_await authenticate();
  } catch (...) {
    close();
    throw;
  }
}

asio::awaitable<void> Session::authenticate() {
  Auth auth = settings_.auth;
  if (auth == Auth::kAuto) {
    if (settings_.username.empty()) co_return;
    auth = !settings_.access_token.empty() ? Auth::kXoauth2 : offers_.has_auth("PLAIN") ? Auth::kPlain : Auth::kLogin;
  }
  if (auth == Auth::kOff) co_return;
  const char* const name = auth == Auth::kPlain ? "PLAIN" : auth == Auth::kLogin ? "LOGIN" : "XOAUTH2";
  if (!offers_.has_auth(name))
    throw Error(ErrorCode::kFailedPrecondition, "the server " + settings_.host + " offers no AUTH " + name, "auth");
  Reply reply;
  if (auth == Auth::kPlain) {
    reply = co_await command("AUTH PLAIN " +
                             base64(std::string(1, '\0') + settings_.username + std::string(1, '\0') + settings_.password));
  } else if (auth == Auth::kLogin) {
    reply = co_await command("AUTH LOGIN");
    if (reply.code == 334) reply = co_await command(base64(settings_.username));
    if (reply.code == 334) reply = co_await command(base64(settings_.password));
  } else {
    reply = co_await command("AUTH XOAUTH2 " + base64("user=" + settings_.username +
                                                      "\x01"
                                                      "auth=Bearer " +
                                                      settings_.access_token + "\x01\x01"));
    // The reason comes as a challenge; the refusal follows an empty answer.
    if (reply.code == 334) reply = co_await command("");
  }
  if (reply.code == 235) co_return;
  if (reply.temporary()) throw Error(ErrorCode::kUnavailable, "the server cannot check the credentials now: " + reply.str());
  throw Error(ErrorCode::kUnauthenticated, "the server refused the credentials: " + reply.str(), "username")
      .with_provider_code(reply.status_code());
}

std::string Session::mail_line(const Job& job) const {
  std::string line = "MAIL FROM:<" + job.sender + ">";
  if (offers_.has("SIZE")) line += " SIZE=" + std::to_string(job.data.size());
  if ((job.eight_bit || job.utf8) && offers_.has("8BITMIME")) line += " BODY=8BITMIME";
  if (job.utf8) line += " SMTPUTF8";
  if (offers_.has("DSN")) {
    line += " RET=" + settings_.returned;
    if (const std::string id = xtext(job.envelope_id); !id.empty() && id.size() <= kMaxEnvelopeId) line += " ENVID=" + id;
  }
  return line + "\r\n";
}

std::string Session::rcpt_line(const std::string& recipient) const {
  std::string line = "RCPT TO:<" + recipient + ">";
  if (offers_.has("DSN")) {
    if (!settings_.notify.empty()) line += " NOTIFY=" + settings_.notify;
    if (const std::string original = original_recipient(recipient); original.size() <= kMaxOriginalRecipient)
      line += " ORCPT=" + original;
  }
  return line + "\r\n";
}

/// MAIL, RCPT for each recipient, DATA: in one packet where the server takes it. `go_ahead`: the answer to DATA.
asio::awaitable<void> Session::envelope(JobPtr job, Results& results, std::size_t& taken, Reply& go_ahead) {
  const bool pipelining = offers_.has("PIPELINING");
  if (pipelining) {
    std::string all = mail_line(*job);
    for (const std::string& recipient : job->recipients) all += rcpt_line(recipient);
    all += "DATA\r\n";
    co_await wire_->write(std::move(all));
  } else {
    co_await wire_->write(mail_line(*job));
  }
  const Reply sender = co_await wire_->read_reply();
  if (!sender.good()) {
    for (EmailSendResult& result : results) take(result, sender);
    if (!pipelining) co_return;
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!pipelining) co_await wire_->write(rcpt_line(job->recipients[i]));
    const Reply reply = co_await wire_->read_reply();
    if (!sender.good()) continue;  // said already
    if (reply.good())
      ++taken;
    else
      take(results[i], reply);
  }
  if (pipelining) {
    go_ahead = co_await wire_->read_reply();
  } else if (taken > 0) {
    go_ahead = co_await command("DATA");
  }
}

asio::awaitable<Results> Session::transact(JobPtr job) {
  Results results(job->recipients.size());
  for (std::size_t i = 0; i < results.size(); ++i) results[i].recipient = job->recipients[i];
  const auto refuse_all = [&](const char* status, std::string words) {
    for (EmailSendResult& result : results) {
      result.state = EmailState::kFailed;
      result.status_code = status;
      result.detail = words;
    }
  };
  if (job->utf8 && !offers_.has("SMTPUTF8")) {
    refuse_all("5.6.7", "the server takes no addresses beyond ASCII");
    co_return results;
  }
  if (job->eight_bit && !offers_.has("8BITMIME")) {
    job->data = job->seven_bit();
    job->eight_bit = false;
  }
  if (const std::size_t limit = offers_.max_size(); limit > 0 && job->data.size() > limit) {
    refuse_all("5.3.4",
               "the mail has " + std::to_string(job->data.size()) + " bytes, and the server takes " + std::to_string(limit));
    co_return results;
  }
  std::size_t taken = 0;
  Reply go_ahead;
  co_await envelope(job, results, taken, go_ahead);
  if (taken == 0) {
    // A server that wants the mail of nobody gets an empty one; nothing comes of it.
    if (go_ahead.code == 354) co_await command(".");
    const Reply reset = co_await command("RSET");
    if (!reset.good()) close();
    co_return results;
  }
  Reply end = go_ahead;
  if (go_ahead.code == 354) {
    std::string data = std::move(job->data);
    data += ".\r\n";
    // Once it is in the hands of the system it may arrive.
    handed_over_ = true;
    co_await wire_->write(std::move(data));
    end = co_await wire_->read_reply();
    handed_over_ = false;
    ++carried_;
  }
  const std::string queue_id = end.queue_id();
  for (EmailSendResult& result : results) {
    if (result.status_code) continue;  // refused by itself
    if (!end.good()) {
      take(result, end);
      continue;
    }
    result.state = settings_.dsn && offers_.has("DSN") ? EmailState::kSent : EmailState::kDelivered;
    result.status_code = end.status_code();
    result.detail = end.str();
    if (!queue_id.empty()) result.provider_message_id = queue_id;
  }
  if (end.code == 421) close();
  co_return results;
}

asio::awaitable<Results> Session::send(JobPtr job) {
  handed_over_ = false;
  std::exception_ptr failure;
  try {
    Results results = co_await transact(job);
    co_return results;
  } catch (...) {
    failure = std::current_exception();
  }
  close();
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (!handed_over_) throw;
    throw Error(ErrorCode::kDeadlineExceeded, "the mail was sent and its answer lost: " + error.message);
  }
}

asio::awaitable<void> Session::quit() {
  if (!wire_) co_return;
  try {
    co_await wire_->write("QUIT\r\n");
  } catch (const Error&) {
    // It has gone already.
  }
  close();
}

}  // namespace email_smtp
