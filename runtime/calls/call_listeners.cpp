#include "runtime/calls/call_listeners.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/calls/party.h"
#include "runtime/calls/sound.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

std::optional<std::string> text_at(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

const json& object_at(const json& object, const char* member) {
  static const json none = json::object();
  const auto found = object.find(member);
  return found != object.end() && found->is_object() ? *found : none;
}

std::optional<std::string> party_at(const json& object, const char* member) {
  const auto raw_id = text_at(object_at(object, member), "rawId");
  return raw_id ? std::optional(party_text(*raw_id)) : std::nullopt;
}

std::optional<std::string> tones_of(const json& data) {
  std::string digits;
  const auto add = [&digits](const json& word) {
    if (const auto digit = word.is_string() ? digit_of_word(word.get_ref<const std::string&>()) : std::nullopt)
      digits.push_back(*digit);
  };
  if (const auto one = data.find("tone"); one != data.end()) {
    add(*one);
  } else {
    const json& result = object_at(data, "dtmfResult");
    const auto tones = result.find("tones");
    if (tones == result.end() || !tones->is_array()) return std::nullopt;
    for (const json& word : *tones) add(word);
  }
  return digits;
}

}  // namespace

calling::CallEvent call_event(std::string_view type, Time time, const json& data) {
  calling::CallEvent event;
  event.type = type;
  event.connection_id = text_at(data, "callConnectionId");
  event.server_call_id = text_at(data, "serverCallId");
  event.correlation_id = text_at(data, "correlationId");
  event.operation_context = text_at(data, "operationContext");
  const json& result = object_at(data, "resultInformation");
  if (const auto code = result.find("code"); code != result.end()) event.code = code->get<std::int32_t>();
  if (const auto code = result.find("subCode"); code != result.end()) event.sub_code = code->get<std::int32_t>();
  event.message = text_at(result, "message");
  event.incoming_call_context = text_at(data, "incomingCallContext");
  event.from = party_at(data, "from");
  event.to = party_at(data, "to");
  event.tones = tones_of(data);
  event.choice = text_at(object_at(data, "choiceResult"), "label");
  event.speech = text_at(object_at(data, "speechResult"), "speech");
  event.participant = party_at(data, "participant");
  event.time = time;
  event.data = data.dump(-1, ' ', false, json::error_handler_t::replace);
  return event;
}

Task<std::vector<calling::CallEvent>> CallListener::next(std::shared_ptr<CallListener> self, std::uint32_t max) {
  const Signal::Turn turn(self->news_, "listener");
  for (;;) {
    if (self->news_.closed() || max == 0) co_return std::vector<calling::CallEvent>();
    std::vector<calling::CallEvent> taken;
    {
      const std::lock_guard lock(self->mutex_);
      while (!self->queue_.empty() && taken.size() < max) {
        taken.push_back(std::move(self->queue_.front()));
        self->queue_.pop_front();
      }
      if (taken.empty() && self->overrun_)
        throw Error(ErrorCode::kResourceExhausted,
                    "events of calls were lost: more than " + std::to_string(kMaxQueued) + " waited to be read");
    }
    if (!taken.empty()) co_return taken;
    const Signal::Wake wake = co_await self->news_.wait(std::nullopt);
    if (wake != Signal::Wake::kNews) co_return std::vector<calling::CallEvent>();
  }
}

void CallListener::push(const calling::CallEvent& event) {
  {
    const std::lock_guard lock(mutex_);
    if (overrun_) return;
    if (queue_.size() >= kMaxQueued)
      overrun_ = true;
    else
      queue_.push_back(event);
  }
  news_.set();
}

std::shared_ptr<CallListener> CallListeners::listen(Executor& executor, Clock& clock, std::int64_t resource_key,
                                                    std::string connection_id) {
  auto listener = std::make_shared<CallListener>(executor, clock, resource_key, std::move(connection_id));
  const std::lock_guard lock(mutex_);
  if (stopped_) listener->close();
  std::erase_if(listeners_, [](const auto& one) { return one.expired(); });
  listeners_.push_back(listener);
  return listener;
}

void CallListeners::tell(std::int64_t resource_key, std::string_view type, Time time, const json& data) {
  const std::lock_guard lock(mutex_);  // held to the end: two events come in order to everybody
  std::optional<calling::CallEvent> event;
  for (const std::weak_ptr<CallListener>& one : listeners_) {
    const std::shared_ptr<CallListener> listener = one.lock();
    if (!listener || listener->resource_key != resource_key) continue;
    if (!event) event = call_event(type, time, data);
    if (listener->connection_id.empty() || event->connection_id == listener->connection_id) listener->push(*event);
  }
}

void CallListeners::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const std::weak_ptr<CallListener>& one : listeners_)
    if (const std::shared_ptr<CallListener> listener = one.lock()) listener->close();
}

}  // namespace trunkline::calls
