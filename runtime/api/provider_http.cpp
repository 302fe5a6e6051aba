#include "runtime/api/provider_http.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "runtime/base/strings.h"

namespace trunkline::api {
namespace {

/// Of headers that a plugin may believe.
constexpr std::string_view kOurs = "trunkline-";

/// Of one connection (RFC 9110 section 7.6.1), or written by the server itself.
bool is_servers_own(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"connection",        "content-length", "date",    "keep-alive",
                                                      "transfer-encoding", "trailer",        "upgrade", "content-type"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Error bad_answer(const Provider& provider, const std::string& why) {
  return Error(ErrorCode::kInternal, "the provider '" + provider.name() + "' answered the callback with " + why);
}

/// A plugin's header must not end the line it stands in.
bool is_field(std::string_view name, std::string_view value) {
  constexpr std::string_view kTokenPunctuation = "!#$%&'*+-.^_`|~";
  const auto is_token = [&](unsigned char c) {
    return std::isalnum(c) != 0 || kTokenPunctuation.find(static_cast<char>(c)) != std::string_view::npos;
  };
  const auto breaks = [](unsigned char c) { return c < 0x20 && c != '\t'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token) && std::none_of(value.begin(), value.end(), breaks);
}

}  // namespace

host::HttpRequest as_seen(const server::RouteContext& context, const Properties& ours) {
  const net::Request& request = context.request;
  host::HttpRequest out;
  out.method = request.method;
  out.url = (request.tls ? "https://" : "http://") + std::string(request.headers.get("Host")) + request.target;
  for (const auto& [name, value] : request.headers) {
    std::string lower = to_lower(name);
    if (lower.starts_with(kOurs)) continue;  // whoever sends it, it is not us
    std::string& field = out.headers[std::move(lower)];
    field += (field.empty() ? "" : ", ") + value;
  }
  for (const auto& [name, value] : ours) out.headers[std::string(kOurs) + name] = value;
  if (!request.body.empty()) out.body = Bytes(request.body.begin(), request.body.end());
  return out;
}

net::Response as_sent(const Provider& provider, host::HttpResponse answer) {
  if (answer.status < 200 || answer.status > 599) throw bad_answer(provider, "the status " + std::to_string(answer.status));
  net::Response response;
  response.status = answer.status;
  response.content_type = "text/plain; charset=utf-8";
  for (auto& [name, value] : answer.headers) {
    if (!is_field(name, value)) throw bad_answer(provider, "a malformed header field");
    const std::string lower = to_lower(name);
    if (lower == "content-type") response.content_type = std::move(value);
    if (!is_servers_own(lower)) response.headers.add(lower, value);
  }
  if (answer.body) response.body.assign(answer.body->begin(), answer.body->end());
  return response;
}

}  // namespace trunkline::api
