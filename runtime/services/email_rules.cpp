#include "runtime/services/email_rules.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"
#include "trunkline/mail.hpp"

namespace trunkline::email_rules {
namespace {

using email::EmailAttachment;
using email::Mailbox;
using nlohmann::json;
using service::EmailMessage;

constexpr std::size_t kMaxSubjectCharacters = 998;
constexpr std::size_t kMaxHeaders = 50;
constexpr std::size_t kMaxHeaderBytes = 8 * 1024;
constexpr std::size_t kMaxReplyTo = 50;
constexpr std::size_t kMaxNameBytes = 1024;

/// Headers that the mail has of itself, or that only servers on its way may write.
constexpr std::array<std::string_view, 15> kReserved = {
    "from",       "sender",     "to",           "cc",          "bcc",      "reply-to",       "subject",
    "date",       "message-id", "mime-version", "return-path", "received", "dkim-signature", "authentication-results",
    "resent-from"};
/// Programs: mail servers refuse them anyhow.
constexpr std::array<std::string_view, 22> kPrograms = {"ade", "adp", "bat", "chm", "cmd", "com", "cpl", "exe",
                                                        "hta", "ins", "isp", "jar", "js",  "jse", "lnk", "msi",
                                                        "msp", "pif", "ps1", "scr", "vbe", "vbs"};

Error bad(std::string message, std::string target, const char* code = "BadRequest") {
  return Error(ErrorCode::kInvalidArgument, std::move(message), std::move(target)).with_service_code(code);
}

void check_text(const std::string& text, const std::string& target) {
  if (!utf8_valid(text)) throw bad(target + " is not valid UTF-8", target);
}

void check_line(const std::string& text, const std::string& target) {
  check_text(text, target);
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
    throw bad(target + " holds a line break or NUL", target);
}

void check_mailboxes(const std::vector<Mailbox>& boxes, const std::string& target) {
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const std::string at = target + "[" + std::to_string(i) + "]";
    check_text(boxes[i].address, at + ".address");
    if (!mail::is_address(boxes[i].address))
      throw bad(at + ".address: '" + boxes[i].address.substr(0, 320) + "' is no email address", at + ".address");
    if (!boxes[i].display_name) continue;
    check_line(*boxes[i].display_name, at + ".displayName");
    if (boxes[i].display_name->size() > kMaxNameBytes)
      throw bad(at + ".displayName is longer than 1024 bytes", at + ".displayName");
  }
}

void check_headers(const EmailMessage& message) {
  static const trunkline::Properties kNone;
  const trunkline::Properties& headers = message.headers ? *message.headers : kNone;
  if (headers.size() > kMaxHeaders)
    throw bad("headers holds " + std::to_string(headers.size()) + " headers; at most 50 are allowed", "headers");
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers) {
    const std::string target = "headers." + name.substr(0, 80);
    if (name.empty() || name.size() > 76 ||
        !std::all_of(name.begin(), name.end(), [](char c) { return c > 32 && c < 127 && c != ':'; }))
      throw bad("'" + name.substr(0, 80) + "' is no header name", "headers");
    const std::string lower = to_lower(name);
    if (std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end() || lower.starts_with("content-"))
      throw bad("the header " + name + " cannot be set by hand", target);
    check_line(value, target);
    bytes += name.size() + value.size();
  }
  if (bytes > kMaxHeaderBytes) throw bad("headers holds more than 8 KiB", "headers");
  // RFC 8058 section 2: one click means a POST to an https link of the other header.
  const auto find = [&](std::string_view wanted) -> const std::string* {
    for (const auto& [name, value] : headers)
      if (iequals(name, wanted)) return &value;
    return nullptr;
  };
  const std::string* const post = find("List-Unsubscribe-Post");
  const std::string* const link = find("List-Unsubscribe");
  if (post && *post != "List-Unsubscribe=One-Click")
    throw bad("List-Unsubscribe-Post is '" + post->substr(0, 80) + "', wanted List-Unsubscribe=One-Click",
              "headers.List-Unsubscribe-Post");
  if (post && (!link || ifind(*link, "<https://") == std::string::npos))
    throw bad("List-Unsubscribe-Post needs a List-Unsubscribe with an https link", "headers.List-Unsubscribe");
  if (message.unsubscribe && (post || link))
    throw bad("unsubscribe writes List-Unsubscribe itself; leave the header out", "headers.List-Unsubscribe");
}

bool is_media_type(std::string_view type) {
  const std::string_view essence = type.substr(0, type.find(';'));
  const auto slash = essence.find('/');
  return slash != std::string_view::npos && slash > 0 && slash + 1 < essence.size() &&
         std::all_of(essence.begin(), essence.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
                  std::string_view("!#$&-^_.+/ ").find(c) != std::string_view::npos;
         });
}

void check_attachments(const EmailMessage& message) {
  for (std::size_t i = 0; i < message.attachments.size(); ++i) {
    const EmailAttachment& file = message.attachments[i];
    const std::string at = "attachments[" + std::to_string(i) + "]";
    if (file.name.empty() || file.name.size() > 255)
      throw bad(at + ".name has " + std::to_string(file.name.size()) + " bytes, wanted 1 to 255", at + ".name");
    check_line(file.name, at + ".name");
    check_line(file.content_type, at + ".contentType");
    if (!is_media_type(file.content_type))
      throw bad(at + ".contentType: '" + file.content_type.substr(0, 120) + "' is no media type", at + ".contentType",
                "InvalidAttachmentType");
    const auto dot = file.name.rfind('.');
    const std::string extension = dot == std::string::npos ? "" : to_lower(file.name.substr(dot + 1));
    if (std::find(kPrograms.begin(), kPrograms.end(), extension) != kPrograms.end())
      throw bad(at + ".name: files of the type ." + extension + " are not sent", at + ".name", "InvalidAttachmentType");
    if (!file.content_id) continue;
    check_line(*file.content_id, at + ".contentId");
    if (file.content_id->empty() || file.content_id->size() > 255 || file.content_id->find_first_of("<> ") != std::string::npos ||
        std::any_of(file.content_id->begin(), file.content_id->end(), [](char c) { return static_cast<unsigned char>(c) > 126; }))
      throw bad(at + ".contentId: '" + file.content_id->substr(0, 120) + "' is no content id", at + ".contentId");
  }
}

json mailboxes_json(const std::vector<Mailbox>& boxes) {
  json out = json::array();
  for (const Mailbox& box : boxes) {
    json one;
    one["address"] = box.address;
    if (box.display_name) one["name"] = *box.display_name;
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<Mailbox> mailboxes(const json& list) {
  std::vector<Mailbox> out;
  for (const json& one : list) {
    Mailbox& box = out.emplace_back();
    box.address = one["address"].get<std::string>();
    if (one.contains("name")) box.display_name = one["name"].get<std::string>();
  }
  return out;
}

}  // namespace

void check(const EmailMessage& message) {
  if (!mail::is_address(message.sender_address))
    throw bad("senderAddress: '" + message.sender_address.substr(0, 320) +
                  "' is no plain email address; the display name comes from the sender username",
              "senderAddress");
  check_line(message.subject, "content.subject");
  if (message.subject.empty()) throw bad("content.subject is empty", "content.subject");
  if (utf16_length(message.subject) > kMaxSubjectCharacters)
    throw bad("content.subject has more than 998 characters", "content.subject");
  const bool has_text = message.plain_text && !message.plain_text->empty();
  const bool has_html = message.html && !message.html->empty();
  if (!has_text && !has_html) throw bad("content needs plainText or html", "content");
  if (message.plain_text) check_text(*message.plain_text, "content.plainText");
  if (message.html) check_text(*message.html, "content.html");
  const std::size_t count = message.to.size() + message.cc.size() + message.bcc.size();
  if (count == 0) throw bad("recipients needs at least one recipient", "recipients");
  if (count > kMaxRecipients)
    throw bad("recipients holds " + std::to_string(count) + " recipients; at most 50 are allowed", "recipients");
  check_mailboxes(message.to, "recipients.to");
  check_mailboxes(message.cc, "recipients.cc");
  check_mailboxes(message.bcc, "recipients.bcc");
  if (message.reply_to.size() > kMaxReplyTo) throw bad("replyTo holds more than 50 addresses", "replyTo");
  check_mailboxes(message.reply_to, "replyTo");
  check_headers(message);
  check_attachments(message);
  std::size_t bytes = message.subject.size() + message.plain_text.value_or("").size() + message.html.value_or("").size();
  for (const EmailAttachment& file : message.attachments) bytes += (file.content.size() + 2) / 3 * 4 + file.name.size();
  if (bytes > kMaxRequestBytes)
    throw Error(ErrorCode::kInvalidArgument,
                "the mail has " + std::to_string(bytes) + " bytes with its files in base64; at most 10485760 are allowed",
                "attachments")
        .with_http_status(413)
        .with_service_code("RequestEntityTooLarge");
}

std::vector<std::string> recipients(const EmailMessage& message) {
  std::vector<std::string> all;
  for (const auto* boxes : {&message.to, &message.cc, &message.bcc})
    for (const Mailbox& box : *boxes)
      if (std::none_of(all.begin(), all.end(), [&](const std::string& known) { return iequals(known, box.address); }))
        all.push_back(box.address);
  return all;
}

std::string to_json(const EmailMessage& message) {
  json out;
  out["sender"] = message.sender_address;
  out["subject"] = message.subject;
  if (message.plain_text) out["text"] = *message.plain_text;
  if (message.html) out["html"] = *message.html;
  out["to"] = mailboxes_json(message.to);
  out["cc"] = mailboxes_json(message.cc);
  out["bcc"] = mailboxes_json(message.bcc);
  out["reply_to"] = mailboxes_json(message.reply_to);
  out["headers"] = json::object();
  if (message.headers)
    for (const auto& [name, value] : *message.headers) out["headers"][name] = value;
  out["files"] = json::array();
  for (const EmailAttachment& file : message.attachments) {
    json one;
    one["name"] = file.name;
    one["type"] = file.content_type;
    if (file.content_id) one["id"] = *file.content_id;
    one["content"] = base64_encode(std::span<const std::uint8_t>(file.content));
    out["files"].push_back(std::move(one));
  }
  out["untracked"] = message.disable_tracking;
  out["unsubscribe"] = message.unsubscribe;
  return out.dump();
}

EmailMessage from_json(std::string_view text) {
  const json in = json::parse(text);
  EmailMessage message;
  message.sender_address = in.at("sender").get<std::string>();
  message.subject = in.at("subject").get<std::string>();
  if (in.contains("text")) message.plain_text = in["text"].get<std::string>();
  if (in.contains("html")) message.html = in["html"].get<std::string>();
  message.to = mailboxes(in.at("to"));
  message.cc = mailboxes(in.at("cc"));
  message.bcc = mailboxes(in.at("bcc"));
  message.reply_to = mailboxes(in.at("reply_to"));
  if (const json& headers = in.at("headers"); !headers.empty()) {
    message.headers.emplace();
    for (const auto& [name, value] : headers.items()) (*message.headers)[name] = value.get<std::string>();
  }
  for (const json& one : in.at("files")) {
    EmailAttachment& file = message.attachments.emplace_back();
    file.name = one["name"].get<std::string>();
    file.content_type = one["type"].get<std::string>();
    if (one.contains("id")) file.content_id = one["id"].get<std::string>();
    const std::string content = base64_decode(one["content"].get_ref<const std::string&>()).value_or("");
    file.content.assign(content.begin(), content.end());
  }
  message.disable_tracking = in.at("untracked").get<bool>();
  message.unsubscribe = in.at("unsubscribe").get<bool>();
  return message;
}

}  // namespace trunkline::email_rules
