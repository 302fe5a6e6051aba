// The service's Inbound Parse webhook: a mail as a form.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "form_data.h"

namespace email_sendgrid {

struct InboundMail {
  /// The same for the same mail to the same recipients, so that what is told twice is known.
  std::string id;
  std::string from;  // of the envelope; empty for bounces
  std::vector<std::string> to;
  /// As it came where the service was told to send it raw; else put together from its parts: headers, bodies and files are those
  /// of the mail, its MIME structure is not.
  std::string mime;
};

/// Throws kInvalidArgument that names the field.
InboundMail read_inbound(const FormData& form);

}  // namespace email_sendgrid
