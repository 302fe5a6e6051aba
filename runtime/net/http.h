// HTTP messages as the runtime sees them; no Beast in sight.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/function.h"
#include "trunkline/task.hpp"

namespace trunkline::net {

/// Header fields in the order of the wire; names compare without case.
class Headers {
 public:
  /// The first value; empty view when absent (has() tells them apart).
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  void clear() { fields_.clear(); }
  void reserve(std::size_t n) { fields_.reserve(n); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method;   // upper case
  std::string target;   // as on the wire
  Headers headers;
  std::string body;
  std::string remote;   // peer address
  bool tls = false;
  bool http_1_0 = false;

  /// Path part of the target, still percent-encoded.
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  /// Query part without `?`, still percent-encoded.
  std::string_view query() const {
    const auto at = target.find('?');
    return at == std::string::npos ? std::string_view{} : std::string_view(target).substr(at + 1);
  }
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::string content_type = "application/json";  // not sent with an empty body
};

/// Answers one request. The request outlives the task; the task must not throw (the server turns a throw into a 500).
using Handler = UniqueFunction<Task<Response>(Request&)>;

/// `%2B` and friends; `+` stays `+` unless `form`. nullopt: malformed escape.
std::optional<std::string> percent_decode(std::string_view text, bool form = false);
std::string percent_encode(std::string_view text);
/// Decoded value of a query parameter, names compare without case; nullopt when absent.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace trunkline::net
