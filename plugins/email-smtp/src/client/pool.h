// The connections to the server and the mails that wait for one, on a thread of their own.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "job.h"
#include "settings.h"

namespace email_smtp {

class Pool {
 public:
  /// `settings` outlives the pool.
  explicit Pool(const Settings& settings);
  ~Pool();

  /// [any-thread]
  void submit(JobPtr job);
  /// Fails what waits (kUnavailable), lets what is being sent end, and calls `done` on the pool's thread. [any-thread]
  void stop(std::function<void()> done);
  /// The caller runs on the pool's thread, where it must not be destroyed.
  bool is_own_thread() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace email_smtp
