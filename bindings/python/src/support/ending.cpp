#include "support/ending.hpp"

#include <Python.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace trunkline::pyrt {
namespace {

constexpr std::chrono::seconds kPatience{2};

std::atomic<bool> g_ending{false};
std::atomic<int> g_inside{0};  // threads, not calls
thread_local int t_depth = 0;
thread_local bool t_ends_it = false;

/// Leaked: threads rest while static objects are destroyed.
struct Meeting {
  std::mutex mutex;
  std::condition_variable left;
};
Meeting& meeting() {
  static auto* const made = new Meeting;
  return *made;
}

void leave() noexcept {
  // Sequentially consistent with begin_ending(): either this thread sees the end, or the end sees this thread.
  if (g_inside.fetch_sub(1) > 1 || !g_ending.load()) return;
  const std::lock_guard lock(meeting().mutex);
  meeting().left.notify_all();
}

}  // namespace

Inside::Inside() noexcept {
  if (t_depth++ > 0) return;
  g_inside.fetch_add(1);
  if (!must_rest()) return;
  PyEval_SaveThread();
  rest();
}

Inside::~Inside() {
  if (--t_depth == 0) leave();
}

bool must_rest() noexcept { return g_ending.load() && !t_ends_it; }

void rest() noexcept {
  if (t_depth > 0) leave();
  for (;;) ::pause();
}

void begin_ending() noexcept {
  t_ends_it = true;
  g_ending.store(true);
}

void wait_for_others() noexcept {
  PyThreadState* const state = PyEval_SaveThread();
  {
    std::unique_lock lock(meeting().mutex);
    const int own = t_depth > 0 ? 1 : 0;
    // NOLINTNEXTLINE(trunkline-clock): the process is ending; no clock is left
    meeting().left.wait_for(lock, kPatience, [own] { return g_inside.load() <= own; });
  }
  PyEval_RestoreThread(state);
}

void forget_others() noexcept { g_inside.store(t_depth > 0 ? 1 : 0); }

}  // namespace trunkline::pyrt
