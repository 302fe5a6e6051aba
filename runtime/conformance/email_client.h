// Mail as the checks of email providers send it.
#pragma once
#include <string>
#include <vector>

#include "runtime/conformance/check.h"
#include "runtime/conformance/one_call.h"
#include "trunkline/email_client.hpp"

namespace trunkline::conformance {

using MailResults = std::vector<email::EmailSendResult>;

inline email::EmailProviderClient email_client(plugin::PluginInstance& instance) {
  return {instance.interface(email::EmailProviderClient::kInterfaceId), instance.calls()};
}

/// The mail of the quirks. Another `seed` is another mail.
email::EmailSendRequest mail_of(CheckContext& kit, const EmailSample& sample, int seed = 0);
/// Fails the check when the call never ends.
Result<MailResults> send_mail(CheckContext& kit, Subject& subject, email::EmailSendRequest request, CallOptions options = {});
/// One result for each recipient, in order, each consistent with itself.
void check_mail_results(const email::EmailSendRequest& request, const MailResults& results);
/// It was taken, as far as is known at once.
bool is_taken(const email::EmailSendResult& result);

}  // namespace trunkline::conformance
