// Wakes the runs of one database whose time has come.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "runtime/flows/engine.h"

namespace trunkline::flows {

/// One timer for all of them; what is due is read in pages, the next once most of the last have moved. [any-thread]
class Engine::Wakes : public std::enable_shared_from_this<Wakes> {
 public:
  Wakes(Engine& engine, store::Database& database) : engine_(engine), database_(database) {}

  /// Some run wants to be woken then.
  void due_changed(Time due);
  /// A run that was woken has moved.
  void moved(RunKey key);
  /// Looks at once.
  void look();
  void stop();

 private:
  void page();
  void arm(Time due);

  Engine& engine_;
  store::Database& database_;
  std::mutex mutex_;
  std::optional<Time> armed_;
  Clock::TimerId timer_ = 0;
  std::unordered_set<RunKey> waking_;
  bool reading_ = false;
  bool again_ = false;
  bool stopped_ = false;
};

}  // namespace trunkline::flows
