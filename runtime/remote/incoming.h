// Calls of the other process that are being served here.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "trunkline/abi.h"
#include "trunkline/arena.hpp"
#include "wire/table.h"

namespace trunkline::remote {

class Peer;

/// What one call needs until it has completed. Its memory is used again and never freed, so that a plugin which completes a call
/// twice finds something.
struct Incoming {
  std::shared_ptr<Peer> peer;
  std::uint64_t id = 0;
  const wire::Operation* operation = nullptr;
  const wire::Type* item = nullptr;  // of a stream's next()
  std::string body;                  // texts of the arguments
  abi::Arena arena;                  // structs of the arguments
  tl_call call{};
  tl_cancel cancel{};
  std::stop_source stop{std::nostopstate};
  std::stop_token token;

  std::uint32_t index = 0;
  std::uint64_t generation = 1;  // guarded by the pool's mutex, like `live`
  bool live = false;

  /// Lets the call be cancelled.
  void make_cancellable();
};

/// All of this process. [any-thread]
class IncomingPool {
 public:
  static IncomingPool& instance();

  /// Live, and empty.
  Incoming& acquire();
  /// What crosses the ABI as `user`.
  static void* handle(const Incoming& call);
  /// The call behind a handle, which nobody else can claim from now on; nullptr: it has completed already, or never was.
  Incoming* claim(void* handle, const wire::Operation* operation);
  /// Asks a call to stop, if it is still under way.
  void cancel(void* handle);
  /// Ends a call that was claimed.
  void release(Incoming& call);
  std::size_t live() const;

 private:
  Incoming* find(std::uint64_t handle);

  mutable std::mutex mutex_;
  std::deque<Incoming> all_;
  std::vector<Incoming*> free_;
};

}  // namespace trunkline::remote
