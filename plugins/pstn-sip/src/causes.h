// Q.850 causes and SIP statuses (RFC 3398).
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace pstn_sip {

inline constexpr std::int32_t kCauseNormal = 16;
inline constexpr std::int32_t kCauseBusy = 17;
inline constexpr std::int32_t kCauseNoAnswer = 19;
inline constexpr std::int32_t kCauseRejected = 21;
inline constexpr std::int32_t kCauseTemporary = 41;
inline constexpr std::int32_t kCauseIncompatible = 88;
inline constexpr std::int32_t kCauseTimer = 102;

std::int32_t cause_of_status(int status);
/// What a call that is not answered yet is refused with.
int status_of_cause(std::int32_t cause);
/// The cause of a header such as `Q.850;cause=17;text="busy"`.
std::optional<std::int32_t> cause_of_reason(std::string_view reason);
/// Another trunk may do better.
bool is_trunk_failure(int status);

}  // namespace pstn_sip
