#include "runtime/base/json_reader.h"

#include <simdjson.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace trunkline {
namespace {

using nlohmann::json;
namespace dom = simdjson::dom;

/// What a parser has room for it keeps; what is longer is read by one that goes afterwards.
constexpr std::size_t kKeptBytes = 64 * 1024;

/// False: nested deeper than `levels`.
bool take(const dom::element& from, std::size_t levels, json& value) {
  switch (from.type()) {
    case dom::element_type::OBJECT: {
      if (levels == 0) return false;
      value = json::object();
      auto& members = value.get_ref<json::object_t&>();
      for (const auto& [key, member] : dom::object(from))
        if (!take(member, levels - 1, members[std::string(key)])) return false;  // of two with one name the last counts
      return true;
    }
    case dom::element_type::ARRAY: {
      if (levels == 0) return false;
      value = json::array();
      auto& elements = value.get_ref<json::array_t&>();
      for (const dom::element element : dom::array(from))
        if (!take(element, levels - 1, elements.emplace_back())) return false;
      return true;
    }
    case dom::element_type::INT64:
      // As in nlohmann::json what is not negative is unsigned.
      if (const std::int64_t number = from; number >= 0)
        value = static_cast<std::uint64_t>(number);
      else
        value = number;
      return true;
    case dom::element_type::UINT64:
      value = std::uint64_t(from);
      return true;
    case dom::element_type::DOUBLE:
      value = double(from);
      return true;
    case dom::element_type::STRING:
      value = std::string(std::string_view(from));
      return true;
    case dom::element_type::BOOL:
      value = bool(from);
      return true;
    case dom::element_type::NULL_VALUE:
      value = nullptr;
      return true;
  }
  return false;
}

bool read_with(dom::parser& parser, std::string_view text, std::size_t max_depth, json& value) {
  dom::element document;
  return parser.parse(text.data(), text.size()).get(document) == simdjson::SUCCESS && take(document, max_depth, value);
}

}  // namespace

bool read_json(std::string_view text, std::size_t max_depth, json& value) {
  if (text.size() > kKeptBytes) {
    dom::parser parser;
    return read_with(parser, text, max_depth, value);
  }
  thread_local dom::parser parser;
  return read_with(parser, text, max_depth, value);
}

}  // namespace trunkline
