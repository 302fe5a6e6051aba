// What a client of the SMTP server sends: its commands are taken apart within their bounds, and its mail becomes a JSON document
// or an error, never anything else.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "plugins/email-smtp-server/src/submission.h"
#include "plugins/email-smtp-server/src/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string address, parameters;
  if (email_smtp_server::split_path(text, "FROM:", address, parameters) &&
      (address.find('>') != std::string::npos || address.size() + parameters.size() > size))
    std::abort();
  email_smtp_server::MailParameters of_mail;
  mail_reports::RecipientDsn of_recipient;
  (void)email_smtp_server::read_mail_parameters(parameters, true, of_mail);
  (void)email_smtp_server::read_recipient_parameters(parameters, true, of_recipient);
  if (of_mail.dsn.envelope_id.size() > 100) std::abort();
  if (email_smtp_server::without_stuffing(text).size() > size) std::abort();
  email_smtp_server::Envelope envelope;
  envelope.from = "a@b.example";
  envelope.to = {"c@d.example", "e@f.example"};
  try {
    const auto body = nlohmann::json::parse(email_smtp_server::send_body(envelope, text));
    std::size_t recipients = 0;
    for (const char* kind : {"to", "cc", "bcc"}) recipients += body.at("recipients").at(kind).size();
    if (recipients < envelope.to.size()) std::abort();  // a header may name one twice
  } catch (const trunkline::Error&) {
  }
  return 0;
}
