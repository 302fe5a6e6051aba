// Internal to runtime/net: a Response as bytes, appended to a buffer that is reused.
#pragma once
#include <string>

#include "runtime/clock/clock.h"
#include "runtime/net/http.h"

namespace trunkline::net {

/// The Date header, rendered at most once a second. One for each connection, so it needs no lock.
class DateCache {
 public:
  const std::string& at(Time now);

 private:
  std::int64_t second_ = INT64_MIN;
  std::string text_;
};

struct Framing {
  bool keep_alive = true;
  bool http_1_0 = false;
  bool head = false;  // answers a HEAD request: the length of the body, not the body
};

/// Content-Length, Connection and Date are ours; the handler's own are dropped. CR, LF and NUL in a value become spaces.
void append_response(std::string& out, const Response& response, const std::string& date, Framing framing);

enum class StreamFraming { kUpgrade, kChunked, kUntilClose };

/// The head of an answer whose body follows piece by piece.
void append_stream_head(std::string& out, const Response& response, const std::string& date, StreamFraming framing);

}  // namespace trunkline::net
