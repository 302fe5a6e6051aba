// Words of the service's interface that requests and callbacks share.
#pragma once
#include <nlohmann/json.hpp>  // NOLINT(trunkline-json): values are members
#include <string>

namespace email_sendgrid {

/// Comes back in the events of the mail.
inline constexpr const char* kOurId = "trunkline_message_id";

/// One recipient of a mail.
inline std::string custody_key(const std::string& message_id, const std::string& address) { return message_id + " " + address; }

/// A member; empty when it is no text.
inline std::string text(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace email_sendgrid
