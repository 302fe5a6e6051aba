#include "limited_json.h"

#include <nlohmann/json.hpp>

#include "trunkline/error.hpp"

namespace identity_oidc {

nlohmann::json parse_limited(std::string_view text, std::size_t max_bytes, int max_depth) {
  if (text.size() > max_bytes) throw trunkline::Error(trunkline::ErrorCode::kInvalidArgument, "the document is too long");
  bool too_deep = false;
  const nlohmann::json::parser_callback_t limit = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    return !(too_deep |= depth > max_depth);
  };
  nlohmann::json object = nlohmann::json::parse(text, limit, false);
  if (too_deep || !object.is_object())
    throw trunkline::Error(trunkline::ErrorCode::kInvalidArgument, "wanted a JSON object that is not deep");
  return object;
}

}  // namespace identity_oidc
