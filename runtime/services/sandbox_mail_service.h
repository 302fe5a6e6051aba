// The mail that the sandbox caught for a resource, over whatever sandbox mail carriers are configured.
#pragma once
#include <string>
#include <vector>

#include "runtime/clock/clock.h"
#include "runtime/services/resource_service.h"
#include "trunkline/sandbox.hpp"

namespace trunkline {

/// [any-thread]
class SandboxMailService {
 public:
  explicit SandboxMailService(ServiceContext& context) : context_(context) {}

  Task<std::vector<sandbox::CapturedMailbox>> mailboxes(ResourcePtr resource);
  /// Oldest first; `address` empty: all.
  Task<std::vector<sandbox::CapturedMail>> mails(ResourcePtr resource, std::string address);
  /// Those behind the mail `after` (empty: all), as soon as there are some; none: `timeout` has passed on the clock `wall`.
  /// Errors: kNotFound (there is no mail `after`, or no more).
  Task<std::vector<sandbox::CapturedMail>> wait_for_mails(ResourcePtr resource, std::string address, std::string after,
                                                          Duration timeout, Clock& wall);
  /// All of these: kNotFound.
  Task<sandbox::CapturedMail> mail(ResourcePtr resource, std::string mail_id);
  Task<Bytes> raw(ResourcePtr resource, std::string mail_id);
  Task<void> complain(ResourcePtr resource, std::string mail_id, std::string recipient);
  /// Errors: kInvalidArgument, kNotFound (no resource has the domain), kFailedPrecondition (no sandbox mail carrier).
  Task<std::string> receive(ResourcePtr resource, std::string from, std::vector<std::string> to, Bytes mime);
  /// On every sandbox mail carrier.
  Task<void> add_rule(ResourcePtr resource, sandbox::MailRule rule);
  Task<std::vector<sandbox::MailRule>> rules(ResourcePtr resource);
  Task<void> reset(ResourcePtr resource);
  /// `host:port`; empty: no carrier listens.
  std::string smtp_address() const;

 private:
  ServiceContext& context_;
};

}  // namespace trunkline
