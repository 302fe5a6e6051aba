#include "chat_matrix.h"

#include <algorithm>
#include <charconv>

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;

ChatMatrix::ChatMatrix(trunkline::Host host, std::string_view config_json)
    : core_(host, config_json), inbound_(core_), sync_(host, core_, inbound_) {}

Task<void> ChatMatrix::stop() { return sync_.stop(); }

trunkline::chat::ChatCapabilities ChatMatrix::capabilities(const Call&) {
  trunkline::chat::ChatCapabilities capabilities;
  capabilities.max_participants = static_cast<std::int32_t>(core_.settings.max_participants);
  capabilities.max_receipt_participants = static_cast<std::int32_t>(core_.settings.max_receipt_participants);
  capabilities.retention = true;
  capabilities.share_history = true;
  capabilities.foreign_participants = true;
  return capabilities;
}

std::string ChatMatrix::matrix_user(std::string_view raw_id) const {
  if (auto user = core_.names.matrix_user(raw_id)) return *std::move(user);
  throw Error(ErrorCode::kInvalidArgument, "no Matrix user can have the id " + std::string(raw_id.substr(0, 256)), "userId");
}

void ChatMatrix::check_small(const ThreadState& thread) const {
  const std::size_t limit = core_.settings.max_receipt_participants;
  if (thread.members.size() <= limit) return;
  throw Error(ErrorCode::kOutOfRange,
              "read receipts and typing are for threads of at most " + std::to_string(limit) + " participants; this one has " +
                  std::to_string(thread.members.size()),
              "threadId");
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

}  // namespace chat_matrix
