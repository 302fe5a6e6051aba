// The dated data files of data/, as JSON text.
#pragma once
#include <string_view>

namespace trunkline::sms_data {

std::string_view keywords();
std::string_view sender_rules();
std::string_view area_zones();

}  // namespace trunkline::sms_data
