// Takes changes in: makes them durable in the order in which they come, then tells those whom they concern.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/chat_stream.h"
#include "runtime/services/context.h"
#include "trunkline/host.hpp"

namespace trunkline {

/// [any-thread] One line for each resource. Commits may complete in any order; the line tells of them in the order of the log.
class LiveChat final : public ChatHub {
 public:
  explicit LiveChat(ServiceContext& context);
  ~LiveChat() override;

  std::shared_ptr<ChatListener> listen(ResourcePtr resource, std::string user_id,
                                       std::optional<std::int64_t> after_cursor) override;
  void disconnected(const ResourcePtr& resource, const std::string& user_id) override;
  /// Stores a change with the provider's batch, the members and the event in one transaction; completes when that is durable and
  /// on the line. Does not suspend before the write is queued: order of calls is order of commits. Errors: kInvalidArgument.
  Task<void> record(ResourcePtr resource, std::string provider, chat::ChatChange change, std::optional<host::StoreBatch> batch,
                    std::string traceparent);
  /// Ends the listeners of a resource, or of one user of it.
  void close(std::int64_t resource_key);
  void close_user(std::int64_t resource_key, std::string_view user_id);

 private:
  struct Line;
  struct Slot;
  struct Work;
  std::shared_ptr<Line> line_of(const ResourcePtr& resource);
  std::shared_ptr<Line> find_line(std::int64_t resource_key);

  ServiceContext& context_;
  const Gauge listeners_;
  const Counter deliveries_;
  std::mutex mutex_;  // guards lines_
  std::unordered_map<std::int64_t, std::shared_ptr<Line>> lines_;
};

}  // namespace trunkline
