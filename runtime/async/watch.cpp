#include "runtime/async/watch.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <optional>
#include <thread>

namespace trunkline {
namespace {

/// Runs functions until it is closed, and lets close() wait for the one that runs.
class Gate {
 public:
  template <class F>
  void pass(F&& fn) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    inside_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    fn();
    inside_.store({}, std::memory_order_relaxed);
  }
  /// False: it was closed before.
  bool close() {
    if (closed_.exchange(true)) return false;
    if (inside_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return true;
    const std::lock_guard wait(mutex_);
    return true;
  }
  bool closed() const { return closed_; }

 private:
  std::mutex mutex_;  // held while a function runs
  std::atomic<std::thread::id> inside_{};
  std::atomic<bool> closed_{false};
};

}  // namespace

struct SocketWatch::Impl {
  using Descriptor = boost::asio::posix::stream_descriptor;

  Impl(Executor& executor, int fd) : context(executor.context()), native(fd) {}
  ~Impl() {
    if (descriptor) descriptor->release();
    ::close(native);
  }

  void wait_to_write(UniqueFunction<void()> fn, std::shared_ptr<SocketWatch> self) {
    const std::lock_guard lock(mutex);
    if (writing.closed()) return;
    if (waits++ == 0) descriptor.emplace(context, native);
    descriptor->async_wait(Descriptor::wait_write,
                           [this, self = std::move(self), fn = std::move(fn)](const boost::system::error_code& error) mutable {
                             waited();
                             if (!error) writing.pass(fn);
                           });
  }
  void waited() {
    const std::lock_guard lock(mutex);
    if (--waits > 0) return;
    descriptor->release();
    descriptor.reset();
  }

  boost::asio::io_context& context;
  const int native;
  Gate writing;
  std::mutex mutex;  // guards what follows
  std::size_t waits = 0;
  // Only while something waits: a reactor that knows the socket wakes a thread of the executor for all that arrives there.
  std::optional<Descriptor> descriptor;
};

SocketWatch::SocketWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SocketWatch::~SocketWatch() = default;

std::shared_ptr<SocketWatch> SocketWatch::make(Executor& executor, int socket) {
  return std::shared_ptr<SocketWatch>(new SocketWatch(std::make_unique<Impl>(executor, socket)));
}

int SocketWatch::socket() const { return impl_->native; }

void SocketWatch::when_writable(UniqueFunction<void()> fn) { impl_->wait_to_write(std::move(fn), shared_from_this()); }

void SocketWatch::close() {
  ::shutdown(impl_->native, SHUT_RDWR);  // what waits for it wakes, finds the gate closed and lets go of us
  impl_->writing.close();
}

struct WallTicker::Impl {
  Impl(Executor& executor, std::chrono::milliseconds p, UniqueFunction<void()> f)
      : timer(executor.context()), period(p), fn(std::move(f)) {}

  Gate gate;
  std::mutex mutex;  // guards timer
  boost::asio::steady_timer timer;
  const std::chrono::milliseconds period;
  UniqueFunction<void()> fn;
};

WallTicker::WallTicker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WallTicker::~WallTicker() = default;

std::shared_ptr<WallTicker> WallTicker::start(Executor& executor, std::chrono::milliseconds period, UniqueFunction<void()> fn) {
  std::shared_ptr<WallTicker> made(new WallTicker(std::make_unique<Impl>(executor, period, std::move(fn))));
  made->arm();
  return made;
}

void WallTicker::arm() {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->gate.closed()) return;
  impl_->timer.expires_after(impl_->period);
  impl_->timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error) return;
    self->impl_->gate.pass(self->impl_->fn);
    self->arm();
  });
}

void WallTicker::stop() {
  if (!impl_->gate.close()) return;
  const std::lock_guard lock(impl_->mutex);
  impl_->timer.cancel();
}

}  // namespace trunkline
