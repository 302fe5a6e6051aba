// What the configuration of the provider says.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/sandbox.hpp"

namespace email_sandbox {

struct Settings {
  std::uint64_t seed = 1;
  std::size_t mails_per_resource = 1000;
  std::size_t bytes_per_resource = 256u << 20;
  std::string smtp_host = "127.0.0.1";
  std::optional<std::uint16_t> smtp_port;
  std::string smtp_resource;
  std::size_t smtp_max_bytes = 32u << 20;
  /// In the order in which they are tried; the last one matches everything.
  std::vector<trunkline::sandbox::MailRule> rules;
};

/// Throws kInvalidArgument.
Settings parse_settings(std::string_view config_json);
/// Throws kInvalidArgument naming the member behind `where`.
void check_rule(const trunkline::sandbox::MailRule& rule, const std::string& where);
/// `pattern` with `*` for anything, without regard to the case of ASCII letters.
bool matches(std::string_view pattern, std::string_view address);

}  // namespace email_sandbox
