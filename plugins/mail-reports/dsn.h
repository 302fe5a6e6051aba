// What an SMTP client asks to be told about a mail (RFC 3461), and the mail that tells it (RFC 3464, RFC 6533).
#pragma once
#include <string>
#include <string_view>

#include "trunkline/email.hpp"

namespace mail_reports {

std::string upper(std::string_view text);

/// RET and ENVID of MAIL.
struct MailDsn {
  std::string envelope_id;  // decoded
  bool full = false;        // a report of failure carries the whole mail
};
/// NOTIFY and ORCPT of RCPT; without NOTIFY failures are reported.
struct RecipientDsn {
  bool success = false;
  bool failure = true;
  std::string original;  // `rfc822;user@example.com`, as the client wrote it
};
/// What follows the address of MAIL and of RCPT. The reply to a malformed parameter; empty: all are well. Other parameters than
/// those of RFC 3461 are left alone.
std::string read_mail_dsn(std::string_view parameters, MailDsn& dsn);
std::string read_recipient_dsn(std::string_view parameters, RecipientDsn& dsn);

struct StatusMail {
  std::string reporter;  // the name of the server that tells
  std::string mail_id;   // of the mail it is about, as it is kept
  std::string sender;    // of the mail it is about: who gets this one
  std::string recipient;
  std::string original;  // empty: the recipient
  /// bounced and failed, expanded; all others are told as delivered.
  trunkline::email::EmailState outcome = trunkline::email::EmailState::kBounced;
  std::string status_code;
  std::string detail;
  std::string envelope_id;
  /// The headers of the mail it is about, or all of it.
  std::string returned;
  bool full = false;
};
bool is_failure(trunkline::email::EmailState outcome);
std::string write_status_mail(const StatusMail& status);

}  // namespace mail_reports
