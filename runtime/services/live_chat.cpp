#include "runtime/services/live_chat.h"

#include <deque>
#include <list>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/plugin/resource_store.h"
#include "runtime/services/chat_event_data.h"
#include "runtime/services/chat_listener.h"
#include "runtime/services/chat_members.h"

namespace trunkline {
namespace {

constexpr std::size_t kMaxCachedMembers = 100'000;  // of one line, in all its threads

void check_change(const chat::ChatChange& change) {
  const auto refuse = [](const char* message) { throw Error(ErrorCode::kInvalidArgument, message, "change"); };
  if (change.kind() == chat::ChatChange::Kind::kUnknown) refuse("the change is of a kind that this host does not know");
  if (thread_of(change).empty()) refuse("the change names no thread");
  if (thread_of(change).find('/') != std::string::npos) refuse("the id of the thread has a slash");
  if (const auto* added = change.participants_added(); added && added->participants.empty()) refuse("nobody was added");
  if (const auto* removed = change.participants_removed(); removed && removed->participants.empty()) refuse("nobody was removed");
}

}  // namespace

/// A change that is on its way to the disk.
struct LiveChat::Work {
  ResourcePtr resource;
  std::string provider;
  std::optional<host::StoreBatch> batch;
  NewEvent event;
  std::shared_ptr<ChatDelivery> delivery;
};

/// Its place in the order.
struct LiveChat::Slot {
  bool settled = false;
  ChatDeliveryPtr delivery;  // null: it failed
};

struct LiveChat::Line {
  using Members = std::unordered_map<std::string, Time, StringHash, std::equal_to<>>;  // user to beginning of history
  struct Known {
    Members members;
    std::list<std::string>::iterator use;
  };

  std::mutex mutex;  // guards what follows; taken before the mutex of a listener
  std::deque<std::shared_ptr<Slot>> waiting;
  std::unordered_map<std::string, std::vector<std::shared_ptr<LiveChatListener::State>>, StringHash, std::equal_to<>> listeners;
  // Members of threads as of the last change told; only while somebody listens.
  std::unordered_map<std::string, Known, StringHash, std::equal_to<>> threads;
  std::list<std::string> by_use;
  std::size_t cached_members = 0;

  void settle(const std::shared_ptr<Slot>& slot, ChatDeliveryPtr delivery, const Resource& resource, const Counter& told) {
    const std::lock_guard lock(mutex);
    slot->settled = true;
    slot->delivery = std::move(delivery);
    while (!waiting.empty() && waiting.front()->settled) {
      const ChatDeliveryPtr next = std::move(waiting.front()->delivery);
      waiting.pop_front();
      if (next && !listeners.empty()) tell(next, resource, told);
    }
  }

  void tell(const ChatDeliveryPtr& delivery, const Resource& resource, const Counter& told) {
    Members& members = members_of(*delivery, resource);
    const auto push = [&](std::string_view user, Time history) {
      const auto found = listeners.find(user);
      if (found == listeners.end() || !may_see(delivery->change, history)) return;
      for (const auto& state : found->second) state->push(delivery);
      told.add(static_cast<double>(found->second.size()));
    };
    if (members.size() <= listeners.size()) {
      for (const auto& [user, history] : members) push(user, history);
    } else {
      for (const auto& [user, states] : listeners)
        if (const auto member = members.find(user); member != members.end()) push(user, member->second);
    }
    if (const auto* removed = delivery->change.participants_removed()) {
      for (const chat::Participant& participant : removed->participants) cached_members -= members.erase(participant.id);
    } else if (delivery->change.thread_deleted()) {
      drop(threads.find(delivery->thread_id));
    }
  }

  /// As of the change: those who leave with it are among them, and those who come.
  Members& members_of(const ChatDelivery& delivery, const Resource& resource) {
    const auto [at, is_new] = threads.try_emplace(delivery.thread_id);
    Known& known = at->second;
    if (is_new) {
      known.use = by_use.insert(by_use.begin(), delivery.thread_id);
      for (ChatStay& stay : chat_members::at(resource, delivery.thread_id, delivery.cursor))
        known.members.insert_or_assign(std::move(stay.user_id), stay.share_history);
      cached_members += known.members.size();
      while (cached_members > kMaxCachedMembers && by_use.size() > 1) drop(threads.find(by_use.back()));
      return known.members;
    }
    by_use.splice(by_use.begin(), by_use, known.use);
    if (const auto* added = delivery.change.participants_added())
      for (const chat::Participant& participant : added->participants)
        cached_members +=
            known.members.insert_or_assign(participant.id, participant.share_history_time.value_or(Time{})).second ? 1 : 0;
    return known.members;
  }

  void drop(decltype(threads)::iterator at) {
    if (at == threads.end()) return;
    cached_members -= at->second.members.size();
    by_use.erase(at->second.use);
    threads.erase(at);
  }

  void leave(const LiveChatListener::State* state) {
    const std::lock_guard lock(mutex);
    const auto found = listeners.find(state->user_id);
    if (found == listeners.end()) return;
    std::erase_if(found->second, [&](const auto& other) { return other.get() == state; });
    if (found->second.empty()) listeners.erase(found);
    if (!listeners.empty()) return;
    threads.clear();
    by_use.clear();
    cached_members = 0;
  }

  std::vector<std::shared_ptr<LiveChatListener::State>> of(std::optional<std::string_view> user) {
    std::vector<std::shared_ptr<LiveChatListener::State>> states;
    const std::lock_guard lock(mutex);
    for (const auto& [name, list] : listeners)
      if (!user || name == *user) states.insert(states.end(), list.begin(), list.end());
    return states;
  }
};

LiveChat::LiveChat(ServiceContext& context)
    : context_(context),
      listeners_(context.metrics.gauge("trunkline_chat_listeners", "Open live streams of chat.")),
      deliveries_(context.metrics.counter("trunkline_chat_deliveries_total", "Changes told to listeners of live streams.")) {}

LiveChat::~LiveChat() {
  for (const auto& [key, line] : lines_)
    for (const auto& state : line->of(std::nullopt)) state->close();
}

std::shared_ptr<LiveChat::Line> LiveChat::line_of(const ResourcePtr& resource) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Line>& line = lines_[resource->key];
  if (!line) line = std::make_shared<Line>();
  return line;
}

std::shared_ptr<LiveChat::Line> LiveChat::find_line(std::int64_t resource_key) {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find(resource_key);
  return found == lines_.end() ? nullptr : found->second;
}

std::shared_ptr<ChatListener> LiveChat::listen(ResourcePtr resource, std::string user_id, std::optional<std::int64_t> after) {
  auto state = std::make_shared<LiveChatListener::State>(resource, std::move(user_id), context_.executor, context_.clock);
  const std::shared_ptr<Line> line = line_of(resource);
  state->on_close = [line, raw = state.get(), count = listeners_] {
    line->leave(raw);
    count.add(-1);
  };
  listeners_.add(1);
  {
    const std::lock_guard lock(line->mutex);
    line->listeners[state->user_id].push_back(state);
  }
  // On the line first: what is committed from here on is in the queue, what was committed before is in the log.
  state->begin(after, context_.events.last_sequence(*resource->database, resource->key));
  return std::make_shared<LiveChatListener>(std::move(state));
}

Task<void> LiveChat::record(ResourcePtr resource, std::string provider, chat::ChatChange change,
                            std::optional<host::StoreBatch> batch, std::string traceparent) {
  check_change(change);
  if (batch) plugin::check_batch(*batch);
  auto work = std::make_shared<Work>();
  const std::string id = make_event_id(context_.ids, context_.clock.now());
  work->event = chat_event(change, id);
  work->event.id = id;
  work->event.topic = resource->arm_id;
  work->event.traceparent = std::move(traceparent);
  work->provider = std::move(provider);
  work->batch = std::move(batch);
  work->delivery = std::make_shared<ChatDelivery>();
  work->delivery->thread_id = thread_of(change);
  work->delivery->time = work->event.time;
  work->delivery->change = std::move(change);
  work->resource = resource;
  const std::shared_ptr<Line> line = line_of(resource);

  auto start = [this, &line, &work](auto done) {
    auto write = [this, work](store::Session& session) {
      const std::int64_t key = work->resource->key;
      if (work->batch) plugin::write_batch(session, key, work->provider, *work->batch);
      work->delivery->cursor = context_.events.append(session, key, work->event);
      chat_members::apply(session, key, work->delivery->change, work->delivery->cursor);
    };
    auto slot = std::make_shared<Slot>();
    auto settled = [line, slot, work, told = deliveries_, done = std::move(done)](Result<void> result) mutable {
      line->settle(slot, result.ok() ? ChatDeliveryPtr(work->delivery) : nullptr, *work->resource, told);
      done(std::move(result));
    };
    // Under the line's lock, so that the order of slots is the order of commits. The database calls back from the executor only.
    const std::lock_guard lock(line->mutex);
    line->waiting.push_back(std::move(slot));
    work->resource->database->write(std::move(write), std::move(settled));
  };
  co_await from_callback<void>(std::move(start));
}

void LiveChat::disconnected(const ResourcePtr& resource, const std::string& user_id) {
  if (!find_line(resource->key)) return;  // dropped: whoever was connected had a listener
  NewEvent event;
  event.time = context_.clock.now();
  event.id = make_event_id(context_.ids, event.time);
  event.type = "Microsoft.Communication.UserDisconnected";
  event.subject = "user/" + user_id;
  event.topic = resource->arm_id;
  event.data = R"({"userCommunicationIdentifier":)";
  append_identifier(event.data, user_id);
  event.data += "}";
  spawn(context_.events.publish(*resource->database, resource->key, std::move(event)),
        [log = &context_.log](const Result<std::int64_t>& result) {
          if (!result.ok())
            log->error("chat", "that a user was disconnected cannot be published", {{"error", result.error().message}});
        });
}

void LiveChat::close(std::int64_t resource_key) {
  std::shared_ptr<Line> line;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lines_.find(resource_key);
    if (found == lines_.end()) return;
    line = std::move(found->second);
    lines_.erase(found);
  }
  for (const auto& state : line->of(std::nullopt)) state->close();
}

void LiveChat::close_user(std::int64_t resource_key, std::string_view user_id) {
  const std::shared_ptr<Line> line = find_line(resource_key);
  if (!line) return;
  for (const auto& state : line->of(user_id)) state->close();
}

}  // namespace trunkline
