#include "runtime/net/response_writer.h"

#include <charconv>
#include <cstdint>
#include <cstring>

#include "runtime/base/strings.h"

namespace trunkline::net {
namespace {

void append_number(std::string& out, std::size_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

/// Whether a control below SO is in it, eight bytes at a time: nearly nothing has one.
bool may_break_line(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::uint64_t found = 0, word = 0;
  for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    found |= (word - kOnes * 0x0e) & ~word;
  }
  word = kOnes * ' ';
  std::memcpy(&word, text.data(), text.size());
  found |= (word - kOnes * 0x0e) & ~word;
  return (found & (kOnes * 0x80)) != 0;
}

void append_value(std::string& out, std::string_view value) {
  const std::size_t from = out.size();
  out.append(value);
  if (!may_break_line(value)) return;
  for (std::size_t i = from; i < out.size(); ++i)
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
}

bool reserved(std::string_view name) {
  switch (name.size()) {
    case 4:
      return iequals(name, "Date");
    case 10:
      return iequals(name, "Connection");
    case 14:
      return iequals(name, "Content-Length");
    case 17:
      return iequals(name, "Transfer-Encoding");
    default:
      return false;
  }
}

void append_status(std::string& out, int status, const std::string& date) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\nDate: ");
  } else {
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::size_t>(status));
    out.push_back(' ');
    out.append(reason_phrase(status));
    out.append("\r\nDate: ");
  }
  out.append(date);
}

void append_fields(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (reserved(name)) continue;
    out.append("\r\n");
    append_value(out, name);
    out.append(": ");
    append_value(out, value);
  }
}

}  // namespace

const std::string& DateCache::at(Time now) {
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (second != second_) {
    second_ = second;
    text_ = format_http_date(now);
  }
  return text_;
}

void append_response(std::string& out, const Response& response, const std::string& date, Framing framing) {
  const bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
  append_status(out, response.status, date);
  if (!bodiless) {
    if (!response.body.empty() && !response.content_type.empty()) {
      out.append("\r\nContent-Type: ");
      append_value(out, response.content_type);
    }
    out.append("\r\nContent-Length: ");
    append_number(out, response.body.size());
  }
  append_fields(out, response.headers);
  if (!framing.keep_alive)
    out.append("\r\nConnection: close");
  else if (framing.http_1_0)
    out.append("\r\nConnection: keep-alive");
  out.append("\r\n\r\n");
  if (!bodiless && !framing.head) out.append(response.body);
}

void append_stream_head(std::string& out, const Response& response, const std::string& date, StreamFraming framing) {
  append_status(out, response.status, date);
  if (framing != StreamFraming::kUpgrade) {
    out.append("\r\nContent-Type: ");
    append_value(out, response.content_type);
  }
  append_fields(out, response.headers);
  switch (framing) {
    case StreamFraming::kUpgrade:
      out.append("\r\nConnection: Upgrade\r\n\r\n");
      break;
    case StreamFraming::kChunked:
      out.append("\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
      break;
    case StreamFraming::kUntilClose:
      out.append("\r\nConnection: close\r\n\r\n");
      break;
  }
}

}  // namespace trunkline::net
