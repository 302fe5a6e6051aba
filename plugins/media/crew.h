// Threads that share a loop of the media thread's.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace call_media {

/// Whoever comes in time takes a part of the loop; the caller waits for nobody who has taken none, so that it does all of it
/// alone on a machine whose other cores are busy. One caller at a time.
class Crew {
 public:
  /// Of a loop; the word below has as much room.
  static constexpr std::size_t kMost = (1u << 20) - 1;

  Crew() = default;
  ~Crew();
  Crew(const Crew&) = delete;

  /// With so many threads beside the caller's, or as many as there may be. Allocates; once.
  void start(std::size_t helpers);
  bool started() const { return !helpers_.empty(); }
  std::size_t helpers() const { return helpers_.size(); }

  /// Calls fn(i) for each i below `count`, each once, on any of the threads, and returns when all are done. Allocates nothing.
  template <class Fn>
  void each(std::size_t count, Fn&& fn) {
    if (helpers_.empty() || count > kMost) {
      for (std::size_t i = 0; i < count; ++i) fn(i);
      return;
    }
    run(
        count, [](void* context, std::size_t i) { (*static_cast<std::remove_reference_t<Fn>*>(context))(i); }, &fn);
  }

 private:
  using Call = void (*)(void* context, std::size_t i);
  /// So many at a time: a thread that is stopped in the middle holds up no more.
  static constexpr std::uint64_t kStep = 8;
  static constexpr int kCountBits = 20;

  void run(std::size_t count, Call call, void* context);
  /// Takes parts of this loop as long as there are some. The number of the loop is in the same word as how far it is: nobody who
  /// comes late takes a part of the next one for one of this.
  void help(std::uint32_t loop);
  void work();

  std::vector<std::thread> helpers_;    // NOLINT(trunkline-thread): of a plugin whose manifest says that it has threads
  std::atomic<std::uint32_t> loop_{0};  // which is on; helpers sleep on it
  std::atomic<std::uint64_t> word_{0};  // of that loop: its number (24 bits), count and next (20 each)
  std::atomic<Call> call_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<std::uint32_t> done_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace call_media
