#include "runtime/net/http_sender.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "runtime/base/strings.h"

namespace trunkline::net {
namespace {

constexpr std::array<bool, 256> kTokenBytes = [] {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = table[static_cast<unsigned char>(c - 32)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool token(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return kTokenBytes[static_cast<unsigned char>(c)]; });
}

bool fits_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string quoted(std::string_view before, std::string_view what, std::string_view after) {
  std::string out(before);
  out.append("'").append(what.substr(0, 200)).append("' ").append(after);
  return out;
}

std::optional<Error> check_headers(const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!token(name)) return Error(ErrorCode::kInvalidArgument, quoted("", name, "is no header name"), "headers");
    if (!fits_one_line(value))
      return Error(ErrorCode::kInvalidArgument, quoted("the value of header ", name, "has a line break or NUL in it"), "headers");
  }
  return std::nullopt;
}

}  // namespace

bool frames_message(std::string_view header_name) {
  return (header_name.size() == 14 && iequals(header_name, "Content-Length")) ||
         (header_name.size() == 17 && iequals(header_name, "Transfer-Encoding"));
}

std::shared_ptr<const FixedHeaders> FixedHeaders::make(Headers headers) {
  if (check_headers(headers)) return nullptr;
  std::shared_ptr<FixedHeaders> out(new FixedHeaders);
  for (const auto& [name, value] : headers) {
    if (frames_message(name)) continue;
    out->text_.append(name).append(": ").append(value).append("\r\n");
  }
  out->has_host_ = headers.has("Host");
  out->has_user_agent_ = headers.has("User-Agent");
  out->has_accept_ = headers.has("Accept");
  out->headers_ = std::move(headers);
  return out;
}

std::optional<Error> check(const ClientRequest& request) {
  if (!token(request.method))
    return Error(ErrorCode::kInvalidArgument, quoted("the method ", request.method, "is no HTTP method"), "method");
  if (!istarts_with(request.url, "http://") && !istarts_with(request.url, "https://"))
    return Error(ErrorCode::kInvalidArgument, quoted("", request.url, "is no absolute http or https URL"), "url");
  return check_headers(request.headers);
}

namespace {
constexpr const char* kCause = "cause";
constexpr const char* kResolution = "resolution";
}  // namespace

Error with_resolution_failure(Error error) {
  error.details[kCause] = kResolution;
  return error;
}

bool is_resolution_failure(const Error& error) {
  const auto cause = error.details.find(kCause);
  return cause != error.details.end() && cause->second == kResolution;
}

std::string described(const ClientRequest& request) {
  return request.method + " " + request.url.substr(0, request.url.find('?'));
}

bool is_loopback_url(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  if (istarts_with(url, "[::1]")) return true;
  const std::string_view host = url.substr(0, url.find(':'));
  return host.starts_with("127.") || iequals(host, "localhost") ||
         (host.size() > 10 && iequals(host.substr(host.size() - 10), ".localhost"));
}

}  // namespace trunkline::net
