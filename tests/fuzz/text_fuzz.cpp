// The small parsers: JSON, encodings, UTF-8, times, durations, trace context, redaction. What parses prints and parses alike.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/base/utf8.h"
#include "runtime/diagnostics/redact.h"
#include "runtime/diagnostics/trace.h"

using namespace trunkline;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void json(std::string_view text) {
  try {
    const nlohmann::json value = parse_json(text);
    const std::string dumped = value.dump();
    require(parse_json(dumped).dump() == dumped);
    JsonRef(value).at("a")[1].integer();
  } catch (const Error& e) {
    require(utf8_valid(e.message));
  }
  std::string quoted;
  append_json_string(quoted, text);
  require(parse_json(quoted, {.max_bytes = 6 * text.size() + 2}).get<std::string>() == utf8_sanitized(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  json(text);
  if (const auto bytes = base64_decode(text)) require(base64_encode(*bytes) == text);
  if (const auto bytes = base64url_decode(text)) require(base64url_encode(*bytes) == text);
  require(base64_decode(base64_encode(text)) == std::string(text));
  require(utf8_valid(text) == (utf8_sanitized(text) == text));
  if (const auto time = parse_rfc3339(text)) require(parse_rfc3339(format_rfc3339(*time)) == time);
  if (const auto time = parse_http_date(text)) require(parse_http_date(format_http_date(*time)) == time);
  if (const auto duration = parse_duration(text)) require(parse_duration(format_duration(*duration)) == duration);
  if (const auto context = TraceContext::parse(text)) require(TraceContext::parse(context->traceparent()) == context);
  if (const auto id = Uuid::parse(text)) require(Uuid::parse(id->str()) == id);
  std::string redacted;
  append_redacted(redacted, text);
  names_secret(text);
  return 0;
}
