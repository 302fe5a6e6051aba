// Of the subscription service: those who take the events of a subscription whose destination is a handler.
#include "runtime/delivery/consumer.h"
#include "runtime/eventgrid/subscription_service.h"

namespace trunkline::eventgrid {

std::uint64_t EventSubscriptionService::handler_id(const EventSource& source, std::string_view name) const {
  const EventSubscriptionPtr subscription = get(source, name);
  if (subscription->spec->kind != delivery::SubscriptionSpec::Kind::kHandler)
    throw Error(ErrorCode::kFailedPrecondition,
                "the events of '" + subscription->row.name + "' go to its own destination; only those of a Handler can be taken",
                "name");
  return engine_.worker_id(*source.database, subscription->row.key);
}

Task<std::vector<delivery::Delivery>> EventSubscriptionService::take(EventSource source, std::string name, std::uint32_t max,
                                                                     Duration lock, std::optional<Duration> timeout,
                                                                     Clock* waiting) {
  if (max == 0) throw Error(ErrorCode::kInvalidArgument, "max must be at least 1", "max");
  if (lock <= Duration{0}) throw Error(ErrorCode::kInvalidArgument, "the lock must be longer than nothing", "lock");
  const std::uint64_t id = handler_id(source, name);
  co_return co_await engine_.handlers().take(id, max, lock, timeout, waiting);
}

bool EventSubscriptionService::acknowledge(const EventSource& source, std::string_view name, std::uint64_t delivery_id) {
  return engine_.handlers().acknowledge(handler_id(source, name), delivery_id);
}

bool EventSubscriptionService::reject(const EventSource& source, std::string_view name, std::uint64_t delivery_id,
                                      const std::string& reason) {
  return engine_.handlers().reject(handler_id(source, name), delivery_id, reason);
}

std::shared_ptr<delivery::Consumer> EventSubscriptionService::consume(const EventSource& source, std::string_view name,
                                                                      std::uint32_t credits, Duration lock) {
  const std::uint64_t id = handler_id(source, name);
  auto consumer = std::make_shared<delivery::Consumer>(engine_.handlers().shared_from_this(), id, credits, lock);
  // Had it been removed in between, nobody would ever wake this consumer.
  if (handler_id(source, name) != id)
    throw Error(ErrorCode::kNotFound, "the subscription '" + std::string(name) + "' was removed", "name");
  return consumer;
}

}  // namespace trunkline::eventgrid
