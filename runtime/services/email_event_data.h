// The Event Grid events of mail: type, subject and data as Azure Communication Services publishes them, and ours for mail that
// came.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "trunkline/email.hpp"
#include "trunkline/mail.hpp"
#include "trunkline/service.hpp"

namespace trunkline {

inline constexpr const char* kEmailDeliveryReportType = "Microsoft.Communication.EmailDeliveryReportReceived";
inline constexpr const char* kEmailEngagementType = "Microsoft.Communication.EmailEngagementTrackingReportReceived";
/// Azure has no event for mail that comes in.
inline constexpr const char* kEmailReceivedType = "Trunkline.EmailReceived";

/// `sender/{address}/message/{id}`.
std::string email_subject(std::string_view sender, std::string_view message_id);
/// The published word of a state that ends a mail, such as `Bounced`; empty for the others.
std::string_view delivery_status_word(email::EmailState state);
std::string email_report_data(const service::EmailOperation& operation, std::string_view recipient, email::EmailState state,
                              const std::optional<std::string>& status_code, const std::optional<std::string>& detail, Time at);
std::string email_engagement_data(std::string_view sender, std::string_view message_id, const email::EmailEngagement& engagement);
/// Text is cut at 64 KiB each, so that the event stays below what may be delivered; `truncated` tells.
std::string email_received_data(const service::ReceivedEmail& mail, const mail::Parsed& parsed);

}  // namespace trunkline
