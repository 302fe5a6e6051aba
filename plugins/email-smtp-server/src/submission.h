// One mail as the email operations take it, and what they answer.
#pragma once
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "engine/azure_key.h"
#include "settings.h"
#include "trunkline/host_client.hpp"
#include "trunkline/plugin_host.hpp"

namespace email_smtp_server {

struct Envelope {
  std::string from;
  std::vector<std::string> to;
};

/// The body of `emails:send`. Who is in the envelope and in neither To nor Cc is a Bcc. Throws kInvalidArgument for a mail that
/// has another sender than its envelope, no sender, or no content.
std::string send_body(const Envelope& envelope, std::string_view raw);

/// [any-thread]
class Submissions {
 public:
  Submissions(trunkline::Host host, const Settings& settings);
  /// What the client is answered: a reply of SMTP without its line end. The same mail is sent once, however often it comes.
  trunkline::Task<std::string> send(Envelope envelope, std::string raw);
  /// What is under way is not tried again.
  void stop() { stopped_ = true; }

 private:
  const Settings& settings_;
  const trunkline::host::HttpClient http_;
  const trunkline::host::ClockClient clock_;
  const http_carrier::AzureConnection connection_;
  std::atomic<bool> stopped_{false};
};

}  // namespace email_smtp_server
