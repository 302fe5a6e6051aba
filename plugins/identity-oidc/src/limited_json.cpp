#include "limited_json.h"

#include <nlohmann/json.hpp>

#include "trunkline/error.hpp"

namespace identity_oidc {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

json parse_limited(std::string_view text, std::size_t max_bytes, int max_depth) {
  if (text.size() > max_bytes) throw Error(ErrorCode::kInvalidArgument, "the document is too long");
  bool too_deep = false;
  const json::parser_callback_t limit = [&](int depth, json::parse_event_t, json&) { return !(too_deep |= depth > max_depth); };
  json object = json::parse(text, limit, false);
  if (too_deep || !object.is_object()) throw Error(ErrorCode::kInvalidArgument, "wanted a JSON object that is not deep");
  return object;
}

}  // namespace identity_oidc
