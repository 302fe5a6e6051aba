#include "runtime/services/phone_number.h"

#include <algorithm>

#include "runtime/base/strings.h"

namespace trunkline {
std::string_view e164_fault(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.front() != '+') return "it does not begin with '+'";
  const std::string_view digits = text.substr(1);
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return "it has something else than digits after the '+'";
  if (digits.size() < 8) return "it has fewer than 8 digits";
  if (digits.size() > 15) return "it has more than 15 digits";
  if (digits.front() == '0') return "no country code begins with 0";
  if (digits.front() == '1') {
    if (digits.size() != 11) return "a North American number has 10 digits after +1";
    if (digits[1] < '2' || digits[4] < '2') return "a North American area code or exchange cannot begin with 0 or 1";
  }
  return {};
}

bool is_e164(std::string_view text) { return e164_fault(text).empty(); }

bool is_short_code(std::string_view text) {
  return text.size() >= 3 && text.size() <= 8 && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_alphanumeric_sender(std::string_view text) {
  if (text.empty() || text.size() > 11 || text.front() == ' ' || text.back() == ' ') return false;
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || is_letter(c) || c == ' ' || c == '-' || c == '_' || c == '&' || c == '+';
  });
  return clean && std::any_of(text.begin(), text.end(), is_letter);
}

}  // namespace trunkline
