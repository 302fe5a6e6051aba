#include "runtime/net/request_parser.h"

#include <algorithm>

#include <boost/beast/http/error.hpp>

#include "runtime/base/strings.h"

namespace trunkline::net {
namespace http = boost::beast::http;

namespace {
std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }
}  // namespace

RequestParser::RequestParser(Request& request, HttpServerOptions& options) : request_(request), options_(options) {
  eager(true);
  header_limit(static_cast<std::uint32_t>(options.limits.header_bytes));
  basic_parser::body_limit(boost::none);  // the limit depends on the route: checked below
  request_.headers.clear();
  request_.body.clear();
  request_.method.clear();
  request_.target.clear();
}

void RequestParser::refuse(error_code& ec, int status, const char* why) {
  refusal_ = {status, why};
  ec = http::error::bad_value;
}

void RequestParser::on_request_impl(http::verb, string_view method, string_view target, int version, error_code& ec) {
  if (target.size() > options_.limits.target_bytes) return refuse(ec, 414, "The request target is too long.");
  header_bytes_ = method.size() + target.size() + 12;
  request_.method.assign(method.data(), method.size());
  request_.target.assign(target.data(), target.size());
  request_.http_1_0 = version == 10;
}

void RequestParser::on_field_impl(http::field, string_view name, string_view value, error_code& ec) {
  // Beast looks at the bytes of one put() only, so a header sent in small pieces must be counted here.
  header_bytes_ += name.size() + value.size() + 4;
  if (header_bytes_ > options_.limits.header_bytes) return refuse(ec, 431, "The request header is too large.");
  if (in_trailer_) return;  // a trailer must not pose as a header: dropped
  if (request_.headers.size() >= options_.limits.header_count) return refuse(ec, 431, "The request has too many header fields.");
  request_.headers.add(view(name), view(value));
}

void RequestParser::on_header_impl(error_code& ec) {
  in_trailer_ = true;
  const Headers& headers = request_.headers;
  const std::size_t hosts = headers.count("Host");
  if (hosts > 1 || (hosts == 0 && !request_.http_1_0)) return refuse(ec, 400, "The request must have one Host header.");
  if (headers.has("Transfer-Encoding") &&
      (!iequals(headers.get("Transfer-Encoding"), "chunked") || headers.count("Transfer-Encoding") > 1))
    return refuse(ec, 501, "The transfer encoding is not supported; only 'chunked' is.");
  const auto length = content_length();
  const bool has_body = chunked() || (length && *length > 0);
  if (has_body) {
    body_limit_ = options_.body_limit ? options_.body_limit(request_) : options_.limits.body_bytes;
    if (length && *length > body_limit_) return refuse(ec, 413, "The request body is larger than this operation accepts.");
  }
  if (const std::string_view expect = headers.get("Expect"); !expect.empty() && !request_.http_1_0) {
    if (!iequals(expect, "100-continue")) return refuse(ec, 417, "The only expectation supported is '100-continue'.");
    expects_continue_ = has_body;
  }
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) {
  // What is announced is not believed beyond 64 KiB before it arrives.
  if (length) request_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 64 * 1024)));
}

std::size_t RequestParser::on_body_impl(string_view body, error_code&) {
  request_.body.append(body.data(), body.size());
  return body.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) {
  if (request_.body.size() + body.size() > body_limit_) {
    refuse(ec, 413, "The request body is larger than this operation accepts.");
    return 0;
  }
  request_.body.append(body.data(), body.size());
  return body.size();
}

RequestParser::Refusal RequestParser::refusal(const error_code& ec) const {
  if (refusal_.status != 0) return refusal_;
  if (ec == http::error::header_limit) return {431, "The request header is too large."};
  if (ec == http::error::bad_version) return {505, "The protocol version is not supported; HTTP/1.0 and HTTP/1.1 are."};
  if (ec == http::error::bad_method) return {400, "The request method is malformed."};
  if (ec == http::error::bad_target) return {400, "The request target is malformed."};
  if (ec == http::error::bad_field || ec == http::error::bad_value || ec == http::error::bad_obs_fold)
    return {400, "A header field is malformed."};
  if (ec == http::error::bad_content_length || ec == http::error::multiple_content_length)
    return {400, "The Content-Length header is malformed or contradicts another header."};
  if (ec == http::error::bad_transfer_encoding)
    return {400, "The Transfer-Encoding header is malformed or contradicts another header."};
  if (ec == http::error::bad_chunk || ec == http::error::bad_chunk_extension)
    return {400, "The chunked request body is malformed."};
  return {400, "The request is malformed."};
}

}  // namespace trunkline::net
