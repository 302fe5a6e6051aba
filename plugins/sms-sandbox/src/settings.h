// The plugin's configuration.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "personality.h"
#include "trunkline/sandbox.hpp"

namespace sms_sandbox {

/// The members of config_schema in plugin.json, checked. Immutable once parsed.
struct Settings {
  std::uint64_t seed = 1;
  std::int64_t price_micros = 0;
  std::int32_t max_segments = 32;
  std::size_t messages_per_phone = 1000;
  std::size_t phones_per_resource = 10000;
  /// In the order in which they are tried; the last one matches every number.
  std::vector<trunkline::sandbox::PhoneRule> rules;
  Personality personality;
};

/// The host has checked the text against the schema; what a schema cannot say is checked here. Throws kInvalidArgument.
Settings parse_settings(std::string_view config_json);

/// Throws kInvalidArgument with the member at fault.
void check_rule(const trunkline::sandbox::PhoneRule& rule, const std::string& where);

/// Of a word in the configuration; an unknown one is `unspecified`.
trunkline::sms::FailureReason parse_reason(const std::string& word);

/// `+` and 8 to 15 digits, the first not 0.
bool is_e164(std::string_view number);

}  // namespace sms_sandbox
