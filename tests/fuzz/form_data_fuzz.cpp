// A form that claims to bring a mail: reading it never fails but by Error, what is read lies within it, and the mail that is put
// together has no line that its parts brought in.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "inbound.h"
#include "trunkline/error.hpp"

namespace {

void check(bool good) {
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto within = [&](std::string_view part) {
    return part.empty() || (part.data() >= body.data() && part.data() + part.size() <= body.data() + body.size());
  };
  email_sendgrid::boundary_of(body);
  try {
    const email_sendgrid::FormData form = email_sendgrid::read_form_data(body, "b");
    for (const auto& [name, value] : form.fields) check(!name.empty() && within(value));
    for (const auto& file : form.files) check(within(file.content));
    const email_sendgrid::InboundMail mail = email_sendgrid::read_inbound(form);
    check(!mail.to.empty() && mail.id.size() == 32);
    if (form.field("email").empty()) check(mail.mime.ends_with("--=_mixed--\r\n"));
  } catch (const trunkline::Error&) {
  }
  return 0;
}
