#include "runtime/net/response_parser.h"

#include <algorithm>

#include <boost/beast/http/error.hpp>

namespace trunkline::net {
namespace http = boost::beast::http;

namespace {
std::string_view text_view(boost::beast::string_view text) { return {text.data(), text.size()}; }
}  // namespace

ResponseParser::ResponseParser(ClientResponse& response, const ResponseLimits& limits, bool wants_headers, bool head,
                               std::size_t header_bytes)
    : response_(response), limits_(limits), wants_headers_(wants_headers), header_bytes_(header_bytes) {
  eager(true);
  skip(head);
  header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  body_limit(boost::none);  // checked below, with an error of its own
  response_.status = 0;
  response_.headers.clear();
  response_.body.clear();
}

void ResponseParser::refuse_size(error_code& ec) {
  too_large_ = true;
  ec = http::error::body_limit;
}

void ResponseParser::on_response_impl(int status, string_view reason, int, error_code& ec) {
  // Nobody asked for another protocol, and nothing below 100 means anything.
  if (status < 100 || status == 101) ec = http::error::bad_status;
  header_bytes_ += reason.size() + 15;
  if (header_bytes_ > limits_.header_bytes) refuse_size(ec);
  response_.status = status;
}

void ResponseParser::on_field_impl(http::field, string_view name, string_view value, error_code& ec) {
  // Beast looks at the bytes of one put() only, so a header sent in small pieces must be counted here.
  header_bytes_ += name.size() + value.size() + 4;
  if (header_bytes_ > limits_.header_bytes) return refuse_size(ec);
  if (wants_headers_ && !in_trailer_)
    response_.headers.add(text_view(name), text_view(value));  // a trailer must not pose as a header
}

void ResponseParser::on_header_impl(error_code& ec) {
  in_trailer_ = true;
  const bool bodiless = skip() || response_.status < 200 || response_.status == 204 || response_.status == 304;
  if (const auto length = content_length(); !bodiless && !limits_.truncate_body && length && *length > limits_.body_bytes)
    refuse_size(ec);
}

void ResponseParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) {
  if (!length) return;
  // What is announced is not believed beyond 64 KiB before it arrives.
  response_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 64 * 1024)));
}

std::size_t ResponseParser::on_body_impl(string_view body, error_code& ec) {
  const std::size_t room = limits_.body_bytes - response_.body.size();
  if (body.size() > room && limits_.truncate_body) {
    response_.body.append(body.data(), room);
    truncated_ = true;
    ec = http::error::body_limit;
    return 0;
  }
  if (body.size() > room) {
    refuse_size(ec);
    return 0;
  }
  response_.body.append(body.data(), body.size());
  return body.size();
}

}  // namespace trunkline::net
