// What is known of any phone number, without asking anybody.
#pragma once
#include <string_view>

#include "trunkline/service.hpp"

namespace trunkline {

/// Errors: kInvalidArgument (no E.164 number).
service::NumberInfo look_up_number(std::string_view number);

}  // namespace trunkline
