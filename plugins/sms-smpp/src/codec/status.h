// Status codes of SMPP 3.4 (5.1.3) and what they mean for a message.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "trunkline/sms.hpp"

namespace smpp {

namespace status {
inline constexpr std::uint32_t kOk = 0x00, kInvalidMessageLength = 0x01, kInvalidCommandLength = 0x02, kInvalidCommand = 0x03,
                               kInvalidBindStatus = 0x04, kAlreadyBound = 0x05, kSystemError = 0x08, kInvalidSource = 0x0A,
                               kInvalidDestination = 0x0B, kInvalidMessageId = 0x0C, kBindFailed = 0x0D, kInvalidPassword = 0x0E,
                               kInvalidSystemId = 0x0F, kCancelFailed = 0x11, kQueueFull = 0x14, kInvalidServiceType = 0x15,
                               kInvalidEsmClass = 0x43, kSubmitFailed = 0x45, kInvalidSourceTon = 0x48, kInvalidSourceNpi = 0x49,
                               kInvalidDestinationTon = 0x50, kInvalidDestinationNpi = 0x51, kInvalidSystemType = 0x53,
                               kThrottled = 0x58, kInvalidSchedule = 0x61, kInvalidExpiry = 0x62, kTemporaryAppError = 0x64,
                               kPermanentAppError = 0x65, kRejectedByApp = 0x66, kQueryFailed = 0x67, kInvalidOptional = 0xC0,
                               kOptionalNotAllowed = 0xC1, kInvalidParameterLength = 0xC2, kMissingParameter = 0xC3,
                               kInvalidParameterValue = 0xC4, kUnknownError = 0xFF,
                               // What command_length and the lengths within a body share.
    kInvalidLength = kInvalidCommandLength;
}  // namespace status

struct StatusMeaning {
  std::uint32_t status;
  std::string_view name;  // of the specification, such as ESME_RTHROTTLED
  trunkline::sms::FailureReason reason;
  /// Sending it again later can help.
  bool retryable;
};

/// Codes that the specification does not have: `unspecified`, not retryable.
const StatusMeaning& meaning_of(std::uint32_t status);
/// `0x00000058 ESME_RTHROTTLED`; without a name where there is none.
std::string status_code(std::uint32_t status);
/// The peer has no room now: throttling or a full queue.
bool is_throttling(std::uint32_t status);

}  // namespace smpp
