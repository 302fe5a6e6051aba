#include "runtime/services/chat_limits.h"

#include <array>

namespace trunkline {
namespace {

enum class Scope { kUser, kThread, kUserInThread, kResource };

struct Rule {
  ChatUse use;
  Scope scope;
  std::int32_t ten_seconds;  // 0: no limit
  std::int32_t minute;
};

constexpr std::array kRules = {
    Rule{ChatUse::kCreateThread, Scope::kUser, 10, 0},
    Rule{ChatUse::kCreateThread, Scope::kResource, 0, 3000},
    Rule{ChatUse::kDeleteThread, Scope::kUser, 10, 0},
    Rule{ChatUse::kUpdateThread, Scope::kThread, 5, 0},
    Rule{ChatUse::kChangeParticipants, Scope::kThread, 10, 30},
    Rule{ChatUse::kChangeParticipants, Scope::kResource, 0, 3000},
    Rule{ChatUse::kReadThreads, Scope::kUser, 50, 0},
    Rule{ChatUse::kReadMessage, Scope::kUserInThread, 50, 0},
    Rule{ChatUse::kReadMessage, Scope::kThread, 250, 0},
    Rule{ChatUse::kListMessages, Scope::kUserInThread, 50, 200},
    Rule{ChatUse::kListMessages, Scope::kThread, 250, 400},
    Rule{ChatUse::kListReceipts, Scope::kUserInThread, 5, 0},
    Rule{ChatUse::kListReceipts, Scope::kThread, 100, 0},
    Rule{ChatUse::kListParticipants, Scope::kUserInThread, 10, 0},
    Rule{ChatUse::kListParticipants, Scope::kThread, 250, 0},
    Rule{ChatUse::kWriteMessage, Scope::kThread, 10, 30},
    Rule{ChatUse::kSendReceipt, Scope::kUserInThread, 10, 30},
    Rule{ChatUse::kTyping, Scope::kUserInThread, 5, 15},
    Rule{ChatUse::kTyping, Scope::kThread, 10, 30},
};

std::string key_of(const Rule& rule, std::size_t index, std::int64_t resource, std::string_view user, std::string_view thread) {
  std::string key = std::to_string(index) + '/' + std::to_string(resource);
  if (rule.scope == Scope::kUser || rule.scope == Scope::kUserInThread) key.append("/").append(user);
  if (rule.scope == Scope::kThread || rule.scope == Scope::kUserInThread) key.append("/").append(thread);
  return key;
}

std::int64_t unix_seconds(Time now) { return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count(); }

}  // namespace

void ChatRateLimits::count(ChatUse use, Time now, std::int64_t resource, std::string_view user, std::string_view thread) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  if (windows_.size() >= clean_at_) clean(now);
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    const Rule& rule = kRules[i];
    if (rule.use != use) continue;
    const std::string key = key_of(rule, i, resource, user, thread);
    if (rule.ten_seconds > 0) charge(key + "/10", now, 10, rule.ten_seconds, "ten seconds");
    if (rule.minute > 0) charge(key + "/60", now, 60, rule.minute, "a minute");
  }
}

void ChatRateLimits::charge(const std::string& key, Time now, std::int64_t seconds, std::int32_t limit, std::string_view what) {
  const std::int64_t second = unix_seconds(now), index = second / seconds;
  Window& window = windows_[key];
  if (window.index != index) window = {index, 0};
  if (++window.used <= limit) return;
  throw Error(ErrorCode::kResourceExhausted,
              "more than " + std::to_string(limit) + " calls of this kind within " + std::string(what))
      .with_retry(std::chrono::seconds{(index + 1) * seconds - second});
}

void ChatRateLimits::clean(Time now) {
  const std::int64_t second = unix_seconds(now);
  std::erase_if(windows_, [&](const auto& entry) {
    const std::int64_t seconds = entry.first.ends_with("/60") ? 60 : 10;
    return entry.second.index != second / seconds;
  });
  clean_at_ = windows_.size() * 2 + 4096;
}

}  // namespace trunkline
