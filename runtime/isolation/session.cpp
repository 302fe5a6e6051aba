#include "runtime/isolation/session.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>

#include "wire/codec.h"

namespace trunkline::isolation {
namespace {

using remote::Frame;
using remote::FrameType;
using remote::Pulse;

constexpr std::size_t kReadBytes = 64 * 1024;
/// From here on new calls are refused.
constexpr std::size_t kCongestedBytes = std::size_t{8} << 20;
/// A process that does not read what it is told has hung; until it is found out nothing more than this is kept for it.
constexpr std::size_t kMaxUnsent = std::size_t{128} << 20;
/// From the end of the connection to the end of the process.
constexpr std::chrono::milliseconds kEndPatience{2'000};

/// Frames of this thread are kept until it has dealt with what it has read.
thread_local const void* t_corked = nullptr;
thread_local std::uint32_t t_kept = 0;  // how many

/// Copies of this process have no business with our children: their sockets look the same there.
std::atomic<std::uint64_t> g_forks{0};  // how many forks lie between the first process and this one
std::uint64_t forks() {
  static const int once = ::pthread_atfork(nullptr, nullptr, [] { g_forks.fetch_add(1, std::memory_order_relaxed); });
  (void)once;
  return g_forks.load(std::memory_order_relaxed);
}

std::uint64_t steady_ms() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

const char* operation_name(std::uint32_t target, std::uint32_t operation) {
  if (target == remote::kLifecycleTarget) {
    constexpr const char* kNames[] = {"create", "stop", "destroy"};
    return operation < std::size(kNames) ? kNames[operation] : "";
  }
  const auto all = wire::interfaces();
  if (target >= all.size() || operation >= all[target]->operations.size()) return "";
  return all[target]->operations[operation].name;
}

}  // namespace

std::string_view cause_name(Loss::Cause cause) {
  switch (cause) {
    case Loss::Cause::kStopped:
      return "stopped";
    case Loss::Cause::kRefused:
      return "refused";
    case Loss::Cause::kCrash:
      return "crash";
    case Loss::Cause::kExit:
      return "exit";
    case Loss::Cause::kHang:
      return "hang";
    case Loss::Cause::kMemory:
      return "memory";
    case Loss::Cause::kProtocol:
      return "protocol";
    case Loss::Cause::kAbandoned:
      return "abandoned";
  }
  return "crash";
}

Session::Session(Executor& executor, const Options& options, std::string where, abi::Errors errors, Listener listener)
    : Peer(errors),
      options_(options),
      where_(std::move(where)),
      listener_(std::move(listener)),
      process_(options.program),
      executor_(executor),
      watch_(SocketWatch::make(executor, process_.take_socket())),
      forks_(forks()) {
  cancels_when_closed_ = true;
}

std::shared_ptr<Session> Session::start(Executor& executor, const Options& options, std::string where, abi::Errors errors,
                                        Listener listener) {
  return std::shared_ptr<Session>(new Session(executor, options, std::move(where), errors, std::move(listener)));
}

Session::~Session() {
  watch_->close();
  if (ticker_) ticker_->stop();
  join();
  if (reader_.joinable()) reader_.detach();  // we are its last act
}

void Session::run(std::string create_frame) {
  started_at_ = beat_at_ = std::chrono::steady_clock::now();
  const auto period = std::clamp(options_.hang_after / 4, std::chrono::milliseconds(20), std::chrono::milliseconds(250));
  ticker_ = WallTicker::start(executor_, period, [weak = weak_from_this()] {
    if (const auto self = std::static_pointer_cast<Session>(weak.lock())) self->look();
  });
  transmit(create_frame);
  reader_ = std::thread([self = std::static_pointer_cast<Session>(shared_from_this())]() noexcept {
    ::pthread_setname_np(::pthread_self(), "tl-plugin");
    self->read();
  });
}

// ---- what it is told ----

void Session::transmit(std::string_view frame) noexcept {
  if (g_forks.load(std::memory_order_relaxed) != forks_) return;
  sent_one();  // before it can be acknowledged
  bool too_much = false;
  {
    const std::lock_guard lock(out_mutex_);
    too_much = out_.size() + frame.size() > kMaxUnsent;
    if (!too_much) out_ += frame;
    unsent_.store(out_.size(), std::memory_order_relaxed);
  }
  if (too_much) return condemn(Loss::Cause::kHang, "it does not read what it is told");
  if (t_corked != this) return flush();
  ++t_kept;
}

bool Session::is_congested() { return unsent_.load(std::memory_order_relaxed) > kCongestedBytes; }

void Session::flush() {
  std::size_t at = 0;
  for (bool ours = false;;) {
    if (!ours || at == chunk_.size()) {
      if (ours) remote::give_back(chunk_);
      const std::lock_guard lock(out_mutex_);
      if (!ours && sending_) return;  // whoever is sending sends this, too
      sending_ = !out_.empty();
      if (!sending_) return;
      remote::swap_room(chunk_, out_);
      unsent_.store(0, std::memory_order_relaxed);
      at = 0;
      ours = true;
    }
    const ssize_t sent = ::send(watch_->socket(), chunk_.data() + at, chunk_.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      at += static_cast<std::size_t>(sent);
      remote::BriefWait::sent(process_.pulse().host, process_.pulse().process);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      {
        const std::lock_guard lock(out_mutex_);
        out_.insert(0, chunk_, at);
        unsent_.store(out_.size(), std::memory_order_relaxed);
      }
      remote::give_back(chunk_);
      // sending_ stays true meanwhile: order.
      watch_->when_writable([weak = weak_from_this()] {
        if (const auto self = std::static_pointer_cast<Session>(weak.lock())) {
          {
            const std::lock_guard lock(self->out_mutex_);
            self->sending_ = false;
          }
          self->flush();
        }
      });
      return;
    } else if (errno != EINTR) {
      return;  // it has gone, which read() finds, too
    }
  }
}

void Session::sent_one() {
  const std::lock_guard lock(busy_mutex_);
  if (unacknowledged_++ == 0 && !over_) listener_.busy(true);
}

void Session::acknowledged(std::uint64_t count) {
  const std::lock_guard lock(busy_mutex_);
  if (count > unacknowledged_) throw Error(ErrorCode::kDataLoss, "an acknowledgement of what it was not told");
  unacknowledged_ -= count;
  if (unacknowledged_ == 0 && count > 0 && !over_) listener_.busy(false);
}

void Session::stop() {
  stopping_ = true;
  transmit(remote::bare_frame(FrameType::kStop));
}

// ---- what it says ----

void Session::read() {
  try {
    for (;;) {
      const std::size_t wanted = std::max(kReadBytes, in_.wanted());
      char* const room = in_.room(wanted);
      Pulse& pulse = process_.pulse();
      const std::size_t calls = pending();
      const ssize_t got = waiting_.receive(watch_->socket(), {room, wanted}, pulse.host, pulse.process, calls > 0,
                                           calls >= remote::BriefWait::kWorthSending);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        // Whoever waits for room to write makes the socket one that does not block, for us as well.
        pollfd silent{watch_->socket(), POLLIN, 0};
        ::poll(&silent, 1, -1);
        continue;
      }
      if (got <= 0) break;
      deal_with(static_cast<std::size_t>(got));
    }
  } catch (const Error& error) {
    condemn(Loss::Cause::kProtocol, "it said what cannot be read: " + error.message);
  } catch (const std::exception& error) {
    condemn(Loss::Cause::kProtocol, std::string("it said what cannot be dealt with: ") + error.what());
  }
  t_corked = nullptr;
  lose();
}

void Session::deal_with(std::size_t bytes) {
  in_.grew(bytes);
  t_corked = this;
  t_kept = 0;
  while (in_.next(frame_)) {
    receive(std::move(frame_));
    remote::give_back(frame_.body);
    // On a core of its own it need not wait until we are through.
    if (!remote::BriefWait::is_wanted(process_.pulse().host, process_.pulse().process, t_kept)) continue;
    t_kept = 0;
    flush();
  }
  t_corked = nullptr;
  flush();
}

void Session::join() {
  if (reader_.joinable() && reader_.get_id() != std::this_thread::get_id()) reader_.join();
}

void Session::control(Frame&& frame) {
  switch (frame.head.type) {
    case FrameType::kAck:
      return acknowledged(frame.head.operation);
    case FrameType::kNotice: {
      abi::Arena arena;
      wire::Reader reader(frame.body, arena);
      const auto kind = reader.text(), operation = reader.text(), detail = reader.text();
      reader.end();
      return listener_.misused(kind.substr(0, 32), operation.substr(0, 64), detail.substr(0, 1024));
    }
    case FrameType::kCreated:
      if (ready_.exchange(true)) throw Error(ErrorCode::kDataLoss, "it was created twice");
      return listener_.created(std::move(frame));
    case FrameType::kRefused: {
      if (ready_) throw Error(ErrorCode::kDataLoss, "it refused after it was created");
      abi::Arena arena;
      const Error error = wire::Reader(frame.body, arena).error();
      condemn(Loss::Cause::kRefused, "it refused to start: " + error.message);
      return listener_.refused(error);
    }
    case FrameType::kStopped:
      if (!stopping_) throw Error(ErrorCode::kDataLoss, "it stopped without being asked to");
      {
        const std::lock_guard lock(end_mutex_);
        if (!sentence_) sentence_ = Loss{Loss::Cause::kStopped, "it was stopped", {}};
      }
      return listener_.stopped();
    default:
      throw Error(ErrorCode::kDataLoss, "a frame that is not for a host");
  }
}

void Session::misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept {
  listener_.misused(kind, operation, detail);
}

int Session::plugin_threads() const {
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(process_.pid()) + "/task", error);
  if (error) return 0;
  const auto all = static_cast<int>(std::distance(tasks, std::filesystem::directory_iterator()));
  return all - static_cast<int>(process_.pulse().own_threads.load(std::memory_order_relaxed));
}

// ---- its end ----

/// `send`: what code of the plugin runs, or was running; empty: none.
std::string Session::running() const {
  std::uint64_t oldest = ~std::uint64_t{0};
  std::string name;
  for (const Pulse::Thread& thread : process_.pulse().threads) {
    const std::uint64_t since = thread.since_ms.load(std::memory_order_relaxed);
    if (since == 0 || since >= oldest) continue;
    oldest = since;
    name = operation_name(thread.target.load(std::memory_order_relaxed), thread.operation.load(std::memory_order_relaxed));
    if (name.empty()) name = "a completion";
  }
  return name;
}

void Session::look() {
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t now_ms = steady_ms();
  const auto patience = static_cast<std::uint64_t>(options_.hang_after.count());
  const Pulse& pulse = process_.pulse();
  for (const Pulse::Thread& thread : pulse.threads) {
    const std::uint64_t since = thread.since_ms.load(std::memory_order_relaxed);
    if (since == 0 || now_ms <= since || now_ms - since < patience) continue;
    const std::string name =
        operation_name(thread.target.load(std::memory_order_relaxed), thread.operation.load(std::memory_order_relaxed));
    if (name == "create" && !ready_) continue;  // has its own limit
    return condemn(Loss::Cause::kHang, "it hangs: " + (name.empty() ? std::string("a completion") : name) +
                                           " has not returned for " + std::to_string(now_ms - since) + " ms");
  }
  if (const std::uint64_t beat = pulse.beats.load(std::memory_order_relaxed); beat != last_beat_ || !ready_) {
    last_beat_ = beat;
    beat_at_ = now;
  }
  if (!ready_ && now - started_at_ > options_.start_within)
    return condemn(Loss::Cause::kHang, "it has not started within " + std::to_string(options_.start_within.count()) + " ms");
  if (now - beat_at_ > options_.hang_after)
    condemn(Loss::Cause::kHang, "it hangs: no sign of life for " + std::to_string(options_.hang_after.count()) + " ms");
}

void Session::condemn(Loss::Cause cause, std::string text) {
  {
    const std::lock_guard lock(end_mutex_);
    if (sentence_) return;
    sentence_ = Loss{cause, std::move(text), {}};
  }
  process_.kill();  // read() finds the end of the connection
}

Loss Session::loss_of(const ProcessEnd& end) const {
  const std::string during = running();
  const std::string when = during.empty() ? std::string() : " while " + during + " ran";
  const Pulse& pulse = process_.pulse();
  Loss loss;
  if (end.signal) loss.signal = std::to_string(*end.signal);
  loss.cause = end.exit_status ? Loss::Cause::kExit : Loss::Cause::kCrash;
  loss.text = "its process " + end.text() + when;
  const std::size_t peak = pulse.peak_bytes.load(std::memory_order_relaxed);
  const bool told = pulse.out_of_memory.load(std::memory_order_relaxed) != 0;
  if (options_.memory_bytes && (told || peak >= options_.memory_bytes / 10 * 9)) {
    loss.cause = Loss::Cause::kMemory;
    loss.text = "it used " + std::to_string(peak >> 20) + " MiB of memory and may use " +
                std::to_string(options_.memory_bytes >> 20) + " MiB; its process " + end.text() + when;
  }
  return loss;
}

void Session::lose() {
  std::call_once(ended_, [&] {
    const ProcessEnd end = process_.wait(kEndPatience);
    Loss loss = loss_of(end);
    {
      const std::lock_guard lock(end_mutex_);
      if (sentence_) {
        sentence_->signal =
            sentence_->cause == Loss::Cause::kHang || sentence_->cause == Loss::Cause::kProtocol ? "" : loss.signal;
        const std::string during = running();
        if (sentence_->cause == Loss::Cause::kProtocol && !during.empty()) sentence_->text += ", while " + during + " ran";
        loss = *sentence_;
      }
    }
    const std::uint64_t begun = process_.pulse().begun.load(std::memory_order_relaxed);
    close([loss, begun, where = where_](std::string_view operation, std::uint64_t id) {
      // What was never handed to the plugin has not happened, so somebody else may do it. Of the rest nobody knows.
      if (id == 0 || id > begun) {
        return std::move(
                   Error(ErrorCode::kUnavailable, where + ": " + loss.text + "; " + std::string(operation) + " had not begun"))
            .with_retry();
      }
      Error error(ErrorCode::kDeadlineExceeded,
                  where + ": " + loss.text + "; whether " + std::string(operation) + " took effect is not known");
      error.details["outcome"] = "unknown";
      error.details["isolation"] = cause_name(loss.cause);
      if (!loss.signal.empty()) error.details["signal"] = loss.signal;
      return error;
    });
    {
      const std::lock_guard lock(busy_mutex_);
      over_ = true;
      if (unacknowledged_ > 0) listener_.busy(false);
    }
    if (ticker_) ticker_->stop();
    listener_.lost(loss);
  });
}

void Session::abandon() {
  condemn(Loss::Cause::kAbandoned, "it was given up");
  process_.kill();
  watch_->close();
  lose();
  join();
}

void Session::finish(std::chrono::milliseconds patience) {
  watch_->close();  // the end of the connection is what it waits for
  std::call_once(ended_, [&] {
    process_.wait(patience);
    close([where = where_](std::string_view operation, std::uint64_t) {
      return Error(ErrorCode::kCancelled, where + " was stopped before " + std::string(operation) + " completed");
    });
    {
      const std::lock_guard lock(busy_mutex_);
      over_ = true;
      if (unacknowledged_ > 0) listener_.busy(false);
    }
    if (ticker_) ticker_->stop();
  });
  join();
}

}  // namespace trunkline::isolation
