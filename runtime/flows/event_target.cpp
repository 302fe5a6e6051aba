#include "runtime/flows/event_target.h"

#include <nlohmann/json.hpp>

#include "runtime/events/event_render.h"

namespace trunkline::flows {
namespace {

using delivery::DeliveryAnswer;
using delivery::Outcome;

struct Place {
  WorkflowPtr workflow;
  const workflow::Trigger* trigger = nullptr;
};

Place find_place(WorkflowService& service, std::string_view endpoint) {
  Place place;
  std::string_view name = endpoint, trigger;
  constexpr std::string_view kTriggers = "/triggers/";
  if (const std::size_t at = ifind(endpoint, kTriggers); at != std::string_view::npos) {
    name = endpoint.substr(0, at);
    trigger = endpoint.substr(at + kTriggers.size());
  } else if (!endpoint.starts_with('/')) {
    const std::size_t slash = endpoint.find('/');
    name = endpoint.substr(0, slash);
    if (slash != std::string_view::npos) trigger = endpoint.substr(slash + 1);
  }
  place.workflow = service.find(name);
  if (!place.workflow || !place.workflow->version || !place.workflow->version->plan) return place;
  const workflow::Plan& plan = *place.workflow->version->plan;
  if (!trigger.empty())
    place.trigger = plan.find_trigger(trigger);
  else if (plan.triggers.size() == 1)
    place.trigger = &plan.triggers.front();
  return place;
}

DeliveryAnswer refused(Outcome outcome, bool final, std::string why) { return {{outcome, final, !final}, 0, std::move(why)}; }

}  // namespace

void WorkflowService::EventTarget::deliver(delivery::DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) {
  const Place place = find_place(service_, request.spec->endpoint);
  if (place.trigger == nullptr) {
    done(refused(Outcome::kNotFound, true, "there is no workflow with such a trigger: " + request.spec->endpoint));
    return;
  }
  if (!place.workflow->enabled) {
    done(refused(Outcome::kBusy, false, "the workflow is disabled"));
    return;
  }
  Value all = Value::array();
  for (const events::EventPtr& event : request.events) {
    std::string text;
    events::append_event(text, request.spec->schema, *event);
    all.push_back(expression::parse_value(text));
  }
  Firing firing;
  firing.workflow = place.workflow;
  firing.trigger = place.trigger;
  firing.outputs = Value{{"headers",
                          {{"aeg-subscription-name", request.spec->name},
                           {"aeg-event-type", "Notification"},
                           {"aeg-delivery-count", std::to_string(request.delivery_count)}}}};
  // A trigger that splits gets the array it splits, as from Event Grid; any other the event itself.
  firing.outputs["body"] = place.trigger->split_on || all.size() != 1 ? std::move(all) : std::move(all[0]);
  auto shared = std::make_shared<UniqueFunction<void(DeliveryAnswer)>>(std::move(done));
  firing.respond = [shared](CallerAnswer answer) {
    switch (answer.kind) {
      case CallerAnswer::Kind::kRefused:
        (*shared)(refused(Outcome::kBusy, false, answer.error.message));
        return;
      case CallerAnswer::Kind::kError:
        (*shared)(answer.error.code == ErrorCode::kInvalidArgument ? refused(Outcome::kBadRequest, true, answer.error.message)
                                                                   : refused(Outcome::kAborted, false, answer.error.message));
        return;
      default:
        (*shared)(DeliveryAnswer{});
    }
  };
  fire(service_.engine_, std::move(firing));
}

}  // namespace trunkline::flows
