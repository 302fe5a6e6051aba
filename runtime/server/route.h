// What a REST area declares: a table of routes. Handlers see a RouteContext and nothing of sockets, keys or versions.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/base/secret.h"
#include "runtime/base/time_text.h"
#include "runtime/diagnostics/trace.h"
#include "runtime/net/http.h"
#include "runtime/server/resource_directory.h"
#include "trunkline/task.hpp"

namespace trunkline::server {

/// Who may call a route.
enum class Auth {
  kNone,
  kAccessKey,    // a signature with a key of the resource, or an Entra token
  kUserToken,    // `Bearer` token of a communication user
  kPersonToken,  // `Bearer` token of a person, of an issuer elsewhere
  kArmBearer,    // `Bearer` token of the management plane
  kControl,      // the sandbox control API: an access key, or the control token
  kObserver,     // whatever kAccessKey takes; on this machine the control token as well
};

/// Which bodies a route takes. A content type that does not fit answers 415; whether the JSON is right is the handler's to say.
enum class BodyRule {
  kNone,        // a body is ignored
  kJson,        // application/json or another +json; may be empty
  kMergePatch,  // application/merge-patch+json or application/json; may be empty
  kAny,
};

/// Who called.
struct Caller {
  /// The resource that the credential belongs to. Set for every kind of Auth but kNone.
  std::shared_ptr<const ResourceKeys> resource;
  /// How the caller proved it: `primary`, `secondary`, `bearer`, `control`; empty for kNone.
  std::string credential;
  /// Raw id of the user, with kUserToken.
  std::string user_id;
  std::vector<std::string> scopes;
  /// With bearer tokens: what their verifier handed through.
  std::shared_ptr<const void> principal;
  /// The bearer token.
  Secret token;
  /// When the bearer token ends; nullopt: never, or not known.
  std::optional<Time> expires_at;

  bool has_scope(std::string_view scope) const;
};

class RouteContext {
 public:
  explicit RouteContext(net::Request& request) : request(request) {}
  RouteContext(const RouteContext&) = delete;

  /// A parameter of the path template, percent-decoded. Asking for one that the template does not have is a bug: throws
  /// kInternal.
  const std::string& param(std::string_view name) const;
  /// Decoded query parameter; nullopt when absent.
  std::optional<std::string> query(std::string_view name) const { return net::query_parameter(request.query(), name); }
  /// Of a parameter that may be repeated; empty values are left out.
  std::vector<std::string> queries(std::string_view name) const { return net::query_parameters(request.query(), name); }
  /// The request asks for a WebSocket; only on routes that declare it.
  bool wants_websocket = false;
  /// Subprotocol to announce in WebSocketOptions: the first that was offered and is no token. Empty: none was.
  std::string protocol() const;
  /// The token that opened the route, for whoever has to verify it again later. Empty unless it was a bearer token.
  const Secret& token() const { return caller.token; }
  /// Of the span this request is, to be handed on with the work.
  std::string traceparent() const { return trace.traceparent(); }

  net::Request& request;
  std::vector<std::pair<std::string_view, std::string>> params;  // names point into the route
  /// The version whose behaviour is served; empty on routes without versions.
  std::string_view api_version;
  Caller caller;
  /// `caller` is who it says; false while that is being found out.
  bool authenticated = false;
  TraceContext trace;
  std::string request_id;
};

/// Throws Error for a refusal; the server writes the envelope.
using RouteHandler = UniqueFunction<Task<net::Response>(RouteContext&)>;

struct Route {
  std::string method;
  /// `/identities/{id}/:issueAccessToken`, `/calling/callConnections/{id}:play`; `{*scope}` takes one or more segments. Literals
  /// match without case.
  std::string path;
  /// Published versions, in any order (`2021-03-07`, `2024-12-10-preview`). Empty: the route takes no api-version.
  std::vector<std::string> versions;
  Auth auth = Auth::kNone;
  BodyRule body = BodyRule::kNone;
  std::size_t max_body_bytes = 0;  // 0: the server's default
  /// What the route may turn into, beside an ordinary answer. With either, a bearer token may also come as `?access_token=` or
  /// as the WebSocket subprotocol `bearer.<token>`, since browsers cannot send headers there.
  /// The handler may answer with net::accept_websocket(). A request that does not ask for a WebSocket gets 426 unless the route
  /// streams as well; one from a page whose origin is not allowed gets 403.
  bool websocket = false;
  /// The handler may answer with net::stream_response() or net::event_stream_response().
  bool stream = false;
  /// Another header that may carry the bearer token, such as `X-Skypetoken`.
  std::string token_header;
  /// How refusals look; null: in the usual envelope (error_response).
  net::Response (*on_error)(const Error&) = nullptr;
  /// [any-thread], several calls at once
  RouteHandler handler;
};

}  // namespace trunkline::server
