// The virtual phones of a resource, over whatever sandbox carriers are configured.
#pragma once
#include <string>
#include <vector>

#include "runtime/clock/clock.h"
#include "runtime/services/number_service.h"
#include "runtime/services/resource_service.h"
#include "trunkline/sandbox.hpp"

namespace trunkline {

/// [any-thread] Several sandbox carriers can stand beside each other; a phone is the sum of what each of them delivered.
class SandboxService {
 public:
  SandboxService(ServiceContext& context, NumberService& numbers) : context_(context), numbers_(numbers) {}

  Task<std::vector<sandbox::Phone>> phones(ResourcePtr resource);
  Task<std::vector<sandbox::PhoneMessage>> messages(ResourcePtr resource, std::string number);
  /// Those behind the message `after` (empty: all), as soon as there are some; none: `timeout` has passed on the clock `wall`.
  /// Errors: kNotFound (the phone has no message `after`, or no more).
  Task<std::vector<sandbox::PhoneMessage>> wait_for_messages(ResourcePtr resource, std::string number, std::string after,
                                                             Duration timeout, Clock& wall);
  /// Errors: kInvalidArgument, kNotFound (no resource owns `to`), kFailedPrecondition (no sandbox carrier).
  Task<std::string> send_from_phone(ResourcePtr resource, std::string from, std::string to, std::string text);
  /// On every sandbox carrier, or on one by name.
  Task<void> add_rule(ResourcePtr resource, sandbox::PhoneRule rule, std::string provider = {});
  Task<std::vector<sandbox::PhoneRule>> rules(ResourcePtr resource);
  Task<void> reset(ResourcePtr resource);

 private:
  ServiceContext& context_;
  NumberService& numbers_;
};

}  // namespace trunkline
