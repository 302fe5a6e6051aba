// One consumer that waits for news, for the end, or for a time.
#pragma once
#include <memory>
#include <optional>

#include "runtime/clock/clock.h"

namespace trunkline {

/// News are a fact that stays until the consumer takes it, so none is lost between a look that finds nothing and the wait after
/// it; several in a row are one. Its owner keeps it and the clock alive while a wait is under way. [any-thread]
class Signal {
 public:
  enum class Wake { kNews, kClosed, kTimeout };

  /// Marks that the consumer is at work.
  class Turn {
   public:
    /// Throws kFailedPrecondition while another turn is under way; `owner`: of what, for the message.
    Turn(Signal& signal, const char* owner);
    Turn(const Turn&) = delete;
    ~Turn();

   private:
    Signal& signal_;
  };

  /// `news`: there may be something already.
  Signal(Executor& executor, Clock& clock, bool news);
  Signal(const Signal&) = delete;
  ~Signal();

  /// There are news. Wakes the consumer through the executor, never on the caller's stack.
  void set();
  /// Ends the pending wait and all later ones, whatever news there are. Idempotent.
  void close();
  bool closed() const;

  /// Takes the news, as soon as there are some; kTimeout: there were none until `deadline` on the clock (nullopt: for ever).
  /// Completes at once or on the executor. Only the holder of the turn may wait.
  Task<Wake> wait(std::optional<Time> deadline);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace trunkline
