// Callback events on their way to applications.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/calls/callback_signer.h"
#include "runtime/net/http_sender.h"

namespace trunkline {
class Clock;
class Executor;
class IdSource;
class Log;
}  // namespace trunkline

namespace trunkline::calls {

/// One event for one address. `queue`: what shares it arrives in order.
struct Callback {
  std::string queue;
  std::string url;
  std::string audience;  // immutable id of the resource
  std::string type;      // for the log
  std::string event;     // a CloudEvent, JSON
};

/// Sends events of one queue one after another, so that they arrive in order; those of others are not held up. What an
/// application does not take is sent again after 0.5, 1, 2, 4 and 8 seconds, then dropped with a warning. [any-thread]
class CallbackSender {
 public:
  static constexpr std::size_t kMaxQueued = 1000;  // of one queue; beyond it the oldest is dropped
  static constexpr int kAttempts = 6;

  CallbackSender(Executor& executor, Clock& clock, Log& log, IdSource& ids, net::HttpSender& http, CallbackSigner& signer)
      : executor_(executor), clock_(clock), log_(log), ids_(ids), http_(http), signer_(signer) {}
  ~CallbackSender() { stop(); }

  /// Never blocks and never calls back.
  void send(Callback callback);
  /// Nothing is sent afterwards. [lifecycle]
  void stop();

 private:
  struct Queue {
    std::deque<Callback> waiting;
    int attempts = 0;  // of the first one
  };
  void attempt(const std::string& queue);
  void answered(const std::string& queue, const std::string& trouble);
  net::ClientRequest request(const Callback& callback);

  Executor& executor_;
  Clock& clock_;
  Log& log_;
  IdSource& ids_;
  net::HttpSender& http_;
  CallbackSigner& signer_;

  std::mutex mutex_;
  std::map<std::string, Queue> queues_;  // those that have something under way
  bool stopped_ = false;
};

}  // namespace trunkline::calls
