// HTTP messages as the runtime sees them; no Beast in sight.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/function.h"
#include "trunkline/task.hpp"

namespace trunkline::net {

/// Header fields in the order of the wire; names compare without case. clear() keeps the strings, so that a connection which
/// reads many requests into the same object stops allocating.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(const Headers& other) : fields_(other.begin(), other.end()), size_(other.size_) {}
  Headers(Headers&& other) noexcept : fields_(std::move(other.fields_)), size_(std::exchange(other.size_, 0)) {}
  Headers& operator=(Headers other) noexcept {
    fields_.swap(other.fields_);
    std::swap(size_, other.size_);
    return *this;
  }

  /// The first value; empty view when absent (has() tells them apart).
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  /// Fields with this name.
  std::size_t count(std::string_view name) const;
  void add(std::string_view name, std::string_view value);
  /// Replaces every field of this name by one.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  const Field* begin() const { return fields_.data(); }
  const Field* end() const { return fields_.data() + size_; }
  std::size_t size() const { return size_; }
  void clear() { size_ = 0; }
  void reserve(std::size_t n) { fields_.reserve(n); }

 private:
  std::vector<Field> fields_;  // fields_[size_..] are kept for their capacity only
  std::size_t size_ = 0;
};

struct Request {
  std::string method;  // upper case
  std::string target;  // as on the wire
  Headers headers;
  std::string body;
  std::string remote;  // peer address
  bool tls = false;
  bool http_1_0 = false;
  /// The handler's own; kept from one request of a connection to the next.
  std::shared_ptr<const void> connection_state;

  /// Path part of the target, still percent-encoded.
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  /// Query part without `?`, still percent-encoded.
  std::string_view query() const {
    const auto at = target.find('?');
    return at == std::string::npos ? std::string_view{} : std::string_view(target).substr(at + 1);
  }
};

struct StreamingBody;
struct WebSocketUpgrade;

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::string content_type = "application/json";  // not sent with an empty body
  /// Set: the body is written after the head, for as long as it takes (stream.h). `body` is not sent.
  std::shared_ptr<StreamingBody> stream;
  /// Set: the connection becomes a WebSocket (websocket.h).
  std::shared_ptr<WebSocketUpgrade> websocket;
};

/// Answers one request. The request outlives the task; the task must not throw (the server turns a throw into a 500).
using Handler = UniqueFunction<Task<Response>(Request&)>;

/// `%2B` and friends; `+` stays `+` unless `form`. nullopt: malformed escape.
std::optional<std::string> percent_decode(std::string_view text, bool form = false);
/// Everything but the unreserved characters of RFC 3986.
std::string percent_encode(std::string_view text);
/// Decoded value of a query parameter, names compare without case; nullopt when absent. A malformed escape is taken literally.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);
/// The same for a parameter that may be repeated: all its values, in order, without empty ones.
std::vector<std::string> query_parameters(std::string_view query, std::string_view name);
/// `{"error":{"code":...,"message":...}}`, the envelope of every refusal; both texts are escaped.
std::string error_envelope(std::string_view code, std::string_view message);
/// Reason phrase; `Unknown` for a status we do not know.
std::string_view reason_phrase(int status);

}  // namespace trunkline::net
