// Who takes part in calls: raw identifiers and their JSON.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {
class JsonRef;
}

namespace trunkline::calls {

struct Party {
  enum class Kind { kUnknown, kUser, kPhone, kTeamsUser, kTeamsApp };
  Kind kind = Kind::kUnknown;
  /// `8:acs:…`, `4:+14255550123`.
  std::string raw_id;

  bool is_user() const { return kind == Kind::kUser; }
  bool is_phone() const { return kind == Kind::kPhone; }
  /// The number of a phone.
  std::string_view number() const { return std::string_view(raw_id).substr(2); }
  bool operator==(const Party& other) const { return raw_id == other.raw_id; }
};

Party phone_party(std::string_view number);
Party user_party(std::string_view user_id);
/// By the prefix, as the SDKs do it. Throws kInvalidArgument naming `target` when it is empty or too long.
Party party_of_raw_id(std::string_view raw_id, const std::string& target);
/// `+1425…`, or a raw id: how the embedding API names people. Throws kInvalidArgument naming `target`.
Party party_of_text(std::string_view text, const std::string& target);
/// The number of a phone, the raw id of others.
std::string party_text(std::string_view raw_id);
/// `{"communicationUser":{"id":…}}` and the like; `kind` and `rawId` may be missing. Throws kInvalidArgument.
Party read_party(const JsonRef& value);
/// `{"value":"+1…"}`, a phone without its envelope. Throws kInvalidArgument.
Party read_phone(const JsonRef& value);
/// `{"id":"8:acs:…"}`. Throws kInvalidArgument.
Party read_user(const JsonRef& value);
/// With kind, rawId and the member of the kind.
nlohmann::json party_json(const Party& party);
/// `{"value":"+1…"}`
nlohmann::json phone_json(const Party& phone);

}  // namespace trunkline::calls
