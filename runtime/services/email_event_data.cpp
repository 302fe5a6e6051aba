#include "runtime/services/email_event_data.h"

#include <nlohmann/json.hpp>

#include "runtime/base/time_text.h"

namespace trunkline {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTextBytes = 64 * 1024;
constexpr std::size_t kMaxFiles = 100;

std::string when(Time at) { return format_rfc3339(std::chrono::floor<std::chrono::microseconds>(at)); }

/// Cut before a character, not within.
std::string cut(const std::string& text, bool& truncated) {
  if (text.size() <= kMaxTextBytes) return text;
  truncated = true;
  std::size_t size = kMaxTextBytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

std::string email_subject(std::string_view sender, std::string_view message_id) {
  return "sender/" + std::string(sender) + "/message/" + std::string(message_id);
}

std::string_view delivery_status_word(email::EmailState state) {
  switch (state) {
    case email::EmailState::kDelivered:
      return "Delivered";
    case email::EmailState::kBounced:
      return "Bounced";
    case email::EmailState::kSuppressed:
      return "Suppressed";
    case email::EmailState::kFilteredSpam:
      return "FilteredSpam";
    case email::EmailState::kQuarantined:
      return "Quarantined";
    case email::EmailState::kExpanded:
      return "Expanded";
    case email::EmailState::kFailed:
      return "Failed";
    default:
      return {};
  }
}

std::string email_report_data(const service::EmailOperation& operation, std::string_view recipient, email::EmailState state,
                              const std::optional<std::string>& status_code, const std::optional<std::string>& detail, Time at) {
  json data;
  data["sender"] = operation.sender_address;
  data["recipient"] = recipient;
  data["internetMessageId"] = operation.internet_message_id;
  data["messageId"] = operation.operation_id;
  data["status"] = delivery_status_word(state);
  std::string words = status_code.value_or("");
  if (detail && !detail->empty()) words += (words.empty() ? "" : " ") + *detail;
  data["deliveryStatusDetails"]["statusMessage"] = words;
  // The schema wants it; providers tell what the server said, not which one it was.
  data["deliveryStatusDetails"]["recipientMailServerHostName"] = "";
  data["deliveryAttemptTimestamp"] = when(at);
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string email_engagement_data(std::string_view sender, std::string_view message_id,
                                  const email::EmailEngagement& engagement) {
  json data;
  data["sender"] = sender;
  data["recipient"] = engagement.recipient;
  data["messageId"] = message_id;
  data["userActionTimestamp"] = when(engagement.at);
  data["engagementContext"] = engagement.url.value_or("");
  data["userAgent"] = engagement.user_agent.value_or("");
  data["engagementType"] = engagement.kind == email::EngagementKind::kClick ? "click" : "view";
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string email_received_data(const service::ReceivedEmail& mail, const mail::Parsed& parsed) {
  bool truncated = false;
  json data;
  data["messageId"] = mail.message_id;
  data["internetMessageId"] = parsed.message_id;
  data["from"] = parsed.from.empty() ? mail.from : parsed.from;
  data["envelopeFrom"] = mail.from;
  data["recipients"] = mail.to;
  data["to"] = parsed.to;
  data["cc"] = parsed.cc;
  data["subject"] = cut(mail.subject, truncated);
  if (!parsed.in_reply_to.empty()) data["inReplyTo"] = parsed.in_reply_to;
  if (parsed.plain_text) data["plainText"] = cut(*parsed.plain_text, truncated);
  if (parsed.html) data["html"] = cut(*parsed.html, truncated);
  data["attachments"] = json::array();
  for (const mail::File& file : parsed.files) {
    if (data["attachments"].size() == kMaxFiles) break;
    json one;
    one["name"] = file.name.substr(0, 1024);
    one["contentType"] = file.content_type;
    one["sizeInBytes"] = file.content.size();
    if (!file.content_id.empty()) one["contentId"] = file.content_id.substr(0, 1024);
    data["attachments"].push_back(std::move(one));
  }
  data["truncated"] = truncated;
  data["receivedTimestamp"] = when(mail.received_at);
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace trunkline
