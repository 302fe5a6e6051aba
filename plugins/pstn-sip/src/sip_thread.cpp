#include "sip_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "sofia.h"
#include "trunkline/error.hpp"

namespace pstn_sip {
namespace {

/// Once in a process; nothing takes it back, since other instances may use it.
bool stack_ready() {
  static const bool ready = [] {
    const bool fine = su_init() == 0;
    su_log_set_level(nullptr, 0);
    return fine;
  }();
  return ready;
}

}  // namespace

SipThread::SipThread() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

SipThread::~SipThread() {
  stop();
  ::close(event_);
}

void SipThread::start() {
  auto started = started_.get_future();
  thread_ = std::thread([this] { run(); });
  if (started.get()) return;
  thread_.join();
  throw trunkline::Error(trunkline::ErrorCode::kInternal, "the SIP stack did not start", "pstn-sip");
}

void SipThread::stop() {
  if (!thread_.joinable()) return;
  post([this] { su_root_break(root_); });
  thread_.join();
}

void SipThread::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  wake();
}

void SipThread::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

int SipThread::ready(void*, void*, void* self) {
  static_cast<SipThread*>(self)->drain();
  return 0;
}

void SipThread::drain() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(event_, &count, sizeof count);
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(work_);
  }
  for (const auto& one : work) one();
  if (woken_) woken_();
}

void SipThread::run() {
  root_ = stack_ready() ? su_root_create(nullptr) : nullptr;
  su_wait_t wait[1] = {SU_WAIT_INIT};
  if (!root_ || su_wait_create(wait, event_, SU_WAIT_IN) != 0) {
    started_.set_value(false);
    return;
  }
  // The stack runs in this thread and in no other.
  su_root_threading(root_, 0);
  const auto callback = reinterpret_cast<su_wakeup_f>(&SipThread::ready);
  const int index = su_root_register(root_, wait, callback, reinterpret_cast<su_wakeup_arg_t*>(this), 0);
  started_.set_value(index > 0);
  if (index > 0) {
    su_root_run(root_);
    if (ended_) ended_();
    su_root_deregister(root_, index);
  }
  su_root_destroy(root_);
  root_ = nullptr;
}

}  // namespace pstn_sip
