#include "content.h"

#include <array>
#include <nlohmann/json.hpp>

namespace chat_matrix {

using trunkline::chat::Attachment;
using trunkline::chat::AttachmentKind;
using trunkline::chat::MessageKind;

namespace {

constexpr const char* kHtmlFormat = "org.matrix.custom.html";
constexpr std::size_t kMaxFallback = 4096;

json attachment_json(const Attachment& attachment) {
  json out{{"id", attachment.id}, {"kind", attachment.kind == AttachmentKind::kImage ? "image" : "file"}};
  if (attachment.name) out["name"] = *attachment.name;
  if (attachment.url) out["url"] = *attachment.url;
  if (attachment.preview_url) out["preview_url"] = *attachment.preview_url;
  return out;
}

std::optional<std::string> optional_text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

Attachment read_attachment(const json& in) {
  Attachment attachment;
  attachment.id = text_of(in, "id");
  attachment.kind = text_of(in, "kind") == "image" ? AttachmentKind::kImage : AttachmentKind::kFile;
  attachment.name = optional_text(in, "name");
  attachment.url = optional_text(in, "url");
  attachment.preview_url = optional_text(in, "preview_url");
  return attachment;
}

void read_our_content(const json& content, const json& more, ChatMessage& message) {
  const bool html = text_of(more, "kind") == "html";
  message.kind = html ? MessageKind::kHtml : MessageKind::kText;
  message.content = text_of(content, html ? "formatted_body" : "body");
  message.sender_display_name = optional_text(more, "sender_display_name");
  for (const auto& [name, value] : object_of(more, "metadata").items())
    if (value.is_string()) message.metadata[name] = value.get<std::string>();
  for (const json& attachment : list_of(more, "attachments"))
    if (attachment.is_object()) message.attachments.push_back(read_attachment(attachment));
}

std::size_t utf8_boundary(std::string_view text, std::size_t size) {
  if (size >= text.size()) return text.size();
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return size;
}

}  // namespace

std::string plain_text(std::string_view html) {
  constexpr std::array<std::pair<std::string_view, char>, 6> kEntities = {
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}, {"&nbsp;", ' '}, {"&amp;", '&'}}};
  std::string text;
  for (std::size_t i = 0; i < html.size() && text.size() < kMaxFallback; ++i) {
    if (html[i] == '<') {
      const std::size_t end = html.find('>', i);
      if (end == std::string_view::npos) break;
      const std::string_view tag = html.substr(i, end - i);
      if (tag.starts_with("<br") || tag == "</p" || tag == "</div" || tag == "</li") text += '\n';
      i = end;
      continue;
    }
    bool found = false;
    for (const auto& [name, c] : kEntities)
      if (html[i] == '&' && html.substr(i).starts_with(name)) {
        text += c;
        i += name.size() - 1;
        found = true;
        break;
      }
    if (!found) text += html[i];
  }
  text.resize(utf8_boundary(text, kMaxFallback));
  return text;
}

json event_content(const ChatMessage& message) {
  const std::string content = message.content.value_or("");
  json out{{"msgtype", "m.text"}};
  json more{{"kind", "text"}};
  if (message.kind == MessageKind::kHtml) {
    more["kind"] = "html";
    out["body"] = plain_text(content);
    out["format"] = kHtmlFormat;
    out["formatted_body"] = content;
  } else {
    out["body"] = content;
  }
  if (message.sender_display_name) more["sender_display_name"] = *message.sender_display_name;
  if (!message.metadata.empty()) more["metadata"] = message.metadata;
  for (const Attachment& attachment : message.attachments) more["attachments"].push_back(attachment_json(attachment));
  out[kMessageKey] = std::move(more);
  return out;
}

json edit_content(const ChatMessage& message, const std::string& event) {
  json fresh = event_content(message);
  // The fallback stands twice in the event, whose size is limited: clients that know no edits get the beginning.
  const std::string body = text_of(fresh, "body");
  json out{{"msgtype", "m.text"}, {"body", "* " + body.substr(0, utf8_boundary(body, kMaxFallback))}};
  out["m.new_content"] = std::move(fresh);
  out["m.relates_to"] = {{"rel_type", "m.replace"}, {"event_id", event}};
  return out;
}

void read_content(const json& content, bool ours, ChatMessage& message) {
  const json& more = object_of(content, kMessageKey);
  if (ours && !more.empty()) return read_our_content(content, more, message);
  message.kind = MessageKind::kText;
  message.content = text_of(content, "body");
  const std::string type = text_of(content, "msgtype");
  const bool image = type == "m.image";
  const std::string url = text_of(content, "url");
  if (url.empty() || !(image || type == "m.file" || type == "m.audio" || type == "m.video")) return;
  Attachment& attachment = message.attachments.emplace_back();
  attachment.id = "0";
  attachment.kind = image ? AttachmentKind::kImage : AttachmentKind::kFile;
  const std::string name = text_of(content, "filename");
  attachment.name = name.empty() ? *message.content : name;
  attachment.url = url;
}

bool is_redacted(const json& event) { return !object_of(object_of(event, "unsigned"), "redacted_because").empty(); }

void read_event(const json& event, bool ours, ChatMessage& message) {
  if (is_redacted(event)) {
    const json& because = object_of(object_of(event, "unsigned"), "redacted_because");
    if (!message.deleted_on) message.deleted_on = Time{std::chrono::milliseconds{number_of(because, "origin_server_ts")}};
    return;
  }
  const json& replacement = object_of(object_of(object_of(event, "unsigned"), "m.relations"), "m.replace");
  const json& fresh = object_of(object_of(replacement, "content"), "m.new_content");
  // Another sender's replacement is none.
  const bool edited = !fresh.empty() && text_of(replacement, "sender") == text_of(event, "sender");
  read_content(edited ? fresh : object_of(event, "content"), ours, message);
}

std::string replaced_event(const json& event) {
  const json& relation = object_of(object_of(event, "content"), "m.relates_to");
  return text_of(relation, "rel_type") == "m.replace" ? text_of(relation, "event_id") : std::string();
}

}  // namespace chat_matrix
