#include "runtime/services/email_limits.h"

#include <algorithm>
#include <array>
#include <optional>

namespace trunkline {
namespace {

struct Rule {
  EmailUse use;
  bool managed;
  std::int32_t minute;
  std::int32_t hour;
};

constexpr std::array kRules = {
    Rule{EmailUse::kSend, false, 30, 100},
    Rule{EmailUse::kSend, true, 5, 10},
    Rule{EmailUse::kGetStatus, false, 60, 200},
    Rule{EmailUse::kGetStatus, true, 10, 20},
};

}  // namespace

void EmailRateLimits::count(EmailUse use, bool managed_domain, Time now, std::string_view scope) {
  if (!enabled_) return;
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  const auto rule =
      std::find_if(kRules.begin(), kRules.end(), [&](const Rule& r) { return r.use == use && r.managed == managed_domain; });
  const std::lock_guard lock(mutex_);
  std::optional<Error> refusal;
  for (const auto& [seconds, limit] : {std::pair<std::int64_t, std::int32_t>{60, rule->minute}, {3600, rule->hour}}) {
    const std::int64_t index = second / seconds;
    Window& window = windows_[std::string(scope) + (use == EmailUse::kSend ? "/send/" : "/status/") +
                              (managed_domain ? "managed/" : "custom/") + std::to_string(seconds)];
    if (window.index != index) window = {index, 0};
    if (++window.used <= limit) continue;
    // Both windows count; the longer wait is the one that helps.
    refusal = Error(ErrorCode::kResourceExhausted, "more than " + std::to_string(limit) + " requests of this kind within " +
                                                       (seconds == 60 ? "a minute" : "an hour"))
                  .with_retry(std::chrono::seconds{(index + 1) * seconds - second})
                  .with_service_code("TooManyRequests");
  }
  if (refusal) throw *std::move(refusal);
}

}  // namespace trunkline
