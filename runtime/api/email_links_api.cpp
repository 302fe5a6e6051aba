// What the links in tracked mail lead to. Everybody may call: a link is signed, and opens what it says and nothing else.
#include "runtime/api/email_api.h"
#include "runtime/server/route.h"
#include "runtime/services/email_service.h"

namespace trunkline::api {
namespace {

using server::RouteContext;

/// A transparent picture of one pixel.
constexpr unsigned char kPixel[] = {0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
                                    0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
                                    0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b};

constexpr std::string_view kAsk =
    "<!doctype html><meta charset=\"utf-8\"><title>Unsubscribe</title><form method=\"post\"><p>Get no more mail of this "
    "sender?</p>"
    "<button>Unsubscribe</button></form>";
constexpr std::string_view kDone =
    "<!doctype html><meta charset=\"utf-8\"><title>Unsubscribed</title><p>You will get no more mail of this sender.</p>";

net::Response page(int status, std::string_view html) {
  net::Response response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.headers.set("content-security-policy", "default-src 'none'; form-action 'self'");
  response.headers.set("cache-control", "no-store");
  response.body = html;
  return response;
}

Error no_link() { return {ErrorCode::kNotFound, "this link leads nowhere", "token"}; }

}  // namespace

void add_email_link_routes(std::vector<server::Route>& routes, EmailService& email) {
  const auto add = [&routes](const char* method, const char* path, server::RouteHandler handler) {
    server::Route route;
    route.method = method;
    route.path = path;
    route.auth = server::Auth::kNone;
    route.body = server::BodyRule::kAny;
    route.max_body_bytes = 4096;
    route.handler = std::move(handler);
    routes.push_back(std::move(route));
  };
  // The picture comes for every token, so that a mail looks alike whatever became of us.
  add("GET", "/_mail/open/{token}", [&email](RouteContext& context) -> Task<net::Response> {
    const std::string token = context.param("token");
    const std::string agent(context.request.headers.get("user-agent"));
    co_await email.use_link(token, EmailLinkKind::kOpen, agent);
    net::Response response;
    response.content_type = "image/gif";
    response.headers.set("cache-control", "no-store");
    response.body.assign(reinterpret_cast<const char*>(kPixel), sizeof kPixel);
    co_return response;
  });
  add("GET", "/_mail/click/{token}", [&email](RouteContext& context) -> Task<net::Response> {
    const std::string token = context.param("token");
    const std::string agent(context.request.headers.get("user-agent"));
    const std::optional<EmailLink> link = co_await email.use_link(token, EmailLinkKind::kClick, agent);
    if (!link) throw no_link();
    net::Response response;
    response.status = 302;
    response.headers.set("Location", link->url);
    response.headers.set("cache-control", "no-store");
    co_return response;
  });
  // Mail programs that look at every link must not unsubscribe anybody: that takes the POST (RFC 8058).
  add("GET", "/_mail/unsubscribe/{token}", [&email](RouteContext& context) -> Task<net::Response> {
    const std::optional<EmailLink> link = email.tracking().read(context.param("token"));
    if (!link || link->kind != EmailLinkKind::kUnsubscribe) throw no_link();
    co_return page(200, kAsk);
  });
  add("POST", "/_mail/unsubscribe/{token}", [&email](RouteContext& context) -> Task<net::Response> {
    const std::string token = context.param("token");
    const std::optional<EmailLink> link = co_await email.use_link(token, EmailLinkKind::kUnsubscribe, "");
    if (!link) throw no_link();
    co_return page(200, kDone);
  });
}

}  // namespace trunkline::api
