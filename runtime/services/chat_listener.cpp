#include "runtime/services/chat_listener.h"

#include <algorithm>
#include <map>

#include "runtime/events/event_page.h"
#include "runtime/services/chat_event_data.h"
#include "runtime/services/chat_members.h"

namespace trunkline {
namespace {

const events::Matcher& chat_events() {
  static const events::Matcher matcher = [] {
    EventFilter filter;
    for (const std::string_view type : chat_event_types()) filter.types.emplace_back(type);
    return events::Matcher(std::move(filter));
  }();
  return matcher;
}

// `thread/{id}/...`
std::string_view thread_of_subject(std::string_view subject) {
  constexpr std::string_view kBegin = "thread/";
  if (!subject.starts_with(kBegin)) return {};
  subject.remove_prefix(kBegin.size());
  return subject.substr(0, subject.find('/'));
}

}  // namespace

LiveChatListener::State::State(ResourcePtr r, std::string user, Executor& executor, Clock& clock)
    : resource(std::move(r)), user_id(std::move(user)), executor_(executor), clock_(clock), news_(executor, clock, false) {}

void LiveChatListener::State::begin(std::optional<std::int64_t> after, std::int64_t last_sequence) {
  const std::lock_guard lock(mutex_);
  cursor_ = after.value_or(last_sequence);
  catching_up_ = after && *after < last_sequence;
}

void LiveChatListener::State::push(const ChatDeliveryPtr& delivery) {
  {
    const std::lock_guard lock(mutex_);
    if (closed() || !live_) return;
    if (queue_.size() >= kMaxQueued) {
      queue_.clear();
      live_ = false;
    } else {
      queue_.push_back(delivery);
    }
  }
  news_.set();
}

void LiveChatListener::State::close() {
  UniqueFunction<void()> leave;
  {
    const std::lock_guard lock(mutex_);
    leave = std::move(on_close);
    queue_.clear();
  }
  if (leave) leave();
  news_.close();
}

std::int64_t LiveChatListener::State::cursor() const {
  const std::lock_guard lock(mutex_);
  return cursor_;
}

Task<std::vector<ChatDeliveryPtr>> LiveChatListener::State::pull(std::shared_ptr<State> self, std::uint32_t max,
                                                                 std::optional<Duration> timeout) {
  const Signal::Turn turn(self->news_, "listener");
  std::optional<Time> deadline;
  if (timeout) deadline = self->clock_.now() + *timeout;
  for (;;) {
    if (self->closed() || max == 0) co_return std::vector<ChatDeliveryPtr>();
    bool read_log = false;
    std::vector<ChatDeliveryPtr> found = self->take(max, read_log);
    if (!found.empty()) co_return found;
    if (read_log) {
      bool more = false;
      found = self->read(max, more);
      if (!found.empty()) co_return found;
      if (more) co_await self->executor_.schedule();  // a long stretch that is of no concern: let others run
      continue;
    }
    const Signal::Wake wake = co_await self->news_.wait(deadline);
    if (wake != Signal::Wake::kNews) co_return std::vector<ChatDeliveryPtr>();
  }
}

std::vector<ChatDeliveryPtr> LiveChatListener::State::take(std::uint32_t max, bool& read_log) {
  std::vector<ChatDeliveryPtr> taken;
  const std::lock_guard lock(mutex_);
  if (!live_) {
    // From here on the queue collects again; what it missed is read first.
    live_ = true;
    catching_up_ = true;
  }
  read_log = catching_up_;
  while (!catching_up_ && !queue_.empty() && taken.size() < max) {
    ChatDeliveryPtr next = std::move(queue_.front());
    queue_.pop_front();
    if (next->cursor <= cursor_) continue;  // it was read from the log
    cursor_ = next->cursor;
    taken.push_back(std::move(next));
  }
  return taken;
}

std::vector<ChatDeliveryPtr> LiveChatListener::State::read(std::uint32_t max, bool& more) {
  const events::Page page = events::read_page(*resource->database, resource->key, chat_events(), cursor(), max);
  std::vector<ChatDeliveryPtr> found;
  std::map<std::string, std::vector<ChatStay>, std::less<>> stays;
  for (const Event& event : page.events) {
    const std::string_view thread = thread_of_subject(event.subject);
    auto at = stays.find(thread);
    if (at == stays.end()) at = stays.emplace(std::string(thread), chat_members::of_user(*resource, thread, user_id)).first;
    const auto stay = std::find_if(at->second.begin(), at->second.end(),
                                   [&](const ChatStay& candidate) { return candidate.covers(event.sequence); });
    if (stay == at->second.end()) continue;
    std::optional<chat::ChatChange> change = parse_chat_event(event);
    if (!change || !may_see(*change, stay->share_history)) continue;
    auto delivery = std::make_shared<ChatDelivery>();
    delivery->cursor = event.sequence;
    delivery->thread_id = thread;
    delivery->time = event.time;
    delivery->change = std::move(*change);
    found.push_back(std::move(delivery));
  }
  more = page.more;
  const std::lock_guard lock(mutex_);
  cursor_ = page.position;
  if (!page.more) catching_up_ = false;
  return found;
}

LiveChatListener::~LiveChatListener() { state_->close(); }
Task<std::vector<ChatDeliveryPtr>> LiveChatListener::next(std::uint32_t max) { return State::pull(state_, max, std::nullopt); }
Task<std::vector<ChatDeliveryPtr>> LiveChatListener::next_within(std::uint32_t max, Duration timeout) {
  return State::pull(state_, max, timeout);
}
std::int64_t LiveChatListener::cursor() const { return state_->cursor(); }
void LiveChatListener::close() { state_->close(); }
bool LiveChatListener::closed() const { return state_->closed(); }

}  // namespace trunkline
