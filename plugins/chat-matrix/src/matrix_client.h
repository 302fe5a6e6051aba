// The client-server API of a homeserver, over the host's HTTP.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "names.h"
#include "settings.h"
#include "trunkline/lru_cache.hpp"
#include "trunkline/plugin_host.hpp"

namespace chat_matrix {

using nlohmann::json;
using trunkline::CallOptions;
using trunkline::Task;

/// One request. `as`: the Matrix user on whose behalf.
struct MatrixRequest {
  MatrixRequest(std::string m, std::string p, std::string user) : method(std::move(m)), path(std::move(p)), as(std::move(user)) {}

  std::string method;
  std::string path;  // below /_matrix/client/v3, escaped
  std::string as;
  std::string query;                // `a=b&c=d`, escaped
  std::optional<std::string> body;  // JSON
  /// What a refusal is about, in the words of the chat interface.
  std::string target = "threadId";
  trunkline::Duration more_time{};  // that the homeserver is asked to wait
};

/// Requests that may be sent twice (reads, and writes with a transaction or a key of their own) are, once, when the homeserver
/// could not be reached or failed. Errors carry the homeserver's own code as provider_code: kPermissionDenied (M_FORBIDDEN),
/// kNotFound (M_NOT_FOUND), kResourceExhausted with the wait it asks for (M_LIMIT_EXCEEDED), kOutOfRange (M_TOO_LARGE),
/// kAlreadyExists (M_ROOM_IN_USE, M_USER_IN_USE), kInvalidArgument, and kUnavailable: retryable for failures, not for a token
/// that it does not take. [any-thread]
class MatrixClient {
 public:
  MatrixClient(trunkline::Host host, const Settings& settings, const Names& names);

  /// The answer, an object.
  Task<json> call(MatrixRequest request, CallOptions options);

  /// Makes the account of a user of ours, once.
  Task<void> ensure_user(std::string user, CallOptions options);
  /// Returns the room's id.
  Task<std::string> create_room(json body, CallOptions options);
  Task<std::string> room_of_alias(std::string alias, CallOptions options);
  /// The same transaction of the same user is the same event. Both return the event's id.
  Task<std::string> send(std::string room, std::string type, std::string transaction, json content, std::string as,
                         CallOptions options);
  Task<std::string> set_state(std::string room, std::string type, std::string key, json content, std::string as,
                              CallOptions options);
  Task<void> redact(std::string room, std::string event, std::string transaction, std::string as, CallOptions options);
  Task<void> post(std::string room, std::string action, json body, std::string as, CallOptions options);
  Task<void> set_typing(std::string room, std::string user, CallOptions options);
  Task<json> state(std::string room, std::string type, std::string key, CallOptions options);
  /// Whether the user is in the room, or invited.
  Task<bool> is_member(std::string room, std::string user, CallOptions options);
  Task<json> event(std::string room, std::string event, CallOptions options);
  /// Where to begin with messages() so that this event comes first.
  Task<std::string> position_behind(std::string room, std::string event, CallOptions options);
  /// Downwards from `from`, to `to` unless that is empty. `query` is added.
  Task<json> messages(std::string room, std::string from, std::string to, std::size_t limit, CallOptions options);
  Task<json> sync(std::string since, std::size_t timeline_limit, CallOptions options);

 private:
  Task<json> attempt(MatrixRequest request, CallOptions options);

  const trunkline::host::HttpClient http_;
  const trunkline::host::SecretsClient secrets_;
  const Settings& settings_;
  const Names& names_;
  trunkline::LruCache<bool> accounts_;
};

/// A text member; empty when it is missing or something else.
std::string text_of(const json& object, const char* name);
/// A member that is an object; else an empty one.
const json& object_of(const json& object, const char* name);
/// A member that is a list; else an empty one.
const json& list_of(const json& object, const char* name);
/// 0 when it is missing or no number.
std::int64_t number_of(const json& object, const char* name);

/// An answer: at most 8 MiB and 64 levels deep. Throws kUnavailable, as of a homeserver that fails.
json parse_answer(std::string_view text);
/// The error of an answer that is none of success.
trunkline::Error error_of(int status, std::string_view body, const std::string& target);

}  // namespace chat_matrix
