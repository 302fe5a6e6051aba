// How often chat may be called: the published limits, as a table.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {

/// What a call counts as.
enum class ChatUse {
  kCreateThread,
  kDeleteThread,
  kUpdateThread,
  kChangeParticipants,
  kReadThreads,
  kReadMessage,
  kListMessages,
  kListReceipts,
  kListParticipants,
  kWriteMessage,
  kSendReceipt,
  kTyping,
};

/// Counts calls in windows of ten seconds and of a minute, refused ones too. [any-thread]
class ChatRateLimits {
 public:
  /// False: nothing is limited.
  explicit ChatRateLimits(bool enabled) : enabled_(enabled) {}
  /// Throws kResourceExhausted with the time after which trying again helps. `thread` is empty where there is none.
  void count(ChatUse use, Time now, std::int64_t resource, std::string_view user, std::string_view thread);

 private:
  struct Window {
    std::int64_t index = -1;  // number of the window since 1970
    std::int32_t used = 0;
  };
  void charge(const std::string& key, Time now, std::int64_t seconds, std::int32_t limit, std::string_view what);
  void clean(Time now);

  const bool enabled_;
  std::mutex mutex_;
  std::map<std::string, Window, std::less<>> windows_;
  std::size_t clean_at_ = 4096;
};

}  // namespace trunkline
