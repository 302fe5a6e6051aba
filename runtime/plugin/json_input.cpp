#include "runtime/plugin/json_input.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "runtime/plugin/problems.h"
#include "trunkline/error.hpp"

namespace trunkline::plugin {

nlohmann::json parse_json(std::string_view text, std::size_t max_bytes, int max_depth) {
  using nlohmann::json;
  if (text.size() > max_bytes)
    throw Error(ErrorCode::kInvalidArgument, "found " + std::to_string(text.size()) + " bytes, wanted at most " + std::to_string(max_bytes));
  std::vector<std::set<std::string, std::less<>>> open;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        if (depth >= max_depth) throw Error(ErrorCode::kInvalidArgument, "nested deeper than " + std::to_string(max_depth) + " levels");
        if (event == json::parse_event_t::object_start) open.emplace_back();
        break;
      case json::parse_event_t::key:
        if (!open.back().insert(parsed.get<std::string>()).second)
          throw Error(ErrorCode::kInvalidArgument, "key " + quote(parsed.get_ref<const std::string&>()) + " occurs twice in one object");
        break;
      case json::parse_event_t::object_end:
        open.pop_back();
        break;
      default:
        break;
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..." -> without the first part
    const std::string_view what = error.what();
    const auto end = what.find("] ");
    throw Error(ErrorCode::kInvalidArgument, "not JSON: " + std::string(end == std::string_view::npos ? what : what.substr(end + 2)));
  }
}

std::string_view json_type(const nlohmann::json& value) {
  if (value.is_number_integer()) return "integer";
  return value.type_name();
}

}  // namespace trunkline::plugin
