#include "runtime/calls/call_core.h"

#include "runtime/net/url.h"

namespace trunkline::calls {

Connection& CallCore::require(const Resource& resource, std::string_view connection_id, CallAction action) {
  Connection* connection = book.connection(connection_id);
  if (!connection || connection->resource->key != resource.key) throw call_not_found(connection_id);
  calls::require(connection->state, action);
  return *connection;
}

Call& CallCore::call_of(const Connection& connection) {
  Call* call = book.call(connection.server_call_id);
  if (!call) throw call_not_found(connection.id);
  return *call;
}

bool CallCore::carries_sound(const Call& call, const Participant& who) {
  if (!who.leg_id.empty()) return !legs.audio_provider(who.leg_id).empty();
  // An application that speaks into its media socket.
  const Connection* own = who.connection_id.empty() ? nullptr : book.connection(who.connection_id);
  return own && own->server_call_id == call.server_call_id && own->streaming && own->streaming->bidirectional;
}

bool CallCore::has_voice(const Call& call, const Participant& who) {
  if (recognition == RecognitionMode::kWords) return false;
  return recognition == RecognitionMode::kSound || carries_sound(call, who);
}

void check_callback_uri(std::string_view uri, const std::string& target) {
  constexpr std::size_t kLongest = 2048;
  if (uri.empty()) throw refusal(ErrorCode::kInvalidArgument, 400, 8523, target + " is missing", target);
  const std::optional<net::Url> url = uri.size() > kLongest ? std::nullopt : net::parse_url(uri);
  if (!url || (url->scheme != "http" && url->scheme != "https"))
    throw refusal(ErrorCode::kInvalidArgument, 400, 8523,
                  target + ": '" + std::string(uri.substr(0, 200)) + "' is no absolute http or https URL", target);
}

}  // namespace trunkline::calls
