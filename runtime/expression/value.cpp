#include "runtime/expression/value.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "runtime/base/encoding.h"
#include "runtime/expression/decimal.h"

namespace trunkline::expression {
namespace {

constexpr std::string_view kContentType = "$content-type";
constexpr std::string_view kContent = "$content";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

bool equal_numbers(const Value& left, const Value& right) {
  if (is_decimal(left) || is_decimal(right)) {
    const auto as_decimal = [](const Value& value) -> std::optional<Decimal> {
      if (is_decimal(value)) return decimal_of(value);
      if (value.is_number_float()) return Decimal::from_double(value.get<double>());
      return Decimal::from_integer(value.get<std::int64_t>());
    };
    const auto a = as_decimal(left);
    const auto b = as_decimal(right);
    return a && b && compare(*a, *b) == 0;
  }
  return left == right;
}

const Value* exact_member(const Value& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  for (const auto& [key, value] : object.get_ref<const Value::object_t&>())
    if (key == name) return &value;
  return nullptr;
}

std::size_t mix(std::size_t seed, std::size_t hash) { return seed ^ (hash + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2)); }

}  // namespace

std::string_view kind_name(const Value& value) {
  switch (value.type()) {
    case Value::value_t::null:
      return "Null";
    case Value::value_t::boolean:
      return "Boolean";
    case Value::value_t::number_integer:
    case Value::value_t::number_unsigned:
      return "Integer";
    case Value::value_t::number_float:
    case Value::value_t::binary:
      return "Float";
    case Value::value_t::string:
      return "String";
    case Value::value_t::array:
      return "Array";
    default:
      return "Object";
  }
}

const Value* find_member(const Value& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const Value* similar = nullptr;
  for (const auto& [key, value] : object.get_ref<const Value::object_t&>()) {
    if (key == name) return &value;
    if (!similar && equal_ignoring_case(key, name)) similar = &value;
  }
  return similar;
}

bool equal_values(const Value& left, const Value& right) {
  if (is_numeric(left) && is_numeric(right)) return equal_numbers(left, right);
  if (left.type() != right.type()) return false;
  if (left.is_array()) {
    return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(), equal_values);
  }
  if (!left.is_object()) return left == right;
  const auto& members = left.get_ref<const Value::object_t&>();
  const auto& others = right.get_ref<const Value::object_t&>();
  if (members.size() != others.size()) return false;
  // Members mostly come in the same order; what does not is looked up.
  auto next = others.begin();
  for (const auto& [key, value] : members) {
    const Value* other = nullptr;
    if (next != others.end() && next->first == key) {
      other = &next->second;
      ++next;
    } else {
      other = exact_member(right, key);
    }
    if (!other || !equal_values(value, *other)) return false;
  }
  return true;
}

std::size_t hash_value(const Value& value) {
  switch (value.type()) {
    case Value::value_t::null:
      return 1;
    case Value::value_t::boolean:
      return value.get<bool>() ? 2 : 3;
    case Value::value_t::number_integer:
    case Value::value_t::number_unsigned:
    case Value::value_t::number_float:
      return std::hash<double>{}(value.get<double>());
    case Value::value_t::binary:
      return is_decimal(value) ? std::hash<double>{}(decimal_of(value).to_double()) : 5;
    case Value::value_t::string:
      return std::hash<std::string>{}(value.get_ref<const std::string&>());
    case Value::value_t::array: {
      std::size_t out = 7;
      for (const auto& item : value) out = mix(out, hash_value(item));
      return out;
    }
    default: {
      std::size_t out = 11;  // members in any order
      for (const auto& [key, item] : value.get_ref<const Value::object_t&>())
        out += mix(std::hash<std::string>{}(key), hash_value(item));
      return out;
    }
  }
}

bool is_content(const Value& value) {
  if (!value.is_object() || value.size() < 2) return false;
  const Value* type = exact_member(value, kContentType);
  const Value* content = exact_member(value, kContent);
  return type && content && type->is_string() && content->is_string();
}

std::optional<std::string> content_bytes(const Value& content) {
  return base64_decode(exact_member(content, kContent)->get_ref<const std::string&>());
}

Value make_content(std::string_view media_type, std::string_view bytes) {
  Value out = Value::object();
  out[std::string(kContentType)] = media_type;
  out[std::string(kContent)] = base64_encode(bytes);
  return out;
}

}  // namespace trunkline::expression
