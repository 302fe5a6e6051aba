#include "runtime/server/api_server.h"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <unordered_map>

#include "runtime/base/strings.h"
#include "runtime/net/websocket.h"
#include "runtime/server/api_version.h"
#include "runtime/server/cors.h"
#include "runtime/server/error_response.h"
#include "runtime/server/router.h"

namespace trunkline::server {
namespace {

constexpr std::size_t kMaxClientRequestId = 128;

/// Media type without parameters.
std::string_view media_type(std::string_view content_type) { return trim(content_type.substr(0, content_type.find(';'))); }

bool is_json(std::string_view type) {
  return iequals(type, "application/json") || (type.size() > 5 && iequals(type.substr(type.size() - 5), "+json"));
}

void check_body(const net::Request& request, BodyRule rule) {
  if (rule == BodyRule::kNone || rule == BodyRule::kAny || request.body.empty()) return;
  const std::string_view type = media_type(request.headers.get("Content-Type"));
  const bool patch = iequals(type, "application/merge-patch+json");
  if (rule == BodyRule::kMergePatch ? patch || iequals(type, "application/json") : is_json(type) && !patch) return;
  throw Error(ErrorCode::kInvalidArgument,
              "The content type '" + std::string(type.substr(0, 80)) + "' is not supported here; wanted " +
                  (rule == BodyRule::kMergePatch ? "application/merge-patch+json." : "application/json."),
              "Content-Type")
      .with_http_status(415)
      .with_service_code("UnsupportedMediaType");
}

/// Metrics of one route, made when they are first needed. [any-thread]
class RouteMetrics {
 public:
  RouteMetrics(Metrics& metrics, std::string method, std::string route)
      : metrics_(metrics),
        method_(std::move(method)),
        route_(std::move(route)),
        seconds_(metrics.histogram("trunkline_http_request_seconds", "Time from the end of a request to its answer.",
                                   {{"method", method_}, {"route", route_}})) {}

  void record(int status, Duration took) {
    seconds_.observe(std::chrono::duration<double>(took).count());
    counter(status).add();
  }

 private:
  Counter counter(int status) {
    const std::lock_guard lock(mutex_);
    for (const auto& [known, counter] : by_status_)
      if (known == status) return counter;
    const Counter made = metrics_.counter("trunkline_http_requests_total", "Requests answered.",
                                          {{"method", method_}, {"route", route_}, {"status", std::to_string(status)}});
    by_status_.emplace_back(status, made);
    return made;
  }

  Metrics& metrics_;
  const std::string method_;
  const std::string route_;
  const Histogram seconds_;
  std::mutex mutex_;
  std::vector<std::pair<int, Counter>> by_status_;
};

Error not_found(std::string_view path) {
  return Error(ErrorCode::kNotFound, "There is no resource at '" + std::string(path.substr(0, 200)) + "'.");
}

}  // namespace

struct ApiServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(Executor& executor, Clock& clock, Log& log, Metrics& metrics, IdSource& ids, ServerOptions o,
       const ResourceDirectory& directory)
      : executor(executor),
        clock(clock),
        log(log),
        metrics(metrics),
        ids(ids),
        options(std::move(o)),
        cors(options.cors_origins),
        authenticator(clock, log, directory, std::move(options.auth)),
        unmatched(metrics, "", "unmatched") {}

  Executor& executor;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  IdSource& ids;
  ServerOptions options;
  const CorsPolicy cors;
  Router router;
  Authenticator authenticator;
  std::unordered_map<const Route*, std::unique_ptr<RouteMetrics>> by_route;  // fixed once started
  RouteMetrics unmatched;
  std::size_t smallest_body_limit = options.limits.body_bytes;  // of any route; fixed once started
  std::unique_ptr<net::HttpServer> http;

  void add(Route route) {
    if (route.max_body_bytes > 0) smallest_body_limit = std::min(smallest_body_limit, route.max_body_bytes);
    if (!route.handler)
      throw Error(ErrorCode::kInvalidArgument, "route " + route.method + " " + route.path + " has no handler", "handler");
    router.add(std::move(route));
    const Route& added = *router.routes().back();
    by_route.emplace(&added, std::make_unique<RouteMetrics>(metrics, added.method, added.path));
  }

  void add_own_routes() {
    Route health;
    health.method = "GET";
    health.path = "/health";
    health.handler = [](RouteContext&) -> Task<net::Response> {
      net::Response response;
      response.body = R"({"status":"ok"})";
      co_return response;
    };
    add(std::move(health));
    Route text;
    text.method = "GET";
    text.path = "/metrics";
    text.handler = [this](RouteContext&) -> Task<net::Response> {
      net::Response response;
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = metrics.expose();
      co_return response;
    };
    add(std::move(text));
  }

  std::size_t body_limit(const net::Request& request) const {
    // Most bodies are so small that no route refuses them: there is no need to look for theirs twice.
    const std::string_view length = request.headers.get("Content-Length");
    std::size_t announced = 0;
    if (const auto [end, ec] = std::from_chars(length.data(), length.data() + length.size(), announced);
        ec == std::errc() && end == length.data() + length.size() && announced <= smallest_body_limit)
      return smallest_body_limit;
    const RouteMatch match = router.match(request.method, request.target);
    return match.route && match.route->max_body_bytes > 0 ? match.route->max_body_bytes : options.limits.body_bytes;
  }

  void check_websocket(RouteContext& context, const Route& route) const {
    context.wants_websocket = net::wants_websocket(context.request);
    if (!context.wants_websocket && !route.stream)
      throw Error(ErrorCode::kInvalidArgument, "This operation is a WebSocket: 'Upgrade: websocket' is missing.", "Upgrade")
          .with_http_status(426)
          .with_service_code("UpgradeRequired");
    if (context.wants_websocket && !cors.allows_websocket(context.request))
      throw Error(ErrorCode::kPermissionDenied, "Pages of this origin may not open a WebSocket here; see listen.cors_origins.",
                  "Origin")
          .with_http_status(403)
          .with_service_code("Forbidden");
  }

  Task<net::Response> dispatch(RouteContext& context, RouteMatch& match) {
    const net::Request& request = context.request;
    switch (match.outcome) {
      case RouteMatch::Outcome::kFound:
        break;
      case RouteMatch::Outcome::kNotFound:
        throw not_found(request.path());
      case RouteMatch::Outcome::kMalformed:
        throw Error(ErrorCode::kInvalidArgument,
                    "The path of the request is malformed: a broken percent escape or too many segments.", "path");
      case RouteMatch::Outcome::kWrongMethod:
        throw Error(ErrorCode::kUnimplemented,
                    "The method " + request.method.substr(0, 20) + " is not allowed here; allowed: " + match.allow + ".")
            .with_http_status(405)
            .with_service_code("MethodNotAllowed");
    }
    Route& route = *match.route;
    context.params = std::move(match.params);
    if (route.websocket) check_websocket(context, route);
    if (route.auth != Auth::kNone) context.caller = co_await authenticator.authenticate(context.request, route);
    context.authenticated = route.auth != Auth::kNone;
    if (!route.versions.empty())
      context.api_version = resolve_api_version(route.versions, context.query("api-version").value_or(std::string()));
    check_body(request, route.body);
    co_return co_await route.handler(context);
  }

  Task<net::Response> handle(net::Request& request) {
    const Time begin = clock.now();
    RouteContext context(request);
    context.request_id = ids.uuid4().str();
    const auto parent = TraceContext::parse(request.headers.get("traceparent"));
    context.trace = parent ? parent->child(ids) : TraceContext::generate(ids);
    std::optional<net::Response> response;
    const Route* route = nullptr;
    if (cors.is_preflight(request)) {
      response = cors.preflight(request);
    } else {
      RouteMatch match = router.match(request.method, request.target);
      route = match.route;
      std::optional<Error> failure;
      try {
        response = co_await dispatch(context, match);
      } catch (...) {
        failure = current_error();
      }
      if (failure) {
        // Authentication notes its own refusals; the caller's lack of a right shows in the handler only.
        if (context.authenticated && failure->code == ErrorCode::kPermissionDenied)
          authenticator.denied(request, context.caller, *failure);
        // Likewise routes that look at credentials of their own.
        if (route && route->auth == Auth::kNone && failure->code == ErrorCode::kUnauthenticated)
          authenticator.refused(request, *failure);
        response = refusal(*failure, context, match);
      }
    }
    finish(*response, context, route, begin);
    co_return *std::move(response);
  }

  net::Response refusal(const Error& error, const RouteContext& context, const RouteMatch& match) {
    net::Response response = match.route && match.route->on_error ? match.route->on_error(error) : error_response(error);
    if (match.outcome == RouteMatch::Outcome::kWrongMethod) response.headers.add("Allow", match.allow);
    if (response.status == 401) {
      const Auth auth = match.route ? match.route->auth : Auth::kNone;
      const bool keys = auth == Auth::kAccessKey || auth == Auth::kControl || auth == Auth::kObserver;
      response.headers.add("WWW-Authenticate", keys ? "HMAC-SHA256, Bearer" : "Bearer");
    }
    if (response.status >= 500)
      log.error("http", "request failed",
                {{"status", response.status},
                 {"reason", error.message},
                 {"target", error.target},
                 {"method", context.request.method},
                 {"path", context.request.path()},
                 {"request_id", context.request_id}});
    return response;
  }

  void finish(net::Response& response, const RouteContext& context, const Route* route, Time begin) {
    const net::Request& request = context.request;
    response.headers.reserve(response.headers.size() + 3);
    response.headers.add("x-ms-request-id", context.request_id);
    response.headers.add("traceparent", context.trace.traceparent());
    if (const std::string_view id = request.headers.get("x-ms-client-request-id");
        !id.empty() && id.size() <= kMaxClientRequestId)
      response.headers.add("x-ms-client-request-id", id);
    cors.add_headers(request, response.headers);
    authenticator.answered(request, context.caller, response.status);
    const Duration took = clock.now() - begin;
    if (route)
      by_route.find(route)->second->record(response.status, took);
    else
      unmatched.record(response.status, took);
    log.debug("http", "request",
              {{"method", request.method},
               {"path", request.path()},
               {"status", response.status},
               {"ms", std::chrono::duration<double, std::milli>(took).count()},
               {"request_id", context.request_id},
               {"trace_id", log.enabled(LogLevel::kDebug) ? context.trace.trace_id_hex() : std::string()},
               {"remote", request.remote}});
  }

  net::HttpServerOptions http_options() {
    net::HttpServerOptions out;
    out.host = options.host;
    out.port = options.port;
    out.tls_port = options.tls_port;
    out.tls = options.tls;
    out.extra = options.extra;
    out.limits = options.limits;
    out.timeouts = options.timeouts;
    out.body_limit = [self = shared_from_this()](const net::Request& request) { return self->body_limit(request); };
    out.on_refused = [self = shared_from_this()](int status, std::string_view) {
      self->metrics
          .counter("trunkline_http_refused_total", "Requests refused before they reached a route.",
                   {{"status", std::to_string(status)}})
          .add();
    };
    return out;
  }
};

ApiServer::ApiServer(Executor& executor, Clock& clock, Log& log, Metrics& metrics, IdSource& ids, ServerOptions options,
                     const ResourceDirectory& directory)
    : impl_(std::make_shared<Impl>(executor, clock, log, metrics, ids, std::move(options), directory)) {
  impl_->add_own_routes();
}

ApiServer::~ApiServer() { stop(); }

void ApiServer::add_routes(std::vector<Route> routes) {
  for (Route& route : routes) impl_->add(std::move(route));
}

std::vector<const Route*> ApiServer::routes() const {
  std::vector<const Route*> out;
  for (const auto& route : impl_->router.routes()) out.push_back(route.get());
  return out;
}

const Rejections& ApiServer::rejections() const { return impl_->authenticator.rejections(); }

ApiServer::Ports ApiServer::start() {
  impl_->http = std::make_unique<net::HttpServer>(impl_->executor, impl_->clock, impl_->log, impl_->http_options(),
                                                  [self = impl_](net::Request& request) { return self->handle(request); });
  const net::HttpServer::Ports ports = impl_->http->start();
  return {ports.http, ports.https, ports.extra};
}

void ApiServer::set_tls(const net::TlsIdentity& identity) {
  if (impl_->http) impl_->http->set_tls(identity);
}

Task<void> ApiServer::drain(Duration deadline) {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl->http) co_await impl->http->drain(deadline);
}

void ApiServer::stop() {
  // The HttpServer's handler holds the Impl: letting go of it here ends the circle.
  impl_->http.reset();
}

Task<net::Response> ApiServer::handle(net::Request& request) { return impl_->handle(request); }

}  // namespace trunkline::server
