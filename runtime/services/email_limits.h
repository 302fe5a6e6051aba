// How often mail may be sent and asked about: the published limits, as a table.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {

enum class EmailUse { kSend, kGetStatus };

/// Counts requests in windows of a minute and of an hour, refused ones too. [any-thread]
class EmailRateLimits {
 public:
  /// False: nothing is limited.
  explicit EmailRateLimits(bool enabled) : enabled_(enabled) {}
  /// `scope`: who shares the limit, such as a subscription. Throws kResourceExhausted with the time after which trying again
  /// helps.
  void count(EmailUse use, bool managed_domain, Time now, std::string_view scope);

 private:
  struct Window {
    std::int64_t index = -1;  // number of the window since 1970
    std::int32_t used = 0;
  };

  const bool enabled_;
  std::mutex mutex_;
  std::map<std::string, Window, std::less<>> windows_;
};

}  // namespace trunkline
