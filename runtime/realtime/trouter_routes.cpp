// How a notification client gets to its connection: configuration, allocation, Socket.IO handshake, registration.
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/net/websocket.h"
#include "runtime/realtime/shared.h"

namespace trunkline::realtime {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kMaxRegistration = 64 * 1024;
/// Of an allocation. The client throws one away that has less than an hour left.
constexpr Duration kLifetime = std::chrono::hours{24};
constexpr const char* kIdParameter = "sr";
constexpr const char* kSignatureParameter = "sig";

net::Response answer(int status, const json& body) {
  net::Response response;
  response.status = status;
  response.body = body.dump();
  return response;
}

/// Where the client reached us, so that it finds its way back.
std::string origin_of(const net::Request& request) {
  return std::string(request.tls ? "https://" : "http://") + std::string(request.headers.get("Host"));
}

TrouterSessionPtr known_session(const Shared& shared, const RouteContext& context) {
  const auto id = context.query(kIdParameter);
  const auto signature = context.query(kSignatureParameter);
  return id && signature ? shared.sessions.find(*id, *signature) : nullptr;
}

TrouterSessionPtr session_of_query(const Shared& shared, const RouteContext& context) {
  TrouterSessionPtr session = known_session(shared, context);
  if (!session || session->ended())
    throw Error(ErrorCode::kUnauthenticated, "The connection parameters are not valid (any more); allocate anew.")
        .with_http_status(401);
  return session;
}

server::Route route(const char* method, const char* path) {
  server::Route r;
  r.method = method;
  r.path = path;
  r.auth = server::Auth::kUserToken;
  r.body = server::BodyRule::kAny;
  r.token_header = "X-Skypetoken";
  return r;
}

Task<net::Response> configuration(RouteContext& context) {
  chat_resource(context);
  json body;
  body["trouterServiceUrl"] = origin_of(context.request);
  body["registrarServiceUrl"] = origin_of(context.request);
  body["cloudType"] = "Public";
  co_return answer(200, body);
}

Task<net::Response> allocate(SharedPtr shared, RouteContext& context) {
  const ResourcePtr resource = chat_resource(context);
  const server::Caller& caller = context.caller;
  const Time now = shared->context.wall.now();
  // A client that comes back shows what it was given, and keeps its place.
  TrouterSessionPtr session = known_session(*shared, context);
  if (!session || session->user_id != caller.user_id || session->resource->key != resource->key)
    session = shared->sessions.create(resource, caller.user_id, now);
  session->set_life(std::make_unique<TokenLife>(shared->context.clock, shared->context.tokens, resource->key, caller.user_id,
                                                caller.expires_at, [weak = std::weak_ptr(session)] {
                                                  if (const auto alive = weak.lock()) alive->end();
                                                }));
  const auto ms = [](Time time) {
    return std::to_string(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count());
  };
  const std::string origin = origin_of(context.request);
  json parameters;
  parameters[kIdParameter] = session->id;
  parameters["issuer"] = "trunkline";
  parameters["sp"] = "connect";
  parameters["st"] = ms(now);
  parameters["se"] = ms(now + kLifetime);
  parameters[kSignatureParameter] = session->signature.reveal();
  json body;
  body["socketio"] = origin + "/";
  body["surl"] = origin + session->path();
  body["url"] = origin + session->path();
  body["ttl"] = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(kLifetime).count());
  body["ccid"] = session->id;
  body["id"] = session->id;
  body["connectparams"] = std::move(parameters);
  co_return answer(200, body);
}

Task<net::Response> handshake(SharedPtr shared, RouteContext& context) {
  const TrouterSessionPtr session = session_of_query(*shared, context);
  net::Response response;
  response.content_type = "text/plain";
  // Session, seconds until a heartbeat is missed, seconds until a closed connection is given up, transports.
  response.body = session->id + ":50:60:websocket";
  co_return response;
}

Task<net::Response> connect(SharedPtr shared, RouteContext& context) {
  const TrouterSessionPtr session = session_of_query(*shared, context);
  if (context.param("sid") != session->id)
    throw Error(ErrorCode::kUnauthenticated, "The connection parameters belong to another connection.").with_http_status(401);
  net::WebSocketOptions options;
  options.protocol = context.protocol();
  options.idle_timeout = std::chrono::seconds{120};
  co_return net::accept_websocket(context.request, options, [shared, session](std::shared_ptr<net::WebSocket> socket) {
    return serve_trouter(shared, session, std::move(socket));
  });
}

Task<net::Response> enroll(SharedPtr shared, RouteContext& context) {
  chat_resource(context);
  json document;
  try {
    document = parse_json(context.request.body, {.max_bytes = kMaxRegistration, .max_depth = 16});
  } catch (Error& error) {
    error.http_status = 400;
    throw;
  }
  const JsonRef body(document);
  const std::string_view registration = body.at("registrationId").text();
  const std::string_view path = body.at("transports").at("TROUTER")[0].at("path").text();
  if (const TrouterSessionPtr session = shared->sessions.find_path(context.caller.user_id, path))
    session->set_registration(std::string(registration), true);
  net::Response response;
  response.status = 202;
  co_return response;
}

Task<net::Response> withdraw(SharedPtr shared, RouteContext& context) {
  chat_resource(context);
  const std::string& registration = context.param("id");
  if (const TrouterSessionPtr session = shared->sessions.find_registration(context.caller.user_id, registration))
    session->set_registration(registration, false);
  net::Response response;
  response.status = 202;
  co_return response;
}

}  // namespace

void add_trouter_routes(std::vector<server::Route>& routes, const SharedPtr& shared) {
  server::Route config = route("GET", "/chat/config/realTimeNotifications");
  config.versions = {"2024-03-07", "2024-09-01", "2025-03-15", "2025-03-15-preview"};
  config.handler = [](RouteContext& context) { return configuration(context); };
  routes.push_back(std::move(config));

  server::Route allocation = route("POST", "/v4/a");
  allocation.handler = [shared](RouteContext& context) { return allocate(shared, context); };
  routes.push_back(std::move(allocation));

  // These carry no token: the connection parameters are the credential.
  server::Route shake = route("GET", "/socket.io/1");
  shake.auth = server::Auth::kNone;
  shake.handler = [shared](RouteContext& context) { return handshake(shared, context); };
  routes.push_back(std::move(shake));
  server::Route socket = route("GET", "/socket.io/1/websocket/{sid}");
  socket.auth = server::Auth::kNone;
  socket.websocket = true;
  socket.handler = [shared](RouteContext& context) { return connect(shared, context); };
  routes.push_back(std::move(socket));

  server::Route registration = route("POST", "/v3/registrations");
  registration.max_body_bytes = kMaxRegistration;
  registration.handler = [shared](RouteContext& context) { return enroll(shared, context); };
  routes.push_back(std::move(registration));
  server::Route end = route("DELETE", "/v3/registrations/{id}");
  end.handler = [shared](RouteContext& context) { return withdraw(shared, context); };
  routes.push_back(std::move(end));
}

}  // namespace trunkline::realtime
