#include "runtime/net/response_writer.h"

#include <charconv>
#include <cstdint>
#include <cstring>

#include "runtime/base/strings.h"

namespace trunkline::net {
namespace {

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

constexpr std::size_t kStatusBytes = 96;   // the longest status line, and `Date: `
constexpr std::size_t kFramingBytes = 96;  // Content-Type without its value, Content-Length, Transfer-Encoding, Connection

/// A head, written into room that was made for all of it: appending would look for room for each of the many short pieces.
class Head {
 public:
  Head(std::string& out, const Response& response, const std::string& date) : out_(out) {
    const std::size_t from = out.size();
    std::size_t bytes = kStatusBytes + date.size() + kFramingBytes + response.content_type.size();
    for (const auto& [name, value] : response.headers) bytes += name.size() + value.size() + 4;
    out.resize(from + bytes);
    at_ = out.data() + from;
    put_status(response.status);
    put(date);
  }
  void put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_number(std::size_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }
  void put_value(std::string_view value) {
    char* const from = at_;
    put(value);
    if (!may_break_line(value)) return;
    for (char* c = from; c != at_; ++c)
      if (*c == '\r' || *c == '\n' || *c == '\0') *c = ' ';
  }
  void put_fields(const Headers& headers) {
    for (const auto& [name, value] : headers) {
      if (reserved(name)) continue;
      put("\r\n");
      put_value(name);
      put(": ");
      put_value(value);
    }
  }
  void finish(std::string_view last) {
    put(last);
    out_.resize(static_cast<std::size_t>(at_ - out_.data()));
  }

 private:
  void put_status(int status) {
    if (status == 200) return put("HTTP/1.1 200 OK\r\nDate: ");
    put("HTTP/1.1 ");
    put_number(static_cast<std::size_t>(status));
    put(" ");
    put(reason_phrase(status));
    put("\r\nDate: ");
  }

  std::string& out_;
  char* at_;
};

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
  Head head(out, response, date);
  if (!bodiless) {
    if (!response.body.empty() && !response.content_type.empty()) {
      head.put("\r\nContent-Type: ");
      head.put_value(response.content_type);
    }
    head.put("\r\nContent-Length: ");
    head.put_number(response.body.size());
  }
  head.put_fields(response.headers);
  if (!framing.keep_alive)
    head.finish("\r\nConnection: close\r\n\r\n");
  else if (framing.http_1_0)
    head.finish("\r\nConnection: keep-alive\r\n\r\n");
  else
    head.finish("\r\n\r\n");
  if (!bodiless && !framing.head) out.append(response.body);
}

void append_stream_head(std::string& out, const Response& response, const std::string& date, StreamFraming framing) {
  Head head(out, response, date);
  if (framing != StreamFraming::kUpgrade) {
    head.put("\r\nContent-Type: ");
    head.put_value(response.content_type);
  }
  head.put_fields(response.headers);
  switch (framing) {
    case StreamFraming::kUpgrade:
      return head.finish("\r\nConnection: Upgrade\r\n\r\n");
    case StreamFraming::kChunked:
      return head.finish("\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    case StreamFraming::kUntilClose:
      return head.finish("\r\nConnection: close\r\n\r\n");
  }
}

}  // namespace trunkline::net
