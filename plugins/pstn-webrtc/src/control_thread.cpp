#include "control_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <system_error>

namespace pstn_webrtc {

ControlThread::ControlThread() : event_(eventfd(0, EFD_CLOEXEC)) {
  if (event_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

ControlThread::~ControlThread() {
  stop();
  ::close(event_);
}

void ControlThread::start() {
  thread_ = std::thread([this] { run(); });
}

void ControlThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void ControlThread::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    work_.push_back(std::move(work));
  }
  wake();
}

void ControlThread::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

void ControlThread::run() {
  for (;;) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_, &count, sizeof count);
    std::vector<std::function<void()>> work;
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      work.swap(work_);
      last = stopping_;
    }
    for (const auto& one : work) one();
    if (woken_) woken_();
    if (last) return;
  }
}

}  // namespace pstn_webrtc
