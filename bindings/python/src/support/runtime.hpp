// A runtime of libtrunkline as Python holds it. Hand-written.
#pragma once
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "support/python.hpp"
#include "trunkline/app_plugin.h"
#include "trunkline/call_table.hpp"
#include "trunkline/errors.hpp"
#include "trunkline/runtime.h"

namespace trunkline::pyrt {

/// Reads the errors that libtrunkline made.
abi::Errors errors();

/// Something that must be closed before its runtime is. [any thread]
class Closable {
 public:
  virtual void close_for_runtime() noexcept = 0;

 protected:
  ~Closable() = default;
};

/// Owns one tl_runtime. Interfaces and streams share it; the last of them closes it. Only the process that opened a runtime may
/// use it: its threads do not exist in a forked child.
class RuntimeHandle : public std::enable_shared_from_this<RuntimeHandle> {
 public:
  /// Throws Error. [GIL, which is released meanwhile]
  static std::shared_ptr<RuntimeHandle> open(std::string_view config, std::string_view config_file,
                                             std::span<const tl_app_plugin> plugins);
  /// `runtime` null: the host of a provider, which `what` names in messages. `errors` reads those of the other side.
  explicit RuntimeHandle(tl_runtime* runtime, std::string what = "the runtime", abi::Errors errors = pyrt::errors());
  RuntimeHandle(const RuntimeHandle&) = delete;
  ~RuntimeHandle();

  /// Ends every call, closes every stream, then the runtime. Does nothing when it is closed already. [GIL, released meanwhile]
  void close();
  bool closed() const { return closed_.load(std::memory_order_acquire) || forked(); }

  /// While one exists the runtime is not freed. Never held across a wait.
  class Use {
   public:
    /// Throws kFailedPrecondition when the runtime is closed.
    explicit Use(const RuntimeHandle& handle);
    Use(const Use&) = delete;
    ~Use();

   private:
    const RuntimeHandle& handle_;
  };

  /// A call that somebody waits for: closing the runtime asks it to stop. [any thread]
  class InFlight {
   public:
    InFlight(std::shared_ptr<RuntimeHandle> handle, std::stop_source stop);
    InFlight(const InFlight&) = delete;
    ~InFlight();

   private:
    const std::shared_ptr<RuntimeHandle> handle_;
    std::list<std::stop_source>::iterator at_;
  };

  /// Adds a provider of the application. [GIL, which is released meanwhile]
  void add_provider(const tl_app_plugin& plugin, std::string_view provider, bool first);
  /// Lets another object take over. Durations in nanoseconds; negative: as usual. [GIL, which is released meanwhile]
  void replace_provider(const tl_app_plugin& plugin, std::string_view provider, std::int64_t probation, std::int64_t drain);

  enum class Kind { kProvider, kService, kHost };
  /// The object behind an interface id. Throws kNotFound.
  tl_iface find(Kind kind, std::string_view name, std::string_view id) const;
  /// The calls in flight; those that the runtime leaves behind are failed when it closes.
  CallTable& calls() { return calls_; }
  /// Throws kFailedPrecondition when the runtime is closed; then the closable will not be closed.
  void add(Closable* closable);
  void remove(Closable* closable);

  /// Closes whatever is still open when the interpreter ends. [GIL]
  static void close_all();
  /// In a forked child: no runtime may be touched any more.
  static void after_fork_in_child();

 private:
  bool forked() const;
  tl_runtime* const runtime_;
  const std::string what_;
  CallTable calls_;
  const unsigned generation_;  // of forks
  std::atomic<bool> closed_{false};
  mutable std::atomic<int> uses_{0};
  std::mutex mutex_;
  std::set<Closable*> closables_;          // guarded by mutex_
  std::list<std::stop_source> in_flight_;  // guarded by mutex_
};

}  // namespace trunkline::pyrt
