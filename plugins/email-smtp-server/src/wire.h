// What a client writes, taken apart. Pure.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "mail-reports/dsn.h"

namespace email_smtp_server {

std::string upper(std::string_view text);
/// `FROM:<a@b> SIZE=10` to the address and what follows it. False: malformed.
bool split_path(std::string_view rest, std::string_view keyword, std::string& address, std::string& parameters);
/// What follows the address of MAIL.
struct MailParameters {
  std::size_t size = 0;  // that the client expects; 0: it does not say
  bool utf8 = false;
  mail_reports::MailDsn dsn;
};
/// The reply to what is no parameter of ours; empty: all are. `dsn`: those of RFC 3461 are.
std::string read_mail_parameters(std::string_view text, bool dsn, MailParameters& parameters);
/// The same of what follows the address of RCPT.
std::string read_recipient_parameters(std::string_view text, bool dsn, mail_reports::RecipientDsn& asked);
/// The reply to an address beyond ASCII (RFC 6531) that is not UTF-8, or where `allowed` is false; empty: it is neither.
std::string address_fault(std::string_view address, bool allowed);
/// A mail without the dots that stand before dots at the beginning of lines.
std::string without_stuffing(std::string_view data);

}  // namespace email_smtp_server
