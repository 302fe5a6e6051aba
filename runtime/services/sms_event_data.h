// The Event Grid events of text messages: type, subject and data as Azure Communication Services publishes them.
#pragma once
#include <string>
#include <string_view>

#include "runtime/services/sms_records.h"

namespace trunkline {

inline constexpr const char* kSmsDeliveryReportType = "Microsoft.Communication.SMSDeliveryReportReceived";
inline constexpr const char* kSmsReceivedType = "Microsoft.Communication.SMSReceived";

/// `/phonenumber/14255550123`: no plus.
std::string phone_number_subject(std::string_view number);
std::string sms_delivery_report_data(const service::SmsRecord& message, sms::MessageState state, sms::FailureReason reason,
                                     std::string_view provider_code, Time at, std::int32_t segments_delivered);
std::string sms_received_data(std::string_view message_id, const sms::InboundSms& message);
/// `4006: the handset cannot be reached`.
std::string delivery_status_details(sms::MessageState state, sms::FailureReason reason, std::string_view provider_code);

}  // namespace trunkline
