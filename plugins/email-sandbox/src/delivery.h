// A mail to one recipient that is under way. Internal to the carrier.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "carrier.h"
#include "mail-reports/dsn.h"
#include "world.h"

namespace email_sandbox {

struct Carrier::Delivery {
  std::shared_ptr<World> world;
  std::string mail_id;
  std::string message_id;
  std::string sender;
  Fate fate;
  std::string provider_message_id;
  /// Of a mail by SMTP: nobody but its sender is told, by a mail, if it asked for that.
  bool smtp = false;
  mail_reports::RecipientDsn asked;
  std::string envelope_id;
  /// For a report that is a mail: the headers of the mail, or all of it. Null: nothing. Recipients of one mail share it.
  std::shared_ptr<const std::string> returned;
  bool full = false;
  std::string report_id;  // once it is kept
};

/// Calls made on nobody's behalf: deliveries outlive the call that sent them.
inline trunkline::CallOptions on_behalf_of(const std::string& resource) {
  trunkline::CallOptions options;
  options.resource = resource;
  return options;
}

inline trunkline::Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace email_sandbox
