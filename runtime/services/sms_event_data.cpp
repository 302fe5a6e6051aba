#include "runtime/services/sms_event_data.h"

#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/clock/clock.h"

namespace trunkline {
namespace {

/// Codes of the published delivery status list; the words are ours.
struct Detail {
  sms::FailureReason reason;
  const char* text;
};
constexpr Detail kDetails[] = {
    {sms::FailureReason::kBadSender, "4001: the source number cannot be used"},
    {sms::FailureReason::kBadDestination, "4004: the destination number does not exist"},
    {sms::FailureReason::kBlocked, "4005: blocked by the carrier"},
    {sms::FailureReason::kUnreachable, "4006: the handset cannot be reached"},
    {sms::FailureReason::kOptedOut, "4007: the recipient opted out"},
    {sms::FailureReason::kOverQuota, "4008: over quota"},
    {sms::FailureReason::kTemporary, "5001: a temporary failure"},
    {sms::FailureReason::kNoReport, "5002: the carrier gave no report"},
    {sms::FailureReason::kUnspecified, "5000: an unspecified failure"},
};

}  // namespace

std::string phone_number_subject(std::string_view number) {
  if (!number.empty() && number.front() == '+') number.remove_prefix(1);
  return "/phonenumber/" + std::string(number);
}

std::string delivery_status_details(sms::MessageState state, sms::FailureReason reason, std::string_view provider_code) {
  if (state == sms::MessageState::kDelivered) return "2000: delivered";
  std::string text = "5000: an unspecified failure";
  for (const Detail& detail : kDetails)
    if (detail.reason == reason) text = detail.text;
  if (!provider_code.empty()) text += " (" + std::string(provider_code) + ")";
  return text;
}

std::string sms_delivery_report_data(const service::SmsRecord& message, sms::MessageState state, sms::FailureReason reason,
                                     std::string_view provider_code, Time at, std::int32_t segments_delivered) {
  const bool delivered = state == sms::MessageState::kDelivered;
  const std::string when = format_rfc3339(std::chrono::floor<std::chrono::microseconds>(at));
  // By hand, for it is made on the thread that all writes share. Members in the order of their names, as everywhere.
  std::string out;
  out.reserve(512);
  out += R"({"deliveryAttempts":[{"segmentsFailed":)";
  out += std::to_string(delivered ? message.segments - segments_delivered : message.segments);
  out += R"(,"segmentsSucceeded":)";
  out += std::to_string(delivered ? segments_delivered : 0);
  out += R"(,"timestamp":)";
  append_json_string(out, when);
  out += R"(}],"deliveryStatus":)";
  append_json_string(out, delivered ? "Delivered" : "Failed");
  out += R"(,"deliveryStatusDetails":)";
  append_json_string(out, delivery_status_details(state, reason, provider_code));
  out += R"(,"from":)";
  append_json_string(out, message.from);
  out += R"(,"messageId":)";
  append_json_string(out, message.message_id);
  out += R"(,"receivedTimestamp":)";
  append_json_string(out, when);
  if (message.tag) {
    out += R"(,"tag":)";
    append_json_string(out, *message.tag);
  }
  out += R"(,"to":)";
  append_json_string(out, message.to);
  out += '}';
  return out;
}

std::string sms_received_data(std::string_view message_id, const sms::InboundSms& message) {
  nlohmann::json data;
  data["messageId"] = message_id;
  data["from"] = message.from;
  data["to"] = message.to;
  data["message"] = message.text;
  data["receivedTimestamp"] = format_rfc3339(std::chrono::floor<std::chrono::microseconds>(message.received_at));
  data["segmentCount"] = message.segments;
  return data.dump();
}

}  // namespace trunkline
