#include "runtime/isolation/worker/link.h"

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "runtime/isolation/worker/confine.h"
#include "wire/codec.h"

namespace trunkline::isolation {
namespace {

using remote::Frame;
using remote::FrameHead;
using remote::FrameType;
using remote::Pulse;

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::chrono::milliseconds kShortLook{5};
constexpr std::chrono::milliseconds kLongLook{100};
constexpr int kMaxThreads = Pulse::kThreads - 2;

Pulse* g_pulse = nullptr;

/// The place of this thread in the page; -1: none yet, -2: there is none left.
thread_local int t_place = -1;
/// While it deals with a frame, what it sends is kept.
thread_local bool t_corked = false;
thread_local std::uint32_t t_kept = 0;  // how many
thread_local std::uint64_t t_flushed_ms = 0;
thread_local std::uint64_t t_entered_ms = 0;  // when this thread began with what it deals with
/// The term in which this thread leads; 0: it does not.
thread_local std::uint64_t t_term = 0;

std::uint64_t steady_ms() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

std::mutex g_gone_mutex;
std::function<void()>& gone_hook() {
  static auto& hook = *new std::function<void()>;  // guarded by g_gone_mutex
  return hook;
}

/// Also while another thread ends the process already.
[[noreturn]] void host_has_gone() {
  g_gone_mutex.lock();  // for ever
  if (gone_hook()) gone_hook()();
  ::_exit(0);
}

Pulse::Thread* own_place() {
  static std::array<std::atomic<bool>, Pulse::kThreads> taken{};
  if (t_place == -1) {
    t_place = -2;
    for (std::size_t i = 0; i < taken.size() && t_place < 0; ++i)
      if (!taken[i].exchange(true)) t_place = static_cast<int>(i);
    // Given back when the thread ends.
    struct Release {
      int place;
      ~Release() {
        if (place >= 0) taken[static_cast<std::size_t>(place)].store(false);
      }
    };
    static thread_local Release release{t_place};
  }
  return t_place < 0 ? nullptr : &g_pulse->threads[static_cast<std::size_t>(t_place)];
}

}  // namespace

void on_host_gone(std::function<void()> fn) {
  const std::lock_guard lock(g_gone_mutex);
  gone_hook() = std::move(fn);
}

Pulse& pulse() { return *g_pulse; }

bool map_pulse() {
  void* const at = ::mmap(nullptr, Pulse::kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, remote::kPulseDescriptor, 0);
  ::close(remote::kPulseDescriptor);  // nothing for the plugin
  if (at == MAP_FAILED) return false;
  g_pulse = static_cast<Pulse*>(at);
  return true;
}

void count_own_threads(int by) { g_pulse->own_threads.fetch_add(static_cast<std::uint32_t>(by), std::memory_order_relaxed); }

void note_peak(std::size_t bytes) {
  if (bytes > g_pulse->peak_bytes.load(std::memory_order_relaxed)) g_pulse->peak_bytes.store(bytes, std::memory_order_relaxed);
}

Link::Link(abi::Errors errors) : Peer(errors) { state_ = std::uint64_t{1} << 1 | kReading; }

// ---- out ----

void Link::transmit(std::string_view frame) noexcept {
  {
    const std::lock_guard lock(out_mutex_);
    out_ += frame;
  }
  if (!t_corked) return flush();
  ++t_kept;
}

void Link::flush() noexcept {
  for (bool ours = false;; ours = true) {
    {
      const std::lock_guard lock(out_mutex_);
      if (!ours && sending_) return;  // whoever is sending sends this, too
      sending_ = !out_.empty();
      if (!sending_) return;
      remote::swap_room(chunk_, out_);
    }
    for (std::size_t at = 0; at < chunk_.size();) {
      const std::size_t size = std::min(chunk_.size() - at, remote::BriefWait::kMostAtOnce);
      const ssize_t sent = ::send(remote::kSocketDescriptor, chunk_.data() + at, size, MSG_NOSIGNAL);
      if (sent > 0) {
        at += static_cast<std::size_t>(sent);
        remote::BriefWait::sent(g_pulse->process, g_pulse->host);
      } else if (errno != EINTR) {
        host_has_gone();
      }
    }
    remote::give_back(chunk_);
  }
}

void Link::drain() noexcept {
  for (;;) {
    flush();
    {
      const std::lock_guard lock(out_mutex_);
      if (out_.empty() && !sending_) return;
    }
    std::this_thread::yield();
  }
}

void Link::acknowledge() noexcept {
  if (const std::uint32_t count = to_acknowledge_.exchange(0)) transmit(remote::bare_frame(FrameType::kAck, 0, count));
}

void Link::misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept {
  std::string frame;
  remote::begin_frame(frame);
  wire::Writer writer(frame);
  writer.text(kind);
  writer.text(operation);
  writer.text(detail);
  remote::end_frame(frame, FrameType::kNotice);
  transmit(frame);
}

// ---- in ----

Frame Link::read_first() {
  Frame frame;
  read_frame(frame, false);
  to_acknowledge_.fetch_add(1);
  return frame;
}

void Link::read_frame(Frame& frame, bool deferred_too) {
  if (deferred_too) {
    const std::lock_guard lock(deferred_mutex_);
    if (!deferred_.empty()) {
      frame = std::move(deferred_.front());
      deferred_.pop_front();
      return;
    }
  }
  try {
    while (!in_.next(frame)) {
      acknowledge();
      flush();
      const std::size_t wanted = std::max(kReadBytes, in_.wanted());
      char* const room = in_.room(wanted);
      const std::uint64_t handled = handled_.load(std::memory_order_relaxed);
      const bool under_load = handled - handled_before_ >= remote::BriefWait::kWorthSending;
      handled_before_ = handled;
      const ssize_t got =
          waiting_.receive(remote::kSocketDescriptor, {room, wanted}, g_pulse->process, g_pulse->host, true, under_load);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) host_has_gone();
      in_.grew(static_cast<std::size_t>(got));
    }
  } catch (const Error&) {
    host_has_gone();  // nobody who can be talked to
  }
}

void Link::entering(const FrameHead& head) noexcept {
  const bool call = head.type == FrameType::kCall;
  if (call && head.id > g_pulse->begun.load(std::memory_order_relaxed)) g_pulse->begun.store(head.id, std::memory_order_relaxed);
  Pulse::Thread* const place = own_place();
  if (!place) return;
  place->call.store(call ? head.id : 0, std::memory_order_relaxed);
  place->target.store(call || head.target == remote::kLifecycleTarget ? head.target : remote::kLifecycleTarget - 1,
                      std::memory_order_relaxed);
  place->operation.store(head.operation, std::memory_order_relaxed);
  t_entered_ms = steady_ms();
  place->since_ms.store(t_entered_ms, std::memory_order_relaxed);
}

void Link::left() noexcept {
  if (Pulse::Thread* const place = own_place()) place->since_ms.store(0, std::memory_order_relaxed);
}

void Link::enter_lifecycle(std::uint32_t operation) noexcept {
  FrameHead head{};
  head.type = FrameType::kCreate;
  head.target = remote::kLifecycleTarget;
  head.operation = operation;
  entering(head);
}

void Link::control(Frame&& frame) {
  if (frame.head.type == FrameType::kStop && on_stop) on_stop();
}

void Link::deal_with(Frame&& frame, bool more) {
  t_corked = true;
  try {
    receive(std::move(frame));
  } catch (const Error&) {
    host_has_gone();  // a host that says what cannot be read is no host
  }
  t_corked = false;
  handled_.fetch_add(1, std::memory_order_relaxed);
  to_acknowledge_.fetch_add(1);
  if (!more) return;  // what there is goes with the acknowledgement, before we wait
  // But nobody waits for what others of the plugin's calls take.
  const bool waited_for = remote::BriefWait::is_wanted(g_pulse->process, g_pulse->host, t_kept);
  if (!waited_for && t_entered_ms == t_flushed_ms) return;
  t_kept = 0;
  t_flushed_ms = t_entered_ms;
  flush();
}

/// Of a @sync call: wakes whoever waits, and runs nothing of the plugin.
void Link::take_answer(Frame&& frame) {
  to_acknowledge_.fetch_add(1);
  try {
    receive(std::move(frame));
  } catch (const Error&) {
    host_has_gone();
  }
}

void Link::lead() { lead(1); }

void Link::lead(std::uint64_t term) {
  t_term = term;
  Frame frame;  // one for all: its room is used again
  for (;;) {
    read_frame(frame, true);
    // Still reading: whoever takes over from who handles must not wait for what that one has in hand.
    if (wakes(frame.head)) {
      take_answer(std::move(frame));
      continue;
    }
    const bool more = in_.pending() > 0;  // of who reads, which we are until the next line
    state_.store(t_term << 1 | kHandling);
    deal_with(std::move(frame), more);
    remote::give_back(frame.body);
    std::uint64_t mine = t_term << 1 | kHandling;
    if (state_.compare_exchange_strong(mine, t_term << 1 | kReading)) continue;
    // Somebody else leads since.
    t_term = 0;
    acknowledge();
    flush();
    return;
  }
}

void Link::start_leader(std::uint64_t term) {
  threads_.fetch_add(1);
  count_own_threads(1);
  std::thread([this, term] {
    ::pthread_setname_np(::pthread_self(), "plugin");
    make_signal_stack();
    lead(term);
    threads_.fetch_sub(1);
    count_own_threads(-1);
  }).detach();
}

void Link::notify_answered() {
  { const std::lock_guard lock(answered_mutex_); }
  answered_.notify_all();
}

void Link::await(const std::atomic<bool>& answered) {
  const bool corked = std::exchange(t_corked, false);
  flush();
  const auto is_answered = [&] { return answered.load(std::memory_order_acquire); };
  while (!is_answered()) {
    std::uint64_t state = state_.load();
    const std::uint64_t term = (state >> 1) + 1;
    if ((state & 1) != kHandling || !state_.compare_exchange_strong(state, term << 1 | kReading)) {
      std::unique_lock lock(answered_mutex_);
      answered_.wait_for(lock, kShortLook, is_answered);
      continue;
    }
    const bool led = t_term != 0 && t_term == state >> 1;
    while (!is_answered()) {
      Frame frame;
      read_frame(frame, false);
      if (wakes(frame.head)) {
        take_answer(std::move(frame));
        continue;
      }
      const std::lock_guard lock(deferred_mutex_);
      deferred_.push_back(std::move(frame));
    }
    if (led) {
      t_term = term;
      state_.store(term << 1 | kHandling);
    } else {
      start_leader(term);
    }
  }
  t_corked = corked;
}

// ---- the watchman ----

void Link::watch(std::size_t memory_bytes) {
  const pid_t host = ::getppid();
  std::chrono::milliseconds look = kShortLook;
  std::uint64_t last_state = 0, last_handled = 0;
  for (;;) {
    pollfd poller{remote::kSocketDescriptor, POLLRDHUP, 0};
    ::poll(&poller, 1, static_cast<int>(look.count()));
    // A copy of the host may hold its end open; then the parent is another one.
    if ((poller.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 || ::getppid() != host) host_has_gone();
    g_pulse->beats.fetch_add(1, std::memory_order_relaxed);
    const std::size_t bytes = resident_bytes();
    note_peak(bytes);
    if (memory_bytes != 0 && bytes > memory_bytes) {
      g_pulse->out_of_memory.store(1);
      ::_exit(remote::kExitOutOfMemory);
    }
    std::uint64_t state = state_.load();
    const std::uint64_t handled = handled_.load(std::memory_order_relaxed);
    // A plugin that keeps so many threads gets no further one: the host will see that the first does not return.
    const bool stuck = (state & 1) == kHandling && state == last_state && handled == last_handled && threads_ < kMaxThreads;
    if (stuck) {
      const std::uint64_t term = (state >> 1) + 1;
      if (state_.compare_exchange_strong(state, term << 1 | kReading)) start_leader(term);
      flush();
    }
    look = stuck || handled != last_handled || state != last_state ? kShortLook : std::min(look * 2, kLongLook);
    last_state = state_.load();
    last_handled = handled;
  }
}

}  // namespace trunkline::isolation
