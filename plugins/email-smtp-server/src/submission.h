// One mail as the email operations take it, and what they answer.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/azure_key.h"
#include "mail-reports/dsn.h"
#include "settings.h"
#include "trunkline/host_client.hpp"
#include "trunkline/plugin_host.hpp"

namespace email_smtp_server {

struct Envelope {
  std::string from;
  std::vector<std::string> to;
  mail_reports::MailDsn dsn;
  std::vector<mail_reports::RecipientDsn> asked;  // of `to`, where DSN is offered
};

/// The body of `emails:send`. Who is in the envelope and in neither To nor Cc is a Bcc. Throws kInvalidArgument for a mail that
/// has another sender than its envelope, no sender, or no content.
std::string send_body(const Envelope& envelope, std::string_view raw);

/// [any-thread]
class Submissions {
 public:
  /// Keeps who is to be told of a mail, before it goes on; throws when that cannot be kept. Empty: nobody is told by mail.
  using Note = std::function<trunkline::Task<void>(std::string operation_id, Envelope envelope, std::string raw)>;

  Submissions(trunkline::Host host, const Settings& settings, Note note);
  /// What the client is answered: a reply of SMTP without its line end. The same mail is sent once, however often it comes.
  trunkline::Task<std::string> send(Envelope envelope, std::string raw);
  /// What is under way is not tried again.
  void stop() { stopped_ = true; }

 private:
  const Settings& settings_;
  const Note note_;
  const trunkline::host::HttpClient http_;
  const trunkline::host::ClockClient clock_;
  const http_carrier::AzureConnection connection_;
  std::atomic<bool> stopped_{false};
};

}  // namespace email_smtp_server
