#include "runtime/net/websocket.h"

#include <openssl/evp.h>

#include <array>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"

namespace trunkline::net {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

template <class F>
void each_token(const Headers& headers, std::string_view name, F&& fn) {
  for (const auto& [key, value] : headers) {
    if (!iequals(key, name)) continue;
    for (const std::string_view part : split(value, ','))
      if (const std::string_view token = trim(part); !token.empty()) fn(token);
  }
}

bool has_token(const Headers& headers, std::string_view name, std::string_view wanted) {
  bool found = false;
  each_token(headers, name, [&](std::string_view token) { found = found || iequals(token, wanted); });
  return found;
}

Error refusal(int status, std::string message, const char* code) {
  return Error(ErrorCode::kInvalidArgument, std::move(message), "Upgrade").with_http_status(status).with_service_code(code);
}

/// SHA-1 as RFC 6455 wants it; it protects nothing.
std::string accept_key(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    throw Error(ErrorCode::kInternal, "SHA-1 is not available");
  return base64_encode(std::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

}  // namespace

bool wants_websocket(const Request& request) { return has_token(request.headers, "Upgrade", "websocket"); }

std::vector<std::string_view> offered_protocols(const Request& request) {
  std::vector<std::string_view> out;
  each_token(request.headers, "Sec-WebSocket-Protocol", [&](std::string_view token) { out.push_back(token); });
  return out;
}

Response accept_websocket(const Request& request, WebSocketOptions options, WebSocketRun run) {
  const Headers& headers = request.headers;
  if (!wants_websocket(request))
    throw refusal(426, "This operation is a WebSocket: 'Upgrade: websocket' is missing.", "UpgradeRequired");
  if (request.method != "GET" || request.http_1_0)
    throw refusal(400, "A WebSocket begins with a GET request of HTTP/1.1.", "BadRequest");
  if (!has_token(headers, "Connection", "upgrade"))
    throw refusal(400, "The Connection header does not name 'Upgrade'.", "BadRequest");
  if (headers.get("Sec-WebSocket-Version") != "13")
    throw refusal(426, "The WebSocket version is not supported; 13 is.", "UpgradeRequired");
  const std::string_view key = headers.get("Sec-WebSocket-Key");
  const auto nonce = base64_decode(key);
  if (headers.count("Sec-WebSocket-Key") != 1 || !nonce || nonce->size() != 16)
    throw refusal(400, "The Sec-WebSocket-Key header must be 16 bytes in base64.", "BadRequest");
  Response response;
  response.status = 101;
  response.headers.add("Upgrade", "websocket");
  response.headers.add("Sec-WebSocket-Accept", accept_key(key));
  if (!options.protocol.empty()) response.headers.add("Sec-WebSocket-Protocol", options.protocol);
  response.websocket = std::make_shared<WebSocketUpgrade>(WebSocketUpgrade{std::move(options), std::move(run)});
  return response;
}

}  // namespace trunkline::net
