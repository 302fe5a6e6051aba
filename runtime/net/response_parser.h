// Internal to runtime/net: Beast's parser for answers, filling our ClientResponse without a message type in between.
#pragma once
#include <utility>

#include <boost/beast/http/basic_parser.hpp>

#include "runtime/net/http_sender.h"

namespace trunkline::net {

struct ResponseLimits {
  std::size_t header_bytes = 256 * 1024;  // of the answer and of the interim ones before it
  std::size_t body_bytes = 8 * 1024 * 1024;
  bool truncate_body = false;  // a larger one ends the parsing and is no error of the peer's
};

/// Parses one answer; make a new one for the next, also after an interim answer (1xx).
class ResponseParser final : public boost::beast::http::basic_parser<false> {
 public:
  /// Clears `response`, which must outlive the parser. `header_bytes`: taken by interim answers before this one. `head`: the
  /// answer to a HEAD request, which has no body whatever its header says.
  ResponseParser(ClientResponse& response, const ResponseLimits& limits, bool wants_headers, bool head,
                 std::size_t header_bytes = 0);

  /// An answer before the answer, such as 100.
  bool interim() const { return response_.status < 200 && response_.status != 101; }
  /// put() failed because a limit was passed.
  bool too_large() const { return too_large_; }
  /// put() failed because there is as much of the body as was asked for, and more.
  bool truncated() const { return truncated_; }
  std::size_t header_bytes() const { return header_bytes_; }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int status, string_view reason, int version, error_code& ec) override;
  void on_field_impl(boost::beast::http::field, string_view name, string_view value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
  std::size_t on_body_impl(string_view body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) override { return on_body_impl(body, ec); }
  void on_finish_impl(error_code&) override {}

  void refuse_size(error_code& ec);

  ClientResponse& response_;
  const ResponseLimits limits_;
  const bool wants_headers_;
  std::size_t header_bytes_;
  bool in_trailer_ = false;
  bool too_large_ = false;
  bool truncated_ = false;
};

}  // namespace trunkline::net
