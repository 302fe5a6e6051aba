// Conversion functions between text, numbers, booleans and JSON. Content and XML have files of their own.
#include <cmath>

#include "runtime/base/utf8.h"
#include "runtime/expression/culture.h"
#include "runtime/expression/decimal.h"
#include "runtime/expression/function.h"
#include "runtime/expression/number_format.h"
#include "runtime/expression/text_units.h"
#include "runtime/expression/uri_text.h"
#include "runtime/expression/xml.h"
#include "trunkline/error.hpp"

namespace trunkline::expression {
namespace {

// A double beyond this is not exact as an integer.
constexpr double kMaxWholeDouble = 9'007'199'254'740'992.0;

Operand to_bool(Call& call) {
  const Value& value = call[0];
  if (value.is_boolean()) return call.take(0);
  if (value.is_number()) return Value(value.get<double>() != 0);
  if (is_decimal(value)) return Value(!decimal_of(value).is_zero());
  if (value.is_string()) {
    const std::string_view text = trimmed(value.get_ref<const std::string&>());
    if (equal_folded(text, "true")) return Value(true);
    if (equal_folded(text, "false")) return Value(false);
    call.fail("cannot convert the text '" + value.get<std::string>() + "' to a boolean.", 0);
  }
  call.wrong_type(0, "a boolean, a number or a string");
}

Operand to_int(Call& call) {
  const Value& value = call[0];
  if (value.is_number_integer()) return Value(call.integer(0));
  if (value.is_boolean()) return Value(value.get<bool>() ? 1 : 0);
  std::optional<std::int64_t> out;
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == std::floor(number) && std::fabs(number) <= kMaxWholeDouble) out = static_cast<std::int64_t>(number);
  } else if (is_decimal(value)) {
    const std::string text = decimal_of(value).to_text();
    const std::size_t point = text.find('.');
    if (point == std::string::npos || text.find_first_not_of('0', point + 1) == std::string::npos)
      out = parse_integer(std::string_view(text).substr(0, point));
  } else if (value.is_string()) {
    out = parse_integer(value.get_ref<const std::string&>());
  } else {
    call.wrong_type(0, "a string that is an integer");
  }
  if (!out) call.fail("cannot convert the value '" + to_text(value) + "' to an integer.", 0);
  return Value(*out);
}

Operand to_float(Call& call) {
  const Value& value = call[0];
  if (value.is_number()) return Value(value.get<double>());
  if (is_decimal(value)) return Value(decimal_of(value).to_double());
  if (!value.is_string()) call.wrong_type(0, "a string that is a number");
  const Culture* culture = &Culture::invariant();
  if (call.has(1)) {
    culture = Culture::find(call.text(1));
    if (!culture) call.fail("expects a valid locale. The provided value '" + call.text(1) + "' is not known.", 1);
  }
  const auto out = parse_float(value.get_ref<const std::string&>(), *culture);
  if (!out) call.fail("cannot convert the text '" + value.get<std::string>() + "' to a number.", 0);
  return Value(*out);
}

Operand to_decimal(Call& call) {
  const Value& value = call[0];
  if (is_decimal(value)) return call.take(0);
  std::optional<Decimal> out;
  if (value.is_number_integer())
    out = Decimal::from_integer(call.integer(0));
  else if (value.is_number_float())
    out = Decimal::from_double(value.get<double>());
  else if (value.is_string())
    out = Decimal::parse(value.get_ref<const std::string&>());
  else
    call.wrong_type(0, "a string that is a decimal number");
  if (!out) call.fail("cannot convert the value '" + to_text(value) + "' to a decimal number.", 0);
  return to_value(*out);
}

Operand to_string_function(Call& call) {
  if (call[0].is_string()) return call.take(0);
  std::string out = to_text(call[0]);
  call.check_text_length(out.size());
  return Operand::text(std::move(out));
}

Value parsed(const Call& call, std::string_view text) {
  call.charge(text.size());
  try {
    ParseLimits limits;
    limits.max_bytes = call.limits().max_text_length;
    limits.max_depth = call.limits().max_value_depth;
    return parse_value(text, limits);
  } catch (const Error& error) {
    call.fail("parameter is not valid. The provided value cannot be parsed: '" + error.message + "'.", 0);
  }
}

Operand to_json(Call& call) {
  const Value& value = call[0];
  if (value.is_string()) return parsed(call, value.get_ref<const std::string&>());
  if (!is_content(value)) return call.take(0);
  const auto bytes = content_bytes(value);
  if (!bytes) call.fail("expects binary content in base64.", 0);
  if (is_xml_content(value)) return xml_to_json(call, XmlDocument::parse(call, *bytes));
  std::string_view text = *bytes;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return parsed(call, text);
}

Operand encode_uri_component(Call& call) {
  std::string out = percent_encoded(call.text(0));
  call.check_text_length(out.size());
  return Operand::text(std::move(out));
}

/// Of several texts, as designers write them: that of all of them together.
Operand encode_uri_components(Call& call) {
  std::string out;
  for (std::size_t i = 0; i < call.size(); ++i) {
    out += percent_encoded(call.text(i));
    call.check_text_length(out.size());
  }
  return Operand::text(std::move(out));
}

Operand decode_uri_component(Call& call) {
  call.charge(call.text(0).size());
  return Operand::text(percent_decoded_text(call.text(0)));
}

constexpr FunctionInfo kConversionFunctions[] = {
    {"bool", 1, 1, to_bool},
    {"int", 1, 1, to_int},
    {"float", 1, 2, to_float},
    {.name = "decimal", .min_arguments = 1, .max_arguments = 1, .function = to_decimal, .makes_decimals = true},
    {"string", 1, 1, to_string_function},
    {"json", 1, 1, to_json},
    {"uriComponent", 1, 1, encode_uri_component},
    {"encodeUriComponent", 1, FunctionInfo::kAnyNumber, encode_uri_components},
    {"uriComponentToString", 1, 1, decode_uri_component},
    {"decodeUriComponent", 1, 1, decode_uri_component},
};

}  // namespace

std::span<const FunctionInfo> conversion_functions() { return kConversionFunctions; }

}  // namespace trunkline::expression
