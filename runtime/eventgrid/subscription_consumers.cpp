#include "runtime/delivery/consumer.h"
#include "runtime/eventgrid/subscription_service.h"

namespace trunkline::eventgrid {

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
