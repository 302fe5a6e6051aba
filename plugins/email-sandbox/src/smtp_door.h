// A mail server that takes everything, on a thread of its own.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mail-reports/dsn.h"
#include "world.h"

namespace email_sandbox {

/// A mail that came through the door.
struct SmtpMail {
  struct Recipient {
    std::string address;
    Fate fate;
    mail_reports::RecipientDsn dsn;
  };
  std::string resource;
  std::string from;
  std::vector<Recipient> to;
  std::string raw;
  mail_reports::MailDsn dsn;
};

/// ESMTP (RFC 5321) with PIPELINING, 8BITMIME, SMTPUTF8, SIZE, DSN, ENHANCEDSTATUSCODES and AUTH, whose users and passwords it
/// believes: the user is the resource. No TLS: it is for this machine.
class SmtpDoor {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::size_t max_bytes = 32u << 20;
    /// Of one recipient. [the door's thread]
    std::function<Fate(const std::string& resource, const std::string& recipient)> decide;
    /// A mail has come; `done` says whether it was kept, on any thread. [the door's thread]
    std::function<void(SmtpMail mail, std::function<void(bool)> done)> take;
  };

  /// Listens from here on. Throws kUnavailable when it cannot.
  explicit SmtpDoor(Options options);
  ~SmtpDoor();

  /// `host:port`.
  std::string address() const;
  /// Closes listener and connections; nothing is taken afterwards. Answers of `take` may still come. [any-thread]
  void close();
  /// The caller runs on the door's thread, where it must not be destroyed.
  bool is_own_thread() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace email_sandbox
