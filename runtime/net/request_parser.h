// Internal to runtime/net: Beast's parser, filling our Request without a message type in between.
#pragma once
#include <utility>

#include <boost/beast/http/basic_parser.hpp>

#include "runtime/net/http_server.h"

namespace trunkline::net {

/// Parses one request; make a new one for the next. Refusals that Beast does not know are told by refusal().
class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  struct Refusal {
    int status = 0;  // 0: none
    const char* why = "";
  };

  /// Clears `request` but keeps its memory. Both arguments must outlive the parser.
  RequestParser(Request& request, HttpServerOptions& options);

  /// What to answer after put() failed with `ec`.
  Refusal refusal(const boost::beast::error_code& ec) const;
  /// Header bytes taken so far.
  std::size_t header_bytes() const { return header_bytes_; }
  bool expects_continue() const { return expects_continue_; }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, string_view method, string_view target, int version, error_code& ec) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field, string_view name, string_view value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
  std::size_t on_body_impl(string_view body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) override;
  void on_finish_impl(error_code&) override {}

  void refuse(error_code& ec, int status, const char* why);

  Request& request_;
  HttpServerOptions& options_;
  std::size_t header_bytes_ = 0;
  std::size_t body_limit_ = 0;
  bool in_trailer_ = false;
  bool expects_continue_ = false;
  Refusal refusal_;
};

}  // namespace trunkline::net
