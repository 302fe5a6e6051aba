#include "runtime/calls/callback_sender.h"

#include "runtime/async/executor.h"
#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/clock/system_time.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {
namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds{500};
constexpr Duration kSenderTokenLife = std::chrono::minutes{5};
constexpr Duration kPatience = std::chrono::seconds{10};

}  // namespace

void CallbackSender::send(Callback callback) {
  const std::string name = callback.queue + " " + callback.url;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    Queue& queue = queues_[name];
    first = queue.waiting.empty();
    if (queue.waiting.size() >= kMaxQueued) queue.waiting.erase(queue.waiting.begin() + 1);  // the first one is under way
    queue.waiting.push_back(std::move(callback));
  }
  // Signing takes a millisecond, and the first key much longer: not on the caller's thread.
  if (first) executor_.post([this, name] { attempt(name); });
}

void CallbackSender::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  queues_.clear();
}

net::ClientRequest CallbackSender::request(const Callback& callback) {
  net::ClientRequest out;
  out.method = "POST";
  out.url = callback.url;
  out.timeout = kPatience;
  out.max_response_bytes = 64 * 1024;
  out.truncate_body = true;  // the status is the answer
  out.wants_headers = false;
  out.headers.add("Content-Type", "application/json; charset=utf-8");
  // Whoever checks it has a clock of its own.
  out.headers.add("Authorization",
                  "Bearer " + signer_.token(callback.audience, system_time_now(), kSenderTokenLife, ids_.uuid4().str()));
  out.body = "[" + callback.event + "]";
  return out;
}

void CallbackSender::attempt(const std::string& name) {
  Callback next;
  {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(name);
    if (found == queues_.end()) return;
    ++found->second.attempts;
    next = found->second.waiting.front();
  }
  http_.start_send(request(next), [this, name](Result<net::ClientResponse> result) {
    if (!result.ok()) return answered(name, result.error().message);
    const int status = result.value().status;
    answered(name, status >= 200 && status < 300 ? "" : "answered " + std::to_string(status));
  });
}

void CallbackSender::answered(const std::string& name, const std::string& trouble) {
  std::optional<Duration> wait;
  Callback dropped;
  {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(name);
    if (found == queues_.end()) return;
    Queue& queue = found->second;
    if (!trouble.empty() && queue.attempts < kAttempts) {
      wait = kFirstRetry * (1 << (queue.attempts - 1));
    } else {
      if (!trouble.empty()) dropped = queue.waiting.front();
      queue.waiting.pop_front();
      queue.attempts = 0;
      if (queue.waiting.empty())
        queues_.erase(found);
      else
        wait = Duration{0};
    }
  }
  if (!dropped.url.empty())
    log_.warning("calls", "an application did not take a callback; giving up",
                 {{"url", dropped.url}, {"type", dropped.type}, {"reason", trouble}});
  if (!wait) return;
  if (*wait == Duration{0})
    executor_.post([this, name] { attempt(name); });
  else
    clock_.schedule_after(*wait, [this, name] { attempt(name); });
}

}  // namespace trunkline::calls
