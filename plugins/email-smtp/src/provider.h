// The plugin's class.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "client/pool.h"
#include "client/settings.h"
#include "trunkline/email_provider.hpp"
#include "trunkline/mail.hpp"
#include "trunkline/plugin.hpp"

namespace email_smtp {

/// Sends mail through one server. [any-thread]
class Provider final : public trunkline::email::EmailProvider {
 public:
  Provider(trunkline::Host host, std::string_view config_json);
  /// What is being sent ends first. [lifecycle]
  trunkline::Task<void> stop();

  trunkline::Task<std::vector<trunkline::email::EmailSendResult>> send(trunkline::Call call,
                                                                       trunkline::email::EmailSendRequest request) override;
  trunkline::email::EmailCapabilities capabilities(const trunkline::Call& call) override;

 private:
  std::string wire_form(const trunkline::email::EmailSendRequest& request, bool eight_bit) const;

  const Settings settings_;
  const trunkline::host::ClockClient clock_;
  const trunkline::host::ExecutorClient executor_;
  std::vector<trunkline::mail::DkimSigner> signers_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace email_smtp
