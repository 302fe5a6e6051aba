// How completions reach an asyncio event loop. Hand-written.
//
// Threads of the runtime never take the GIL and never touch a Python object: they push to a queue and, when it was empty, write
// one eventfd that the loop watches. One wake-up delivers everything that has come in the meantime.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "support/python.hpp"

namespace trunkline::pyrt {

/// Something that waits for its loop's thread. Made, delivered and destroyed with the GIL held.
class Delivery {
 public:
  virtual ~Delivery() = default;
  /// Runs on the loop's thread. Must not throw.
  virtual void deliver() noexcept = 0;
};

/// One for each event loop. Holds no Python object of its own, so that any thread may drop the last reference to it.
class LoopBridge {
 public:
  LoopBridge();
  LoopBridge(const LoopBridge&) = delete;
  ~LoopBridge();

  /// The bridge of the running loop; RuntimeError when there is none. [GIL]
  static std::shared_ptr<LoopBridge> current();
  /// Forgets loops that were closed or freed. [GIL]
  static void sweep();
  /// Any thread, with or without the GIL. Once the loop is closed, deliveries go to the graveyard.
  void post(std::unique_ptr<Delivery> delivery);
  /// [loop's thread, GIL]
  void drain();
  /// Drops what waits; later deliveries are dropped too. [GIL]
  void close();

  /// Hears of deliveries. Lives until unwatch has returned.
  class Watcher {
   public:
    /// Before one is posted. [any thread]
    virtual void posted() noexcept = 0;
    /// So many were delivered. [loop's thread, GIL]
    virtual void delivered(std::size_t count) noexcept = 0;

   protected:
    ~Watcher() = default;
  };
  void watch(Watcher& watcher);
  void unwatch();

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Delivery>> queue_;
  bool closed_ = false;
  Watcher* watcher_ = nullptr;  // guarded by mutex_
  const int fd_;
};

/// Deliveries that nobody waits for any more: they hold Python objects, so they wait for a thread with the GIL. [any thread]
void bury(std::unique_ptr<Delivery> delivery);
/// Frees them. Cheap when there are none. [GIL]
void empty_graveyard();

}  // namespace trunkline::pyrt
