#include "inbound.h"

#include <openssl/sha.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "signature.h"
#include "trunkline/error.hpp"

namespace email_sendgrid {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {

constexpr std::size_t kMaxEnvelope = 64 * 1024;
constexpr std::size_t kMaxEnvelopeRecipients = 1000;
constexpr std::size_t kBase64Line = 57;  // octets to 76 characters

[[noreturn]] void invalid(const std::string& field, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, field + ": " + what, field);
}

std::string sha256_hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  constexpr const char* kHex = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : digest) out.append({kHex[c >> 4], kHex[c & 15]});
  return out;
}

json object_of(const FormData& form, const std::string& field) {
  const std::string_view text = form.field(field);
  json value = text.size() > kMaxEnvelope ? json() : json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

std::string string_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Headers that speak of the MIME structure, which is made anew.
bool is_structure(std::string_view line) {
  std::string name(line.substr(0, line.find(':')));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return name.starts_with("content-") || name == "mime-version";
}

/// The mail's headers without those; every line ends with CR LF.
std::string kept_headers(std::string_view headers) {
  std::string out;
  bool dropping = false;
  while (!headers.empty()) {
    const std::size_t end = std::min(headers.find('\n'), headers.size());
    std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 1, headers.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line[0] != ' ' && line[0] != '\t') dropping = is_structure(line) || line.find(':') == std::string_view::npos;
    if (!dropping) out.append(line).append("\r\n");
  }
  return out;
}

/// As a word of a header (RFC 2047). No line breaks in it.
std::string encoded_word(std::string_view text) { return "=?UTF-8?B?" + base64(text) + "?="; }

void add_base64(std::string& out, std::string_view content) {
  for (; !content.empty(); content.remove_prefix(std::min(kBase64Line, content.size())))
    out += base64(content.substr(0, kBase64Line)) + "\r\n";
}

/// Nothing that could end a header or a parameter.
std::string plain_token(std::string text, const char* otherwise) {
  const bool good = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != ';' && c != '<' && c != '>';
  });
  return good ? text : otherwise;
}

void add_text(std::string& out, std::string_view type, const std::string& charset, std::string_view text) {
  out.append("Content-Type: ").append(type).append("; charset=\"").append(charset).append("\"\r\n");
  out += "Content-Transfer-Encoding: base64\r\n\r\n";
  add_base64(out, text);
}

std::string compose(const FormData& form) {
  const json charsets = object_of(form, "charsets"), files = object_of(form, "attachment-info");
  const std::string_view text = form.field("text"), html = form.field("html");
  std::string mime = kept_headers(form.field("headers"));
  if (mime.empty()) {
    for (const char* name : {"from", "to", "cc", "subject"})
      if (const std::string_view value = form.field(name); !value.empty())
        mime += std::string(1, static_cast<char>(name[0] - 32)) + (name + 1) + ": " + encoded_word(value) + "\r\n";
  }
  // A boundary that no content can have: all of it is base64.
  const std::string outer = "=_mixed", inner = "=_alternative";
  mime += "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + outer + "\"\r\n\r\n";
  const auto charset = [&](const char* field) { return plain_token(string_of(charsets, field), "UTF-8"); };
  const bool both = !text.empty() && !html.empty();
  if (both) mime += "--" + outer + "\r\nContent-Type: multipart/alternative; boundary=\"" + inner + "\"\r\n\r\n";
  const std::string& around = both ? inner : outer;
  if (!text.empty() || html.empty()) {
    mime += "--" + around + "\r\n";
    add_text(mime, "text/plain", charset("text"), text);
  }
  if (!html.empty()) {
    mime += "--" + around + "\r\n";
    add_text(mime, "text/html", charset("html"), html);
  }
  if (both) mime += "--" + inner + "--\r\n";
  for (const FormFile& file : form.files) {
    json info;
    if (const auto found = files.find(file.field); found != files.end() && found->is_object()) info = *found;
    const std::string id = info.is_object() ? plain_token(string_of(info, "content-id"), "") : std::string();
    const std::string type = plain_token(file.content_type.substr(0, file.content_type.find(';')), "application/octet-stream");
    mime += "--" + outer + "\r\nContent-Type: " + type + "\r\nContent-Transfer-Encoding: base64\r\n";
    if (!id.empty()) mime += "Content-ID: <" + id + ">\r\n";
    mime += std::string("Content-Disposition: ") + (id.empty() ? "attachment" : "inline") + "; filename=\"" +
            encoded_word(file.name) + "\"\r\n\r\n";
    add_base64(mime, file.content);
  }
  return mime + "--" + outer + "--\r\n";
}

}  // namespace

InboundMail read_inbound(const FormData& form) {
  InboundMail mail;
  const std::string_view written = form.field("envelope");
  if (written.empty()) invalid("envelope", "is missing");
  if (written.size() > kMaxEnvelope) invalid("envelope", "is above 64 KiB");
  const json envelope = json::parse(written, nullptr, false);
  if (!envelope.is_object() || !envelope.contains("to") || !envelope["to"].is_array())
    invalid("envelope", "wanted {\"to\": [\"…\"], \"from\": \"…\"}");
  mail.from = string_of(envelope, "from");
  for (const json& one : envelope["to"])
    if (one.is_string()) mail.to.push_back(one.get<std::string>());
  if (mail.to.empty() || mail.to.size() > kMaxEnvelopeRecipients)
    invalid("envelope", "found " + std::to_string(mail.to.size()) + " recipients, wanted 1 to 1000");
  const std::string_view raw = form.field("email");
  if (raw.empty() && form.field("headers").empty() && form.field("from").empty())
    invalid("headers", "is missing, and so is email: found nothing of a mail");
  mail.mime = raw.empty() ? compose(form) : std::string(raw);
  std::string same = mail.from;
  for (const std::string& address : mail.to) same += '\n' + address;
  mail.id = sha256_hex(same + "\n\n" + mail.mime).substr(0, 32);
  return mail;
}

}  // namespace email_sendgrid
