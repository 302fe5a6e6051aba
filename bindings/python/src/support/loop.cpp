#include "support/loop.hpp"

#include <sys/eventfd.h>

#include <atomic>
#include <system_error>
#include <unordered_map>

namespace trunkline::pyrt {
namespace {

struct Entry {
  PyObject* loop_ref;  // weakref to the loop: an address alone may belong to a later loop
  std::shared_ptr<LoopBridge> bridge;
};
/// By the loop's address. Leaked, guarded by the GIL.
auto& entries() {
  static auto* const map = new std::unordered_map<PyObject*, Entry>;
  return *map;
}

/// A new reference, or null when the loop is gone.
py::object alive(const Entry& entry) {
#if PY_VERSION_HEX >= 0x030D0000
  PyObject* loop = nullptr;
  PyWeakref_GetRef(entry.loop_ref, &loop);
  return py::reinterpret_steal<py::object>(loop);
#else
  PyObject* loop = PyWeakref_GetObject(entry.loop_ref);
  return loop == Py_None ? py::object() : py::reinterpret_borrow<py::object>(loop);
#endif
}

}  // namespace

/// A pending delivery would otherwise keep its loop, and so itself, for ever.
void LoopBridge::sweep() {
  std::vector<Entry> dead;
  for (auto entry = entries().begin(); entry != entries().end();) {
    const py::object loop = alive(entry->second);
    if (loop && own(PyObject_CallMethod(loop.ptr(), "is_closed", nullptr)).ptr() != Py_True) {
      ++entry;
      continue;
    }
    dead.push_back(std::move(entry->second));
    entry = entries().erase(entry);
  }
  for (Entry& entry : dead) {
    entry.bridge->close();
    Py_DECREF(entry.loop_ref);
  }
}

namespace {

constexpr const char* kBridgeName = "trunkline.bridge";
std::shared_ptr<LoopBridge>* bridge_of(PyObject* capsule) {
  return static_cast<std::shared_ptr<LoopBridge>*>(PyCapsule_GetPointer(capsule, kBridgeName));
}
void free_bridge(PyObject* capsule) { delete bridge_of(capsule); }
PyObject* drain_bridge(PyObject* self, PyObject*) noexcept {
  const std::shared_ptr<LoopBridge> bridge = *bridge_of(self);
  bridge->drain();
  return Py_NewRef(Py_None);
}
PyMethodDef g_drain{"drain", &drain_bridge, METH_NOARGS, "Delivers the completed calls of a loop."};

struct Graveyard {
  std::mutex mutex;
  std::vector<std::unique_ptr<Delivery>> dead;
  std::atomic<bool> any{false};
};
Graveyard& graveyard() {
  static auto* const yard = new Graveyard;
  return *yard;
}

}  // namespace

LoopBridge::LoopBridge() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}
LoopBridge::~LoopBridge() { ::close(fd_); }

std::shared_ptr<LoopBridge> LoopBridge::current() {
  static PyObject* const get_running_loop = import("asyncio", "get_running_loop").release().ptr();  // leaked
  const py::object loop = own(PyObject_CallNoArgs(get_running_loop));
  const auto found = entries().find(loop.ptr());
  if (found != entries().end() && alive(found->second).is(loop)) return found->second.bridge;

  sweep();
  auto bridge = std::make_shared<LoopBridge>();
  // The loop owns the reader, and the reader the bridge; both go when the loop is closed.
  auto owned = std::make_unique<std::shared_ptr<LoopBridge>>(bridge);
  const py::object self = own(PyCapsule_New(owned.get(), kBridgeName, &free_bridge));
  owned.release();
  const py::object reader = own(PyCFunction_New(&g_drain, self.ptr()));
  own(PyObject_CallMethod(loop.ptr(), "add_reader", "iO", bridge->fd_, reader.ptr()));
  entries().insert_or_assign(loop.ptr(), Entry{own(PyWeakref_NewRef(loop.ptr(), nullptr)).release().ptr(), bridge});
  return bridge;
}

void LoopBridge::post(std::unique_ptr<Delivery> delivery) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      if (watcher_) watcher_->posted();
      wake = queue_.empty();
      queue_.push_back(std::move(delivery));
    }
  }
  if (delivery) return bury(std::move(delivery));
  if (wake) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written =
        ::write(fd_, &one, sizeof one);  // fails only when the count is full, so a wake-up is due anyway
  }
}

void LoopBridge::drain() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
  std::vector<std::unique_ptr<Delivery>> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(queue_);
  }
  for (auto& delivery : batch) delivery->deliver();
  // Whoever takes the watcher away is on this thread, or holds the GIL that we have.
  Watcher* watcher = nullptr;
  {
    const std::lock_guard lock(mutex_);
    watcher = watcher_;
  }
  if (watcher) watcher->delivered(batch.size());
}

void LoopBridge::watch(Watcher& watcher) {
  const std::lock_guard lock(mutex_);
  watcher_ = &watcher;
}
void LoopBridge::unwatch() {
  const std::lock_guard lock(mutex_);
  watcher_ = nullptr;
}

void LoopBridge::close() {
  std::vector<std::unique_ptr<Delivery>> rest;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  rest.swap(queue_);
  // `rest` is freed after the lock: destructors of Python objects may run anything.
}

void bury(std::unique_ptr<Delivery> delivery) {
  Graveyard& yard = graveyard();
  const std::lock_guard lock(yard.mutex);
  yard.dead.push_back(std::move(delivery));
  yard.any.store(true, std::memory_order_release);
}

void empty_graveyard() {
  Graveyard& yard = graveyard();
  if (!yard.any.load(std::memory_order_acquire)) return;
  std::vector<std::unique_ptr<Delivery>> dead;
  {
    const std::lock_guard lock(yard.mutex);
    dead.swap(yard.dead);
    yard.any.store(false, std::memory_order_release);
  }
}

}  // namespace trunkline::pyrt
