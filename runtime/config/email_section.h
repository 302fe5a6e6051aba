// The parts of the configuration that are about mail.
#pragma once
#include <vector>

#include "runtime/config/config.h"
#include "runtime/config/section.h"

namespace trunkline {

void read_email(ConfigSection& section, EmailConfig& out);
/// The list `email_domains` of a resource.
void read_email_domains(ConfigSection& resource, std::vector<EmailDomainConfig>& out);

}  // namespace trunkline
