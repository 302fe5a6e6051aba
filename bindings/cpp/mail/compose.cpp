#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "trunkline/mail.hpp"

namespace trunkline::mail {
namespace {

constexpr std::size_t kFoldAt = 76;
constexpr std::size_t kMaxLine = 998;  // RFC 5322, without CR LF

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_atext(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

Error invalid(std::string message, std::string target) {
  return {ErrorCode::kInvalidArgument, std::move(message), std::move(target)};
}

void append_base64(std::string& out, std::string_view bytes, std::size_t line) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + bytes.size() * 4 / 3 + (line ? bytes.size() / 28 : 0) + 8);
  std::size_t column = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t j) {
      return i + j < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + j])) : 0U;
    };
    const std::uint32_t triple = at(0) << 16 | at(1) << 8 | at(2);
    out += kDigits[triple >> 18];
    out += kDigits[(triple >> 12) & 63];
    out += i + 1 < bytes.size() ? kDigits[(triple >> 6) & 63] : '=';
    out += i + 2 < bytes.size() ? kDigits[triple & 63] : '=';
    column += 4;
    if (line != 0 && column >= line) {
      out += "\r\n";
      column = 0;
    }
  }
  if (line != 0 && column > 0) out += "\r\n";
}

/// RFC 2047 words of at most 75 characters, none of which ends inside a character.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t kBytes = 42;  // 56 of base64 and 12 around them
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(kBytes, text.size());
    while (size > 1 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    if (!out.empty()) out += "\r\n ";
    out += "=?utf-8?B?";
    append_base64(out, text.substr(0, size), 0);
    out += "?=";
    text.remove_prefix(size);
  }
  return out;
}

/// Breaks a line of ASCII text at its spaces.
std::string folded(std::string_view name, std::string_view value) {
  std::string out(name);
  out += ": ";
  std::size_t column = out.size();
  std::size_t begin = 0;
  while (begin < value.size()) {
    // A word with the spaces before it.
    std::size_t end = value.find_first_not_of(' ', begin);
    end = end == std::string_view::npos ? value.size() : value.find(' ', end);
    if (end == std::string_view::npos) end = value.size();
    const std::string_view word = value.substr(begin, end - begin);
    if (column + word.size() > kFoldAt && begin > 0 && word.front() == ' ') {
      out += "\r\n";
      column = 0;
    }
    out += word;
    const auto line = out.rfind('\n');
    column = line == std::string::npos ? out.size() : out.size() - line - 1;
    begin = end;
  }
  return out + "\r\n";
}

/// Anything that is no address: the value may hold any text of one line.
std::string unstructured(std::string_view name, std::string_view value) {
  const bool looks_encoded = value.find("=?") != std::string_view::npos;
  bool short_words = true;
  std::size_t word = name.size() + 2;
  for (const char c : value) {
    word = c == ' ' ? 0 : word + 1;
    short_words &= word < kMaxLine - 1;
  }
  if (is_ascii(value) && !looks_encoded && short_words) return folded(name, value);
  return std::string(name) + ": " + encoded_words(value) + "\r\n";
}

void check_line(std::string_view value, const std::string& target) {
  for (const char c : value)
    if (c == '\r' || c == '\n' || c == '\0') throw invalid(target + " holds a line break or NUL", target);
}

std::string phrase(std::string_view name) {
  if (!is_ascii(name) || name.find("=?") != std::string_view::npos) return encoded_words(name);
  if (std::all_of(name.begin(), name.end(), [](char c) { return is_atext(c) || c == ' '; })) return std::string(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string mailbox(const email::Mailbox& box, const std::string& target) {
  if (!is_address(box.address)) throw invalid("'" + box.address + "' is no mail address", target);
  if (!box.display_name || box.display_name->empty()) return box.address;
  check_line(*box.display_name, target);
  return phrase(*box.display_name) + " <" + box.address + ">";
}

/// One mailbox a line where they would be too long together.
std::string address_list(std::string_view name, const std::vector<email::Mailbox>& boxes, const std::string& target) {
  std::string out = std::string(name) + ": ";
  std::size_t column = out.size();
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const std::string one = mailbox(boxes[i], target + "[" + std::to_string(i) + "]");
    const std::size_t first = one.find('\r') == std::string::npos ? one.size() : one.find('\r');
    if (i > 0) {
      out += ',';
      if (column + first + 2 > kFoldAt) {
        out += "\r\n";
        column = 0;
      }
      out += ' ';
      ++column;
    }
    out += one;
    const auto line = one.rfind('\n');
    column = line == std::string::npos ? column + one.size() + 1 : one.size() - line;
  }
  return out + "\r\n";
}

std::string rfc5322_date(Time at) {
  using namespace std::chrono;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<seconds> clock(floor<seconds>(at - day));
  std::array<char, 64> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000", kDays[weekday(day).c_encoding()],
                    static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                    static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
                    static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

/// With lines ended by CR LF, whatever they were ended by.
std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
      out += "\r\n";
    } else if (text[i] == '\n') {
      out += "\r\n";
    } else {
      out += text[i];
    }
  }
  return out;
}

void append_quoted_printable(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  constexpr std::size_t kWidth = 75;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\r') {  // CR LF: with_crlf left no other
      out += "\r\n";
      column = 0;
      ++i;
      continue;
    }
    const bool before_break = i + 1 < text.size() && text[i + 1] == '\r';
    const bool plain = (c > 32 && c < 127 && c != '=') || ((c == ' ' || c == '\t') && !before_break);
    if (column + (plain ? 1 : 3) > kWidth) {
      out += "=\r\n";
      column = 0;
    }
    if (plain) {
      out += static_cast<char>(c);
      ++column;
    } else {
      out += '=';
      out += kHex[c >> 4];
      out += kHex[c & 15];
      column += 3;
    }
  }
}

struct Part {
  std::string headers;
  std::string body;
};

Part text_part(std::string_view subtype, std::string_view given, ComposeOptions options) {
  const std::string text = with_crlf(given);
  std::size_t longest = 0, line = 0, beyond_ascii = 0;
  for (const char c : text) {
    line = c == '\n' ? 0 : line + 1;
    longest = std::max(longest, line);
    beyond_ascii += static_cast<unsigned char>(c) >= 0x80;
  }
  // `=_` begins every boundary of ours, and stands in no quoted-printable and no base64.
  const bool safe = longest < kMaxLine && text.find("\r\n--=_") == std::string::npos && !text.starts_with("--=_") &&
                    text.find('\0') == std::string::npos;
  Part part;
  part.headers = "Content-Type: text/" + std::string(subtype) + "; charset=utf-8\r\n";
  if (safe && beyond_ascii == 0) {
    part.headers += "Content-Transfer-Encoding: 7bit\r\n";
    part.body = text;
  } else if (safe && options.eight_bit) {
    part.headers += "Content-Transfer-Encoding: 8bit\r\n";
    part.body = text;
  } else if (beyond_ascii * 6 < text.size()) {
    part.headers += "Content-Transfer-Encoding: quoted-printable\r\n";
    part.body.reserve(text.size() + beyond_ascii * 2 + text.size() / 20);
    append_quoted_printable(part.body, text);
  } else {
    part.headers += "Content-Transfer-Encoding: base64\r\n";
    append_base64(part.body, text, 76);
  }
  return part;
}

/// RFC 2231 where the value needs it, else a quoted string.
std::string parameter(std::string_view name, std::string_view value) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out(name);
  if (is_ascii(value)) {
    out += "=\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + '"';
  }
  out += "*=utf-8''";
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x80 && is_atext(c) && c != '*' && c != '\'' && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  return out;
}

bool is_media_type(std::string_view type) {
  const auto slash = type.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == type.size()) return false;
  // Parameters are left as they are given, on one line.
  const std::string_view essence = type.substr(0, type.find(';'));
  return std::all_of(essence.begin(), essence.end(), [](char c) { return is_atext(c) || c == '/' || c == ' '; }) &&
         is_ascii(type);
}

Part file_part(const email::EmailAttachment& file, const std::string& target) {
  check_line(file.name, target + ".name");
  check_line(file.content_type, target + ".contentType");
  if (!is_media_type(file.content_type)) throw invalid("'" + file.content_type + "' is no media type", target + ".contentType");
  Part part;
  part.headers = "Content-Type: " + file.content_type + ";\r\n " + parameter("name", file.name) + "\r\n";
  part.headers += "Content-Transfer-Encoding: base64\r\nContent-Disposition: ";
  part.headers += file.content_id ? "inline" : "attachment";
  part.headers += ";\r\n " + parameter("filename", file.name) + "\r\n";
  if (file.content_id) {
    check_line(*file.content_id, target + ".contentId");
    if (!is_ascii(*file.content_id) || file.content_id->find_first_of("<> ") != std::string::npos)
      throw invalid("'" + *file.content_id + "' is no content id", target + ".contentId");
    part.headers += "Content-ID: <" + *file.content_id + ">\r\n";
  }
  append_base64(part.body, {reinterpret_cast<const char*>(file.content.data()), file.content.size()}, 76);
  return part;
}

Part multipart(std::string_view kind, const std::string& boundary, std::vector<Part> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Part out;
  out.headers = "Content-Type: multipart/" + std::string(kind) + ";\r\n boundary=\"" + boundary + "\"\r\n";
  std::size_t size = 0;
  for (const Part& part : parts) size += part.headers.size() + part.body.size() + boundary.size() + 8;
  out.body.reserve(size + boundary.size() + 8);
  for (const Part& part : parts) {
    out.body += "--" + boundary + "\r\n";
    out.body += part.headers;
    out.body += "\r\n";
    out.body += part.body;
    // The line break before a boundary belongs to the boundary: without one of its own, a text would lose its last.
    out.body += "\r\n";
  }
  out.body += "--" + boundary + "--\r\n";
  return out;
}

std::string boundary_of(const email::EmailSendRequest& request, int level) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : request.internet_message_id + request.message_id)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  std::array<char, 40> text{};
  const int size = std::snprintf(text.data(), text.size(), "=_%d_%016llx", level, static_cast<unsigned long long>(hash));
  return {text.data(), static_cast<std::size_t>(size)};
}

Part content(const email::EmailSendRequest& request, ComposeOptions options) {
  std::vector<Part> related, alternative, mixed;
  if (request.html) related.push_back(text_part("html", *request.html, options));
  for (std::size_t i = 0; i < request.attachments.size(); ++i) {
    const email::EmailAttachment& file = request.attachments[i];
    Part part = file_part(file, "attachments[" + std::to_string(i) + "]");
    (file.content_id && request.html ? related : mixed).push_back(std::move(part));
  }
  if (request.plain_text || related.empty()) alternative.push_back(text_part("plain", request.plain_text.value_or(""), options));
  if (!related.empty()) alternative.push_back(multipart("related", boundary_of(request, 3), std::move(related)));
  std::vector<Part> all;
  all.push_back(multipart("alternative", boundary_of(request, 2), std::move(alternative)));
  std::move(mixed.begin(), mixed.end(), std::back_inserter(all));
  return multipart("mixed", boundary_of(request, 1), std::move(all));
}

}  // namespace

std::string_view domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view{} : address.substr(at + 1);
}

bool is_address(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 254) return false;
  const std::string_view local = text.substr(0, at), domain = text.substr(at + 1);
  const auto beyond_ascii = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  if (local.front() == '"') {  // quoted: anything but line breaks and quotes
    if (local.size() < 3 || local.back() != '"') return false;
    for (const char c : local.substr(1, local.size() - 2))
      if (static_cast<unsigned char>(c) < 32 || c == '"' || c == '\\' || c == 127) return false;
  } else {
    if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) return false;
    if (!std::all_of(local.begin(), local.end(), [&](char c) { return is_atext(c) || c == '.' || beyond_ascii(c); }))
      return false;
  }
  if (domain.empty() || domain.front() == '.' || domain.back() == '.' || domain.find("..") != std::string_view::npos)
    return false;
  if (domain.front() == '-' || domain.back() == '-') return false;
  return std::all_of(domain.begin(), domain.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || beyond_ascii(c);
  });
}

bool needs_smtputf8(const email::EmailSendRequest& request) {
  const auto all_ascii = [](const std::vector<email::Mailbox>& boxes) {
    return std::all_of(boxes.begin(), boxes.end(), [](const email::Mailbox& box) { return is_ascii(box.address); });
  };
  return !is_ascii(request.from.address) || !all_ascii(request.to) || !all_ascii(request.cc) || !all_ascii(request.reply_to) ||
         !std::all_of(request.recipients.begin(), request.recipients.end(), [](const std::string& r) { return is_ascii(r); });
}

Message compose(const email::EmailSendRequest& request, ComposeOptions options) {
  Message message;
  std::string& out = message.headers;
  out = "Date: " + rfc5322_date(request.date) + "\r\n";
  out += "From: " + mailbox(request.from, "from") + "\r\n";
  if (!request.to.empty()) out += address_list("To", request.to, "to");
  if (!request.cc.empty()) out += address_list("Cc", request.cc, "cc");
  if (request.to.empty() && request.cc.empty()) out += "To: undisclosed-recipients:;\r\n";
  if (!request.reply_to.empty()) out += address_list("Reply-To", request.reply_to, "replyTo");
  check_line(request.subject, "subject");
  out += unstructured("Subject", request.subject);
  check_line(request.internet_message_id, "internetMessageId");
  out += "Message-ID: " + request.internet_message_id + "\r\n";
  for (const auto& [name, value] : request.headers) {
    const std::string target = "headers." + name;
    if (name.empty() || name.size() > 76 ||
        !std::all_of(name.begin(), name.end(), [](char c) { return c > 32 && c < 127 && c != ':'; }))
      throw invalid("'" + name + "' is no header name", target);
    check_line(value, target);
    out += unstructured(name, value);
  }
  Part part = content(request, options);
  out += "MIME-Version: 1.0\r\n" + part.headers;
  message.body = std::move(part.body);
  if (!message.body.ends_with("\r\n")) message.body += "\r\n";
  return message;
}

}  // namespace trunkline::mail
