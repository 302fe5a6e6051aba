#include "takeover.h"

#include <string_view>
#include <utility>

namespace email_sendgrid {

using trunkline::AsyncMutex;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;

namespace {

constexpr const char* kRow = "takeover/reader";

Error unknown(const Error& error) {
  return Error(ErrorCode::kUnavailable, "whether another instance has handed mails over is not known: " + error.message)
      .with_retry();
}

}  // namespace

Task<bool> Takeover::is_mine() {
  std::string key = kRow;
  try {
    const Bytes found = co_await store_.get(std::move(key));
    co_return std::string_view(reinterpret_cast<const char*>(found.data()), found.size()) == name_;
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw unknown(error);
  }
  co_return false;
}

// The name is written before the notes are read: a handover that is noted after that finds it, and takes it away.
Task<void> Takeover::read_others() {
  const AsyncMutex::Lock alone = co_await reading_.lock();
  const bool mine = co_await is_mine();
  if (mine && !unread_) co_return;
  unread_ = true;
  std::string name = name_;
  co_await write(std::move(name));
  co_await book_.refresh();
  unread_ = false;
}

Task<void> Takeover::make_others_read() {
  const bool mine = co_await is_mine();
  if (mine) co_return;
  std::string nobody = "nobody";  // no instance has this name: whoever sends next reads
  co_await write(std::move(nobody));
}

Task<void> Takeover::write(std::string name) {
  std::string key = kRow;
  Bytes value(name.begin(), name.end());
  try {
    co_await store_.put(std::move(key), std::move(value));
  } catch (const Error& error) {
    throw unknown(error);
  }
}

}  // namespace email_sendgrid
