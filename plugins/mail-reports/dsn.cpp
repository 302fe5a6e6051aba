#include "mail-reports/dsn.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <map>

namespace mail_reports {

using trunkline::email::EmailState;

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

namespace {

constexpr std::size_t kMaxEnvelopeId = 100;
constexpr std::size_t kMaxOriginalRecipient = 500;

int hex_value(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/// False: no xtext (RFC 3461 section 4).
bool decode_xtext(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '=' || (c >= 0 && c <= 32) || c == 127) return false;
    if (c != '+') {
      out += c;
      continue;
    }
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return false;
    out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return true;
}

/// The parameters by name; false: one of `names` is there twice.
bool read_parameters(std::string_view text, std::initializer_list<std::string_view> names,
                     std::map<std::string, std::string>& found) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = std::min(one.find('='), one.size());
    std::string name = upper(one.substr(0, equals));
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    const std::string value(equals == one.size() ? std::string_view() : one.substr(equals + 1));
    if (!found.emplace(std::move(name), value).second) return false;
  }
  return true;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// FNV-1a.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const unsigned char c : text) h = (h ^ c) * 0x100000001b3u;
  return h;
}

/// The same in every run, of nothing that the client may write as it likes, and nowhere in what is returned.
std::string boundary_of(const StatusMail& status) {
  for (std::uint64_t number = hash(status.mail_id + "\n" + status.recipient);; number = number * 0x100000001b3u + 1) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016" PRIx64, number);
    std::string boundary = std::string("=_report_") + digits;
    if (status.returned.find(boundary) == std::string::npos) return boundary;
  }
}

}  // namespace

std::string read_mail_dsn(std::string_view parameters, MailDsn& dsn) {
  std::map<std::string, std::string> found;
  if (!read_parameters(parameters, {"RET", "ENVID"}, found)) return "501 5.5.4 RET and ENVID come once";
  if (const auto ret = found.find("RET"); ret != found.end()) {
    const std::string value = upper(ret->second);
    if (value != "FULL" && value != "HDRS") return "501 5.5.4 RET wants FULL or HDRS";
    dsn.full = value == "FULL";
  }
  if (const auto id = found.find("ENVID"); id != found.end())
    if (id->second.empty() || id->second.size() > kMaxEnvelopeId || !decode_xtext(id->second, dsn.envelope_id) ||
        std::any_of(dsn.envelope_id.begin(), dsn.envelope_id.end(), [](char c) { return c < 32 || c > 126; }))
      return "501 5.5.4 ENVID wants 1 to 100 characters of xtext, printable";
  return {};
}

std::string read_recipient_dsn(std::string_view parameters, RecipientDsn& dsn) {
  std::map<std::string, std::string> found;
  if (!read_parameters(parameters, {"NOTIFY", "ORCPT"}, found)) return "501 5.5.4 NOTIFY and ORCPT come once";
  if (const auto notify = found.find("NOTIFY"); notify != found.end()) {
    const std::string value = upper(notify->second);
    dsn.failure = false;
    for (std::string_view rest = value; value != "NEVER";) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view event = rest.substr(0, end);
      if (event == "SUCCESS")
        dsn.success = true;
      else if (event == "FAILURE")
        dsn.failure = true;
      else if (event != "DELAY")  // nothing is ever late here
        return "501 5.5.4 NOTIFY wants NEVER, or SUCCESS, FAILURE and DELAY with commas";
      if (end == rest.size()) break;
      rest.remove_prefix(end + 1);
    }
  }
  if (const auto original = found.find("ORCPT"); original != found.end()) {
    const std::string& value = original->second;
    const std::size_t semicolon = value.find(';');
    std::string decoded;
    if (value.size() > kMaxOriginalRecipient || semicolon == std::string::npos || semicolon == 0 ||
        semicolon + 1 == value.size() || !decode_xtext(value, decoded))
      return "501 5.5.4 ORCPT wants a type, a semicolon and xtext";
    dsn.original = value;
  }
  return {};
}

bool is_failure(EmailState outcome) { return outcome == EmailState::kBounced || outcome == EmailState::kFailed; }

std::string write_status_mail(const StatusMail& status) {
  const bool failure = is_failure(status.outcome);
  const bool ascii = is_ascii(status.recipient) && is_ascii(status.original);
  const std::string boundary = boundary_of(status);
  const std::string typed = (is_ascii(status.recipient) ? "rfc822; " : "utf-8; ") + status.recipient;
  std::string out = "From: Mail Delivery System <mailer-daemon@" + status.reporter + ">\r\nTo: <" + status.sender +
                    ">\r\nSubject: " + (failure ? "Undelivered Mail Returned to Sender" : "Successful Mail Delivery Report") +
                    "\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: multipart/report; report-type=" +
                    (ascii ? "delivery-status" : "global-delivery-status") + ";\r\n boundary=\"" + boundary + "\"\r\n\r\n";
  out += "--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe mail to " + status.recipient +
         (failure ? " could not be delivered.\r\n\r\n" : " was delivered.\r\n\r\n");
  out += "--" + boundary + "\r\nContent-Type: message/" + (ascii ? "delivery-status" : "global-delivery-status") +
         "\r\n\r\nReporting-MTA: dns; " + status.reporter + "\r\n" +
         (status.envelope_id.empty() ? "" : "Original-Envelope-Id: " + status.envelope_id + "\r\n") +
         "\r\nFinal-Recipient: " + typed + "\r\nOriginal-Recipient: " + (status.original.empty() ? typed : status.original) +
         "\r\nAction: " +
         (failure                                   ? "failed"
          : status.outcome == EmailState::kExpanded ? "expanded"
                                                    : "delivered") +
         "\r\nStatus: " + status.status_code + "\r\nDiagnostic-Code: smtp; " + (failure ? "550 " : "250 ") + status.status_code +
         " " + status.detail + "\r\n\r\n";
  out +=
      "--" + boundary + "\r\nContent-Type: " +
      (status.full ? (ascii ? "message/rfc822" : "message/global") : (ascii ? "text/rfc822-headers" : "message/global-headers")) +
      "\r\n\r\n" + status.returned + "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace mail_reports
