// Internal to the subscription service: one writer of a subscription at a time.
#pragma once
#include <string>

#include "runtime/async/executor.h"
#include "runtime/base/strings.h"
#include "runtime/eventgrid/subscription_service.h"

namespace trunkline::eventgrid {

/// Throws kAborted while another write of the same subscription is under way, kNotFound when its source is gone.
class EventSubscriptionService::Hold {
 public:
  Hold(EventSubscriptionService& service, const EventSource& source, const std::string& name)
      : service_(service), key_({source.database, source.key}, to_lower(name)) {
    const std::lock_guard lock(service_.mutex_);
    if (!service_.sources_.contains(key_.first))
      throw Error(ErrorCode::kNotFound, "the source of these events is gone: " + source.name, "source");
    if (!service_.in_use_.insert(key_).second)
      throw Error(ErrorCode::kAborted, "another write of the event subscription '" + name + "' is under way; try again", "name")
          .with_service_code("AnotherOperationInProgress");
  }
  Hold(const Hold&) = delete;
  ~Hold() {
    std::int64_t ended = 0;
    SentCode confirmed;
    {
      const std::lock_guard lock(service_.mutex_);
      service_.in_use_.erase(key_);
      if (auto node = service_.ended_while_in_use_.extract(key_)) ended = node.mapped();
      if (auto node = service_.sent_codes_.extract(key_); node && node.mapped().used) confirmed = std::move(node.mapped());
    }
    if (confirmed.used) service_.confirm_soon(std::move(confirmed));
    if (ended != 0)
      service_.context_.executor.post(
          [&service = service_, database = key_.first.first, ended] { service.finish(*database, ended); });
  }

 private:
  EventSubscriptionService& service_;
  const Key key_;
};

}  // namespace trunkline::eventgrid
