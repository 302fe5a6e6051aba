// Reading mail with GMime, which has met every malformed mail there is.
#include <gmime/gmime.h>

#include <algorithm>
#include <mutex>

#include "trunkline/mail.hpp"

namespace trunkline::mail {
namespace {

template <class T>
struct Unref {
  void operator()(T* object) const { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, Unref<T>>;

void start_gmime() {
  static std::once_flag once;
  std::call_once(once, [] { g_mime_init(); });
}

std::string text_of(const char* text) { return text ? std::string(text) : std::string(); }

std::string valid_utf8(std::string text) {
  if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr)) return text;
  char* fixed = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  std::string out = text_of(fixed);
  g_free(fixed);
  return out;
}

std::string with_brackets(const char* id) { return id && *id ? "<" + std::string(id) + ">" : std::string(); }

Object<GMimeMessage> read_message(std::string_view raw) {
  start_gmime();
  const Object<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(raw.data(), raw.size()));
  const Object<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  return Object<GMimeMessage>(g_mime_parser_construct_message(parser.get(), nullptr));
}

std::string content_of(GMimePart* part) {
  GMimeDataWrapper* content = g_mime_part_get_content(part);
  if (!content) return {};
  GByteArray* bytes = g_byte_array_new();
  const Object<GMimeStream> memory(g_mime_stream_mem_new_with_byte_array(bytes));
  g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(memory.get()), TRUE);
  g_mime_data_wrapper_write_to_stream(content, memory.get());
  return {reinterpret_cast<const char*>(bytes->data), bytes->len};
}

std::string text_content(GMimePart* part) {
  if (!GMIME_IS_TEXT_PART(part)) return valid_utf8(content_of(part));
  char* text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
  if (!text) return valid_utf8(content_of(part));
  std::string out = valid_utf8(text);
  g_free(text);
  return out;
}

void collect(InternetAddressList* list, std::vector<std::string>& out) {
  const int count = list ? internet_address_list_length(list) : 0;
  for (int i = 0; i < count; ++i) {
    InternetAddress* address = internet_address_list_get_address(list, i);
    if (INTERNET_ADDRESS_IS_MAILBOX(address))
      out.push_back(text_of(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address))));
    else if (INTERNET_ADDRESS_IS_GROUP(address))
      collect(internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)), out);
  }
}

void take_part(GMimeObject* object, Parsed& out) {
  if (GMIME_IS_MULTIPART(object)) {
    GMimeMultipart* parts = GMIME_MULTIPART(object);
    for (int i = 0; i < g_mime_multipart_get_count(parts); ++i) take_part(g_mime_multipart_get_part(parts, i), out);
    return;
  }
  GMimeContentType* type = g_mime_object_get_content_type(object);
  char* mime = g_mime_content_type_get_mime_type(type);
  const std::string content_type = text_of(mime);
  g_free(mime);
  if (GMIME_IS_MESSAGE_PART(object)) {
    File file;
    file.content_type = content_type;
    char* text = g_mime_object_to_string(object, nullptr);
    file.content = text_of(text);
    g_free(text);
    out.files.push_back(std::move(file));
    return;
  }
  if (!GMIME_IS_PART(object)) return;
  GMimePart* part = GMIME_PART(object);
  const char* name = g_mime_part_get_filename(part);
  const bool attached = g_mime_part_is_attachment(part) || name;
  if (!attached && !out.plain_text && g_mime_content_type_is_type(type, "text", "plain")) {
    out.plain_text = text_content(part);
  } else if (!attached && !out.html && g_mime_content_type_is_type(type, "text", "html")) {
    out.html = text_content(part);
  } else {
    File file;
    file.name = valid_utf8(text_of(name));
    file.content_type = content_type;
    file.content_id = text_of(g_mime_object_get_content_id(object));
    file.content = content_of(part);
    out.files.push_back(std::move(file));
  }
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && g_ascii_strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && g_ascii_isspace(text.front())) text.remove_prefix(1);
  while (!text.empty() && g_ascii_isspace(text.back())) text.remove_suffix(1);
  return std::string(text);
}

void add_headers(GMimeHeaderList* headers, std::vector<std::string>& out) {
  for (int i = 0; i < g_mime_header_list_get_count(headers); ++i) {
    GMimeHeader* header = g_mime_header_list_get_header_at(headers, i);
    std::string value = text_of(g_mime_header_get_value(header));
    std::replace_if(
        value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    out.push_back(valid_utf8(text_of(g_mime_header_get_name(header)) + ": " + trimmed(value)));
  }
}

using Fields = std::map<std::string, std::string>;  // names in lower case

/// Blocks of header fields, separated by empty lines.
std::vector<Fields> field_blocks(std::string_view text) {
  std::vector<Fields> blocks(1);
  std::string* last = nullptr;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      if (!blocks.back().empty()) blocks.emplace_back();
      last = nullptr;
    } else if ((line.front() == ' ' || line.front() == '\t') && last) {
      *last += " " + trimmed(line);
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(), g_ascii_tolower);
      last = &blocks.back()[name];
      *last = trimmed(line.substr(colon + 1));
    }
  }
  if (blocks.back().empty()) blocks.pop_back();
  return blocks;
}

std::string field(const Fields& fields, const char* name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

/// What stands behind the type in `rfc822; user@example.com`, without angle brackets.
std::string typed_value(const std::string& value) {
  const auto semicolon = value.find(';');
  std::string out = trimmed(semicolon == std::string::npos ? value : value.substr(semicolon + 1));
  if (out.size() > 2 && out.front() == '<' && out.back() == '>') out = out.substr(1, out.size() - 2);
  return out;
}

email::EmailState state_of(const std::string& action, const std::string& status) {
  if (same(action, "failed")) return status.starts_with("4.") ? email::EmailState::kFailed : email::EmailState::kBounced;
  if (same(action, "delivered")) return email::EmailState::kDelivered;
  if (same(action, "expanded")) return email::EmailState::kExpanded;
  if (same(action, "relayed") || same(action, "delayed")) return email::EmailState::kSent;
  return email::EmailState::kUnknown;
}

/// `\x{FC}` (RFC 6533 section 3) as the character that it is; controls and spaces, which no address of ours has, stay as written.
std::string decoded_utf8_address(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t end = i + 3;
    gunichar code = 0;
    if (text.compare(i, 3, "\\x{") == 0)
      for (; end < text.size() && end < i + 9 && g_ascii_isxdigit(text[end]); ++end)
        code = code * 16 + static_cast<gunichar>(g_ascii_xdigit_value(text[end]));
    if (end > i + 3 && end < text.size() && text[end] == '}' && g_unichar_validate(code) && code > ' ' &&
        !g_unichar_iscntrl(code)) {
      char utf8[6];
      out.append(utf8, static_cast<std::size_t>(g_unichar_to_utf8(code, utf8)));
      i = end;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string decoded_xtext(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && i + 2 < text.size() && g_ascii_isxdigit(text[i + 1]) && g_ascii_isxdigit(text[i + 2])) {
      out += static_cast<char>(g_ascii_xdigit_value(text[i + 1]) * 16 + g_ascii_xdigit_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The recipient of one block. `Original-Recipient` repeats ORCPT, which is xtext; some write it decoded, as Postfix does, and
/// then `user+ad@` must stay as it is: what the other field says as well, and what would be no text, is taken as written.
std::string recipient_of(const Fields& fields) {
  const std::string original = field(fields, "original-recipient");
  const std::string last = typed_value(field(fields, "final-recipient"));
  const std::string address = typed_value(original);
  if (address.empty()) return decoded_utf8_address(last);
  if (same(trimmed(std::string_view(original).substr(0, original.find(';'))), "utf-8")) return decoded_utf8_address(address);
  if (same(address, last)) return address;
  std::string decoded = decoded_xtext(address);
  const bool text = std::none_of(decoded.begin(), decoded.end(), [](char c) { return (c >= 0 && c <= 32) || c == 127; }) &&
                    g_utf8_validate(decoded.data(), static_cast<gssize>(decoded.size()), nullptr);
  return text ? decoded : address;
}

}  // namespace

std::string Parsed::header(std::string_view name) const {
  for (const std::string& line : headers)
    if (const auto colon = line.find(':'); colon != std::string::npos && same(std::string_view(line).substr(0, colon), name))
      return trimmed(std::string_view(line).substr(colon + 1));
  return {};
}

Parsed parse(std::string_view raw) {
  Parsed out;
  const Object<GMimeMessage> message = read_message(raw);
  if (!message) return out;
  out.subject = valid_utf8(text_of(g_mime_message_get_subject(message.get())));
  std::vector<std::string> from;
  collect(g_mime_message_get_from(message.get()), from);
  if (!from.empty()) out.from = from.front();
  collect(g_mime_message_get_to(message.get()), out.to);
  collect(g_mime_message_get_cc(message.get()), out.cc);
  out.message_id = with_brackets(g_mime_message_get_message_id(message.get()));
  GMimeObject* const root = g_mime_message_get_mime_part(message.get());
  add_headers(g_mime_object_get_header_list(GMIME_OBJECT(message.get())), out.headers);
  if (root) add_headers(g_mime_object_get_header_list(root), out.headers);
  const std::string reply = out.header("In-Reply-To");
  out.in_reply_to = reply.substr(0, reply.find(' '));
  if (!root) return out;
  char* mime = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(root));
  out.content_type = text_of(mime);
  g_free(mime);
  std::transform(out.content_type.begin(), out.content_type.end(), out.content_type.begin(), g_ascii_tolower);
  take_part(root, out);
  return out;
}

std::vector<StatusReport> read_status_reports(std::string_view raw) {
  std::vector<StatusReport> reports;
  const Parsed mail = parse(raw);
  if (mail.content_type != "multipart/report") return reports;
  std::string original_id;
  for (const File& file : mail.files) {
    if (!same(file.content_type, "message/rfc822") && !same(file.content_type, "text/rfc822-headers") &&
        !same(file.content_type, "message/global") && !same(file.content_type, "message/global-headers"))
      continue;
    // The part's own headers come first.
    for (const Fields& fields : field_blocks(file.content))
      if (const std::string id = field(fields, "message-id"); !id.empty() && original_id.empty()) original_id = id;
  }
  for (const File& file : mail.files) {
    if (same(file.content_type, "message/delivery-status") || same(file.content_type, "message/global-delivery-status")) {
      const std::vector<Fields> blocks = field_blocks(file.content);
      std::string envelope_id;
      for (const Fields& fields : blocks) {
        if (const std::string id = field(fields, "original-envelope-id"); !id.empty()) envelope_id = decoded_xtext(id);
        std::string recipient = recipient_of(fields);
        if (recipient.empty()) continue;
        StatusReport& report = reports.emplace_back();
        report.recipient = std::move(recipient);
        report.status_code = field(fields, "status");
        report.status_code = report.status_code.substr(0, report.status_code.find(' '));
        report.state = state_of(field(fields, "action"), report.status_code);
        report.diagnostic = valid_utf8(typed_value(field(fields, "diagnostic-code")));
        report.original_message_id = original_id;
        report.envelope_id = envelope_id;
      }
    } else if (same(file.content_type, "message/feedback-report")) {
      for (const Fields& fields : field_blocks(file.content)) {
        if (field(fields, "feedback-type").empty()) continue;
        StatusReport& report = reports.emplace_back();
        report.recipient = typed_value(field(fields, "original-rcpt-to"));
        report.state = email::EmailState::kComplained;
        report.diagnostic = field(fields, "feedback-type");
        report.original_message_id = original_id;
      }
    }
  }
  return reports;
}

}  // namespace trunkline::mail
