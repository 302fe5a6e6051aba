// String functions.
#include <algorithm>
#include <array>
#include <functional>

#include "runtime/base/utf8.h"
#include "runtime/expression/culture.h"
#include "runtime/expression/function.h"
#include "runtime/expression/number_format.h"
#include "runtime/expression/text_units.h"

namespace trunkline::expression {
namespace {

Operand concat(Call& call) {
  std::string out;
  for (std::size_t i = 0; i < call.size(); ++i) {
    append_text(out, call[i]);
    if (out.size() > call.limits().max_text_length) call.check_text_length(out.size());
  }
  call.charge(out.size());
  return Operand::text(std::move(out));
}

Operand substring(Call& call) {
  const std::string& text = call.text(0);
  const auto size = static_cast<std::int64_t>(unit_count(text));
  const std::int64_t begin = call.integer(1);
  if (begin < 0 || begin > size)
    call.fail(
        "expects its second parameter to be the start index of a substring: it has to be between 0 and the length of the text, " +
            std::to_string(size) + ". The provided value is '" + std::to_string(begin) + "'.",
        1);
  const std::int64_t length = call.has(2) ? call.integer(2) : size - begin;
  if (length < 0 || length > size - begin)
    call.fail("expects the sum of its start index and its length to be between 0 and the length of the text, " +
                  std::to_string(size) + ". The provided values are '" + std::to_string(begin) + "' and '" +
                  std::to_string(length) + "'.",
              2);
  call.charge(text.size());
  return Operand::text(unit_slice(text, static_cast<std::size_t>(begin), static_cast<std::size_t>(length)));
}

Operand slice(Call& call) {
  const std::string& text = call.text(0);
  const auto size = static_cast<std::int64_t>(unit_count(text));
  const auto place = [&](std::int64_t index) { return std::clamp<std::int64_t>(index < 0 ? index + size : index, 0, size); };
  const std::int64_t begin = place(call.integer(1));
  const std::int64_t end = call.has(2) ? place(call.integer(2)) : size;
  call.charge(text.size());
  if (end <= begin) return Operand::text({});
  return Operand::text(unit_slice(text, static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
}

Operand replace(Call& call) {
  const std::string& text = call.text(0);
  const std::string& from = call.text(1);
  const std::string& to = call.text(2);
  if (from.empty()) call.fail("expects its second parameter, the text to replace, not to be empty.", 1);
  const std::boyer_moore_horspool_searcher search(from.begin(), from.end());
  std::string out;
  auto at = text.begin();
  for (;;) {
    const auto found = std::search(at, text.end(), search);
    out.append(at, found);
    if (found == text.end()) break;
    out += to;
    if (out.size() > call.limits().max_text_length) call.check_text_length(out.size());
    at = found + static_cast<std::ptrdiff_t>(from.size());
  }
  call.charge(text.size() + out.size());
  return Operand::text(std::move(out));
}

Operand guid(Call& call) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string format = call.has(0) ? call.text(0) : "D";
  if (format.empty()) format = "D";
  auto bytes = call.context().guid_bytes();
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
  const auto hex = [&](std::size_t first, std::size_t count) {
    std::string out;
    for (std::size_t i = first; i < first + count; ++i) {
      out += kHex[bytes[i] >> 4];
      out += kHex[bytes[i] & 15];
    }
    return out;
  };
  const std::string hyphens = hex(0, 4) + "-" + hex(4, 2) + "-" + hex(6, 2) + "-" + hex(8, 2) + "-" + hex(10, 6);
  if (format.size() == 1) {
    switch (format.front()) {
      case 'D':
      case 'd':
        return Operand::text(hyphens);
      case 'N':
      case 'n':
        return Operand::text(hex(0, 16));
      case 'B':
      case 'b':
        return Operand::text("{" + hyphens + "}");
      case 'P':
      case 'p':
        return Operand::text("(" + hyphens + ")");
      case 'X':
      case 'x': {
        std::string out = "{0x" + hex(0, 4) + ",0x" + hex(4, 2) + ",0x" + hex(6, 2) + ",{";
        for (std::size_t i = 8; i < 16; ++i) out += (i > 8 ? ",0x" : "0x") + hex(i, 1);
        return Operand::text(out + "}}");
      }
      default:
        break;
    }
  }
  call.fail("expects its parameter to be one of the formats 'N', 'D', 'B', 'P' and 'X'. The provided value is '" + format + "'.",
            0);
}

Operand lower(Call& call) {
  call.charge(call.text(0).size());
  return Operand::text(to_lower(call.text(0)));
}

Operand upper(Call& call) {
  call.charge(call.text(0).size());
  return Operand::text(to_upper(call.text(0)));
}

Operand trim(Call& call) { return Operand::text(std::string(trimmed(call.text(0)))); }

/// Both texts ready for a search without regard to case.
struct Search {
  explicit Search(const Call& call) : text(folded(call.text(0))), wanted(folded(call.text(1))) {
    call.charge(text.size() + wanted.size());
  }
  std::u16string text;
  std::u16string wanted;

  std::size_t find(std::size_t from) const {
    if (wanted.size() < 2) return text.find(wanted, from);
    const auto found = std::search(text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size())), text.end(),
                                   std::boyer_moore_horspool_searcher(wanted.begin(), wanted.end()));
    return found == text.end() ? std::u16string::npos : static_cast<std::size_t>(found - text.begin());
  }
  /// Places of all matches that do not overlap.
  std::vector<std::size_t> all() const {
    std::vector<std::size_t> out;
    for (std::size_t at = find(0); at != std::u16string::npos; at = find(at + std::max<std::size_t>(wanted.size(), 1)))
      out.push_back(at);
    return out;
  }
};

Value index_value(std::size_t index) {
  return index == std::u16string::npos ? Value(-1) : Value(static_cast<std::int64_t>(index));
}

Operand index_of(Call& call) {
  const Search search(call);
  return index_value(search.find(0));
}

Operand last_index_of(Call& call) {
  const Search search(call);
  if (search.wanted.empty()) return Value(search.text.empty() ? 0 : static_cast<std::int64_t>(search.text.size()) - 1);
  return index_value(search.text.rfind(search.wanted));
}

Operand nth_index_of(Call& call) {
  const Search search(call);
  const std::int64_t occurrence = call.integer(2);
  if (occurrence == 0) call.fail("expects its third parameter, the occurrence to find, to be an integer other than 0.", 2);
  if (search.wanted.empty()) {
    // An empty text is found before every character.
    const auto size = static_cast<std::int64_t>(search.text.size());
    const std::int64_t index = occurrence > 0 ? occurrence - 1 : size + occurrence;
    return Value(index >= 0 && index < std::max<std::int64_t>(size, 1) ? index : -1);
  }
  const std::vector<std::size_t> places = search.all();
  const auto count = static_cast<std::int64_t>(places.size());
  if (occurrence > count || occurrence < -count) return Value(-1);
  return index_value(places[static_cast<std::size_t>(occurrence > 0 ? occurrence - 1 : count + occurrence)]);
}

Operand starts_with(Call& call) {
  const Search search(call);
  return Value(search.text.starts_with(search.wanted));
}

Operand ends_with(Call& call) {
  const Search search(call);
  return Value(search.text.ends_with(search.wanted));
}

Operand split(Call& call) {
  const std::string& text = call.text(0);
  const std::string& delimiter = call.text(1);
  call.charge(text.size());
  Value out = Value::array();
  if (delimiter.empty()) {
    out.push_back(text);
    return out;
  }
  std::size_t at = 0;
  for (;;) {
    const std::size_t next = text.find(delimiter, at);
    call.charge(1);
    out.push_back(text.substr(at, next == std::string::npos ? next : next - at));
    if (next == std::string::npos) return out;
    at = next + delimiter.size();
  }
}

Operand chunk(Call& call) {
  const Value& collection = call[0];
  if (!collection.is_string() && !collection.is_array()) call.wrong_type(0, "a string or an array");
  const std::int64_t length = call.integer(1);
  if (length <= 0) call.fail("expects its second parameter, the length of a chunk, to be an integer greater than 0.", 1);
  const auto step = static_cast<std::size_t>(length);
  Value out = Value::array();
  if (collection.is_array()) {
    const auto& items = collection.get_ref<const Value::array_t&>();
    call.charge(items.size());
    for (std::size_t i = 0; i < items.size(); i += std::min(step, items.size() - i)) {
      const auto begin = items.begin() + static_cast<std::ptrdiff_t>(i);
      out.push_back(Value(Value::array_t(begin, begin + static_cast<std::ptrdiff_t>(std::min(step, items.size() - i)))));
    }
    return out;
  }
  const std::u16string units = to_utf16(collection.get_ref<const std::string&>());
  call.charge(units.size() * 2);
  for (std::size_t i = 0; i < units.size(); i += std::min(step, units.size() - i))
    out.push_back(to_utf8(std::u16string_view(units).substr(i, step)));
  return out;
}

const Culture& culture_of(const Call& call, std::size_t index) {
  if (!call.has(index)) return Culture::english();
  const Culture* culture = Culture::find(call.text(index));
  if (!culture)
    call.fail("expects a valid locale. The provided value '" + call.text(index) + "' is not known.", static_cast<int>(index));
  return *culture;
}

Operand format_number_function(Call& call) {
  const Value& number = call[0];
  if (!number.is_number() && !number.is_binary()) call.wrong_type(0, "a number");
  const std::string& format = call.text(1);
  auto out = format_number(number, format, culture_of(call, 2));
  if (!out)
    call.fail("expects its second parameter to be a format that fits the number. The provided value is '" + format + "'.", 1);
  return Operand::text(std::move(*out));
}

Operand is_int(Call& call) { return Value(parse_integer(call.text(0)).has_value()); }

Operand is_float(Call& call) {
  const std::string& text = call.text(0);
  const Culture& culture = call.has(1) ? culture_of(call, 1) : Culture::invariant();
  return Value(parse_float(text, culture).has_value());
}

Operand utf8_length_function(Call& call) { return Value(static_cast<std::int64_t>(call.text(0).size())); }
Operand utf16_length_function(Call& call) { return Value(static_cast<std::int64_t>(utf16_length(call.text(0)) * 2)); }

constexpr FunctionInfo kStringFunctions[] = {
    {"concat", 1, FunctionInfo::kAnyNumber, concat},
    {"substring", 2, 3, substring},
    {"slice", 2, 3, slice},
    {"replace", 3, 3, replace},
    {"guid", 0, 1, guid, false},
    {"toLower", 1, 1, lower},
    {"toUpper", 1, 1, upper},
    {"trim", 1, 1, trim},
    {"indexOf", 2, 2, index_of},
    {"lastIndexOf", 2, 2, last_index_of},
    {"nthIndexOf", 3, 3, nth_index_of},
    {"startsWith", 2, 2, starts_with},
    {"endsWith", 2, 2, ends_with},
    {"split", 2, 2, split},
    {"chunk", 2, 2, chunk},
    {"formatNumber", 2, 3, format_number_function},
    {"isInt", 1, 1, is_int},
    {"isFloat", 1, 2, is_float},
    {"utf8Length", 1, 1, utf8_length_function},
    {"utf16Length", 1, 1, utf16_length_function},
};

}  // namespace

std::span<const FunctionInfo> string_functions() { return kStringFunctions; }

}  // namespace trunkline::expression
