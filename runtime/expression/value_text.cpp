// Values as JSON and as text.
#include <charconv>

#include "runtime/base/utf8.h"
#include "runtime/expression/decimal.h"
#include "runtime/expression/number_text.h"
#include "runtime/expression/value.h"

namespace trunkline::expression {
namespace {

constexpr std::string_view kReplacementText = "\xEF\xBF\xBD";

void append_integer(std::string& out, const Value& value) {
  char buffer[24];
  const auto end = value.is_number_unsigned() ? std::to_chars(buffer, buffer + sizeof buffer, value.get<std::uint64_t>()).ptr
                                              : std::to_chars(buffer, buffer + sizeof buffer, value.get<std::int64_t>()).ptr;
  out.append(buffer, end);
}

void append_escape(std::string& out, unsigned unit) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 15];
}

/// Newtonsoft's escapes: the control characters, quote, backslash, and the three line ends that JavaScript knows besides.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;
  std::size_t i = 0;
  const auto flush = [&](std::size_t end) { out.append(text.data() + plain, end - plain); };
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c < 0x80) {
      flush(i);
      switch (c) {
        case '"':
          out += "\\\"";
          break;
        case '\\':
          out += "\\\\";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        case '\f':
          out += "\\f";
          break;
        case '\b':
          out += "\\b";
          break;
        default:
          append_escape(out, c);
      }
      plain = ++i;
      continue;
    }
    std::string_view rest = text.substr(i);
    const auto point = take_code_point(rest);
    const std::size_t length = point ? text.size() - i - rest.size() : 1;
    if (!point || *point == 0x85 || *point == 0x2028 || *point == 0x2029) {
      flush(i);
      if (point)
        append_escape(out, static_cast<unsigned>(*point));
      else
        out += kReplacementText;
      plain = i + length;
    }
    i += length;
  }
  flush(text.size());
  out += '"';
}

}  // namespace

void append_json_text(std::string& out, const Value& value) {
  switch (value.type()) {
    case Value::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      break;
    case Value::value_t::number_integer:
    case Value::value_t::number_unsigned:
      append_integer(out, value);
      break;
    case Value::value_t::number_float:
      append_json_double(out, value.get<double>());
      break;
    case Value::value_t::binary:
      if (is_decimal(value)) {
        const std::string text = decimal_of(value).to_text();
        out += text;
        if (text.find('.') == std::string::npos) out += ".0";
      } else {
        out += "null";
      }
      break;
    case Value::value_t::string:
      append_quoted(out, value.get_ref<const std::string&>());
      break;
    case Value::value_t::array: {
      out += '[';
      bool first = true;
      for (const auto& item : value) {
        if (!first) out += ',';
        first = false;
        append_json_text(out, item);
      }
      out += ']';
      break;
    }
    case Value::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.get_ref<const Value::object_t&>()) {
        if (!first) out += ',';
        first = false;
        append_quoted(out, key);
        out += ':';
        append_json_text(out, item);
      }
      out += '}';
      break;
    }
    default:
      out += "null";
  }
}

std::string to_json_text(const Value& value) {
  std::string out;
  append_json_text(out, value);
  return out;
}

void append_text(std::string& out, const Value& value) {
  switch (value.type()) {
    case Value::value_t::null:
      break;
    case Value::value_t::boolean:
      out += value.get<bool>() ? "True" : "False";
      break;
    case Value::value_t::number_integer:
    case Value::value_t::number_unsigned:
      append_integer(out, value);
      break;
    case Value::value_t::number_float:
      append_double(out, value.get<double>());
      break;
    case Value::value_t::binary:
      if (is_decimal(value)) out += decimal_of(value).to_text();
      break;
    case Value::value_t::string:
      out += value.get_ref<const std::string&>();
      break;
    case Value::value_t::object:
      if (is_content(value)) {
        if (const auto bytes = content_bytes(value)) {
          out += utf8_valid(*bytes) ? *bytes : utf8_sanitized(*bytes);
          break;
        }
      }
      append_json_text(out, value);
      break;
    default:
      append_json_text(out, value);
  }
}

std::string to_text(const Value& value) {
  std::string out;
  append_text(out, value);
  return out;
}

}  // namespace trunkline::expression
