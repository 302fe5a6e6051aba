// What a mail must be like before it is accepted, and how it is written down.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/service.hpp"

namespace trunkline::email_rules {

inline constexpr std::size_t kMaxRecipients = 50;
/// Text and files in base64, together.
inline constexpr std::size_t kMaxRequestBytes = 10u * 1024 * 1024;

/// Throws kInvalidArgument naming the member at fault by its name in REST, with the published code where there is one.
void check(const service::EmailMessage& message);
/// Everybody it goes to, in the order of To, Cc and Bcc, each once.
std::vector<std::string> recipients(const service::EmailMessage& message);

/// As JSON, for the store; equal mails have equal texts.
std::string to_json(const service::EmailMessage& message);
/// Reads what to_json wrote.
service::EmailMessage from_json(std::string_view text);

}  // namespace trunkline::email_rules
