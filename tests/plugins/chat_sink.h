// The host's end of a chat provider under test: stores batches as the host does, keeps what it is told, and can fail.
#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "tests/plugins/host.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/chat_provider.hpp"

namespace trunkline::testing {

class ChatSink final : public chat::ChatEvents {
 public:
  explicit ChatSink(Host& host) : host_(host) {}
  Task<void> changed(Call, std::string resource, chat::ChatChange change, std::optional<host::StoreBatch> batch) override {
    if (failing) throw Error(ErrorCode::kUnavailable, "the disk is full");
    const std::int64_t key = host_.resources.at(resource).resource_key;
    auto write = [key, batch = batch.value_or(host::StoreBatch{})](store::Session& session) {
      plugin::write_batch(session, key, "under-test", batch);
    };
    co_await host_.database.write(std::move(write));
    const std::lock_guard lock(mutex_);
    changes.push_back(std::move(change));
  }
  std::atomic<bool> failing{false};
  /// Read while nothing is going on.
  std::vector<chat::ChatChange> changes;

 private:
  Host& host_;
  std::mutex mutex_;
};

}  // namespace trunkline::testing
