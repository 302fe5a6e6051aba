#include "chat_local.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace chat_local {

using trunkline::Error;
using trunkline::ErrorCode;

ChatLocal::ChatLocal(trunkline::Host host, std::string_view config_json) : ChatLocal(host, parse_settings(config_json)) {}

ChatLocal::ChatLocal(trunkline::Host host, Settings settings)
    : clock_(host.clock()),
      store_(host.resource_store()),
      events_(host.chat_events()),
      settings_(settings),
      cache_(host.resource_store(), settings.cached_participants) {}

ChatLocal::Settings ChatLocal::parse_settings(std::string_view config_json) {
  const auto config = nlohmann::json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  Settings settings;
  try {
    settings.max_participants = config.value("max_participants", settings.max_participants);
    settings.max_receipt_participants = config.value("max_receipt_participants", settings.max_receipt_participants);
    settings.cached_participants = config.value("cached_participants", settings.cached_participants);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  return settings;
}

trunkline::chat::ChatCapabilities ChatLocal::capabilities(const Call&) {
  trunkline::chat::ChatCapabilities capabilities;
  capabilities.max_participants = static_cast<std::int32_t>(settings_.max_participants);
  capabilities.max_receipt_participants = static_cast<std::int32_t>(settings_.max_receipt_participants);
  capabilities.retention = true;
  capabilities.share_history = true;
  return capabilities;
}

StoreRange descending_range(std::string_view prefix, const std::optional<std::string>& cursor, std::int32_t limit) {
  StoreRange range;
  range.from = prefix;
  range.to = cursor ? std::string(prefix) + *cursor : behind(prefix);
  range.descending = true;
  range.limit = limit;
  return range;
}

StoreEntry entry(std::string key, Bytes value) {
  StoreEntry made;
  made.key = std::move(key);
  made.value = std::move(value);
  return made;
}

void merge_metadata(Properties& metadata, const std::optional<std::vector<std::string>>& remove,
                    const std::optional<Properties>& set, std::size_t max_bytes) {
  if (!remove && !set) return;
  Properties merged = metadata;
  if (remove)
    for (const std::string& key : *remove) merged.erase(key);
  if (set)
    for (const auto& [key, value] : *set) merged[key] = value;
  std::size_t bytes = 0;
  for (const auto& [key, value] : merged) bytes += key.size() + value.size();
  if (bytes > max_bytes)
    throw Error(ErrorCode::kOutOfRange,
                "the metadata would have " + std::to_string(bytes) + " bytes, wanted at most " + std::to_string(max_bytes),
                "metadata");
  metadata = std::move(merged);
}

std::size_t first_of(const PageRequest& page) {
  std::size_t first = static_cast<std::size_t>(std::max(page.skip, 0));
  if (!page.cursor) return first;
  const std::string& text = *page.cursor;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), first);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Error(ErrorCode::kInvalidArgument, "the cursor is none of this list", "cursor");
  return first;
}

ChatMessage system_message(ThreadState& thread, trunkline::chat::MessageKind kind, const std::string& initiator, Time now) {
  ChatMessage message;
  message.kind = kind;
  message.initiator_id = initiator;
  thread.number_message(message, now);
  return message;
}

void ChatLocal::check_small(const ThreadState& thread) const {
  if (thread.members.size() <= settings_.max_receipt_participants) return;
  throw Error(ErrorCode::kOutOfRange,
              "read receipts and typing are for threads of at most " + std::to_string(settings_.max_receipt_participants) +
                  " participants; this one has " + std::to_string(thread.members.size()),
              "threadId");
}

}  // namespace chat_local
