// A bounce as a mail: a delivery status notification (RFC 3464).
#pragma once
#include <string>

#include "trunkline/error.hpp"

namespace email_sandbox {

struct Bounce {
  std::string sender;  // of the mail that bounced: who gets this one
  std::string recipient;
  std::string status_code;
  std::string detail;
  std::string envelope_id;
  /// The headers of the mail that bounced.
  std::string headers;
};
std::string write_bounce(const Bounce& bounce);

}  // namespace email_sandbox
