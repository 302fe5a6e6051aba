// Mail from outside: it is read without an error whatever it is. What we compose from hostile parts is refused or reads back with
// its lines intact.
#include <cstdlib>

#include "trunkline/mail.hpp"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  mail::parse(text);
  mail::read_status_reports(text);

  email::EmailSendRequest request;
  request.internet_message_id = "<a@b.test>";
  request.from.address = "a@b.test";
  const std::size_t third = size / 3;
  request.subject = text.substr(0, third);
  request.plain_text = std::string(text.substr(third, third));
  request.to.emplace_back().address = "c@d.test";
  request.to[0].display_name = std::string(text.substr(2 * third));
  try {
    const mail::Message message = mail::compose(request);
    for (std::size_t begin = 0, end = 0; begin < message.headers.size(); begin = end + 2) {
      end = message.headers.find("\r\n", begin);
      if (end == std::string::npos || end - begin > 998) std::abort();
      if (message.headers.find_first_of("\r\n", begin) != end) std::abort();  // a bare CR or LF
    }
    if (mail::parse(message.str()).to.size() != 1) std::abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::kInvalidArgument) std::abort();
  }
  return 0;
}
