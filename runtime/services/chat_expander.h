// The events that each participant's own subscriptions get: told of by the one event that the log keeps for a thread.
#pragma once
#include "runtime/events/event_expander.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

/// For the event pipeline, which asks when it delivers. Recipients are those who took part when the event happened, in the order
/// of their ids, but for the sender of a message. [any-thread]
class ChatEventExpander final : public events::EventExpander {
 public:
  explicit ChatEventExpander(const ResourceService& resources) : resources_(resources) {}
  std::vector<std::string> types_from(std::string_view type) const override;
  std::vector<Event> expand(const Event& event) const override;

 private:
  ResourcePtr resource_of(const Event& event) const;
  const ResourceService& resources_;
};

}  // namespace trunkline
