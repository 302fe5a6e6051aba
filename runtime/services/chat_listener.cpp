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

/// Marks that a next is under way.
class ChatListener::State::Pending {
 public:
  explicit Pending(State& state) : state_(state) {
    const std::lock_guard lock(state.mutex_);
    if (state.pending_) throw Error(ErrorCode::kFailedPrecondition, "another next() of this listener is pending");
    state.pending_ = true;
  }
  Pending(const Pending&) = delete;
  ~Pending() {
    const std::lock_guard lock(state_.mutex_);
    state_.pending_ = false;
  }

 private:
  State& state_;
};

ChatListener::State::State(ResourcePtr r, std::string user, Executor& executor, Clock& clock)
    : resource(std::move(r)), user_id(std::move(user)), executor_(executor), clock_(clock) {}

void ChatListener::State::begin(std::optional<std::int64_t> after, std::int64_t last_sequence) {
  const std::lock_guard lock(mutex_);
  cursor_ = after.value_or(last_sequence);
  catching_up_ = after && *after < last_sequence;
}

void ChatListener::State::push(const ChatDeliveryPtr& delivery) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || !live_) return;
    if (queue_.size() >= kMaxQueued) {
      queue_.clear();
      live_ = false;
    } else {
      queue_.push_back(delivery);
    }
    waiter = std::move(waiter_);
  }
  if (waiter) resume(std::move(waiter), Wake::kNews);
}

void ChatListener::State::close() {
  Waiter waiter;
  UniqueFunction<void()> leave;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    waiter = std::move(waiter_);
    leave = std::move(on_close);
    queue_.clear();
  }
  if (leave) leave();
  if (waiter) resume(std::move(waiter), Wake::kClosed);
}

std::int64_t ChatListener::State::cursor() const {
  const std::lock_guard lock(mutex_);
  return cursor_;
}

bool ChatListener::State::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

Task<std::vector<ChatDeliveryPtr>> ChatListener::State::pull(std::shared_ptr<State> self, std::uint32_t max,
                                                             std::optional<Duration> timeout) {
  const Pending pending(*self);
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
    const Wake wake = co_await self->wait(deadline);
    if (wake != Wake::kNews) co_return std::vector<ChatDeliveryPtr>();
  }
}

std::vector<ChatDeliveryPtr> ChatListener::State::take(std::uint32_t max, bool& read_log) {
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

std::vector<ChatDeliveryPtr> ChatListener::State::read(std::uint32_t max, bool& more) {
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

Task<ChatListener::State::Wake> ChatListener::State::wait(std::optional<Time> deadline) {
  Clock::TimerId timer = 0;
  auto start = [this, deadline, &timer](auto done) {
    std::uint64_t id = 0;
    std::optional<Wake> now;
    {
      const std::lock_guard lock(mutex_);
      if (closed_)
        now = Wake::kClosed;
      else if (!queue_.empty() || !live_)
        now = Wake::kNews;
      else
        waiter_ = std::move(done);
      id = ++wait_id_;
    }
    if (now) return done(Result<Wake>(*now));
    // The waiter may be resumed meanwhile, but the coroutine goes on only after this function has returned.
    if (deadline)
      timer = clock_.schedule_at(*deadline, [weak = weak_from_this(), id] {
        if (const auto self = weak.lock()) self->time_out(id);
      });
  };
  const Wake wake = co_await from_callback<Wake>(std::move(start));
  if (timer != 0 && wake != Wake::kTimeout) clock_.cancel(timer);
  co_return wake;
}

void ChatListener::State::time_out(std::uint64_t wait_id) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (wait_id != wait_id_) return;
    waiter = std::move(waiter_);
  }
  if (waiter) waiter(Wake::kTimeout);  // we are on the executor already
}

// Never on the caller's stack: the line has others to tell.
void ChatListener::State::resume(Waiter waiter, Wake reason) {
  executor_.post([waiter = std::move(waiter), reason]() mutable { waiter(reason); });
}

ChatListener::ChatListener(std::shared_ptr<State> state) : state_(std::move(state)) {}
ChatListener::~ChatListener() { close(); }
Task<std::vector<ChatDeliveryPtr>> ChatListener::next(std::uint32_t max) { return State::pull(state_, max, std::nullopt); }
Task<std::vector<ChatDeliveryPtr>> ChatListener::next_within(std::uint32_t max, Duration timeout) {
  return State::pull(state_, max, timeout);
}
std::int64_t ChatListener::cursor() const { return state_->cursor(); }
void ChatListener::close() { state_->close(); }
bool ChatListener::closed() const { return state_->closed(); }

}  // namespace trunkline
