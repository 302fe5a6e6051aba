// What ChatService does without being asked: it has the provider delete threads that are too old, and clean up.
#include "runtime/diagnostics/log.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/chat_service.h"
#include "trunkline/chat_client.hpp"

namespace trunkline {

/// One resource's; guarded by care_mutex_.
struct ChatService::Care {
  bool running = false;
  bool again = false;  // somebody asked while it ran
  bool forget = false;
  bool ended = false;
  Clock::TimerId timer = 0;
};

void ChatService::start() {
  running_ = true;
  for (const ResourcePtr& resource : resources_.list()) care_for(resource, false);
}

void ChatService::stop() {
  running_ = false;
  std::vector<std::int64_t> keys;
  {
    const std::lock_guard lock(care_mutex_);
    for (const auto& [key, state] : cares_) keys.push_back(key);
  }
  for (const std::int64_t key : keys) drop_care(key);
  for (const ResourcePtr& resource : resources_.list()) live_.close(resource->key);
}

void ChatService::on_added(const ResourcePtr& resource, const ResourcePtr&) { care_for(resource, true); }

void ChatService::on_dropped(const ResourcePtr& resource) {
  live_.close(resource->key);
  drop_care(resource->key);
}

void ChatService::drop_care(std::int64_t resource_key) {
  Clock::TimerId timer = 0;
  {
    const std::lock_guard lock(care_mutex_);
    const auto found = cares_.find(resource_key);
    if (found == cares_.end()) return;
    found->second->ended = true;
    timer = found->second->timer;
    cares_.erase(found);
  }
  if (timer != 0) context_.clock.cancel(timer);
}

void ChatService::care_for(const ResourcePtr& resource, bool forget) {
  if (!running_ || context_.providers.all_of(chat::ChatProviderClient::kInterfaceId).empty()) return;
  std::shared_ptr<Care> state;
  {
    const std::lock_guard lock(care_mutex_);
    std::shared_ptr<Care>& entry = cares_[resource->key];
    if (!entry) entry = std::make_shared<Care>();
    state = entry;
    state->forget = state->forget || forget;
    if (state->running) {
      state->again = true;
      return;
    }
    state->running = true;
  }
  context_.executor.post([this, resource, state] {
    spawn(care(resource, state), [this, resource](const Result<void>& result) {
      if (!result.ok())
        context_.log.warning("chat", "looking after the threads failed",
                             {{"resource", resource->name}, {"error", result.error().message}});
    });
  });
}

Task<void> ChatService::care(ResourcePtr resource, std::shared_ptr<Care> state) {
  for (;;) {
    bool forget = false;
    {
      const std::lock_guard lock(care_mutex_);
      state->again = false;
      forget = std::exchange(state->forget, false);
    }
    std::optional<Time> next;
    std::exception_ptr failure;
    try {
      for (const ProviderPtr& provider : context_.providers.all_of(chat::ChatProviderClient::kInterfaceId)) {
        CallOptions call;  // without a deadline: a million messages may be waiting to be removed
        call.resource = resource->name;
        const chat::ChatProviderClient at = co_await provider->chat();
        const chat::Maintenance left = co_await at.maintain(resource->id, forget, std::move(call));
        if (left.next_at && (!next || *left.next_at < *next)) next = left.next_at;
      }
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(care_mutex_);
    if (state->again && !failure && running_ && !state->ended) continue;
    state->running = false;
    if (state->timer != 0) context_.clock.cancel(std::exchange(state->timer, 0));
    if (next && running_ && !state->ended)
      state->timer = context_.clock.schedule_at(*next, [this, resource] { care_for(resource, false); });
    if (failure && !state->ended) std::rethrow_exception(failure);
    co_return;
  }
}

}  // namespace trunkline
