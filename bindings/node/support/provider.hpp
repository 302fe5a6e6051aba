// Providers written in JavaScript: how an operation gets from a thread of the runtime to the environment's thread and back.
//
// A thread of the runtime writes the arguments into a packet and queues it as a job; JavaScript asks for jobs with a call that is
// answered as soon as there are some, runs the methods, and sends each outcome back as a call. So nothing of the runtime ever
// waits for JavaScript, but for the making of an instance.
#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "support/call.hpp"
#include "support/object.hpp"
#include "trunkline/completion.hpp"
#include "trunkline/plugin_host.hpp"
#include "trunkline/runtime.h"

namespace trunkline::node {

class JobQueue;

/// The host of one instance. Fails once the instance is gone. [any thread]
class ProviderHost {
 public:
  explicit ProviderHost(Host host) : host_(host) {}
  /// Runs use(host); throws kFailedPrecondition when the instance is gone.
  template <class F>
  auto with(F use) {
    const std::lock_guard lock(mutex_);
    if (closed_) throw Error(ErrorCode::kFailedPrecondition, "the provider was stopped");
    return use(host_);
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  const Host host_;
  std::mutex mutex_;  // held while the host is called: none of these calls waits
  bool closed_ = false;
};

/// An interface that JavaScript can implement; one for each, generated.
struct ProvidedInterface {
  std::string_view id;
  std::uint32_t operations;  // how many of them
  /// `constants`: what the @sync operations returned, in their order.
  std::unique_ptr<Implementation> (*make)(JobQueue& queue, std::uint32_t instance, std::uint32_t first, Reader& constants);
};
/// Something to tell the host; generated.
struct ProvidedEvent {
  void (*emit)(const Host& host, Reader& in, Request request);
};
std::span<const ProvidedInterface> provided_interfaces();
std::span<const ProvidedEvent> provided_events();

/// An operation that JavaScript has not completed yet.
class PendingJob {
 public:
  PendingJob() = default;
  PendingJob(const PendingJob&) = delete;
  virtual ~PendingJob() = default;
  /// Reads the result; throws what makes it an error of the operation. [environment's thread]
  virtual void resolve(Reader& in) = 0;
  virtual void reject(const Error& error) noexcept = 0;
  CancelSubscription subscription;  // ended before the operation completes
};
template <class R>
class PendingJobOf final : public PendingJob {
 public:
  explicit PendingJobOf(Completion<R> done) : done_(std::move(done)) {}
  void resolve(Reader& in) override {
    if constexpr (std::is_void_v<R>) {
      subscription.reset();
      done_.resolve();
    } else {
      R value{};
      read(in, value);
      subscription.reset();
      done_.resolve(std::move(value));
    }
  }
  void reject(const Error& error) noexcept override {
    subscription.reset();
    done_.reject(error);
  }

 private:
  Completion<R> done_;
};

/// One thing for JavaScript to do.
struct Job {
  std::uint32_t instance = 0;
  std::uint32_t op = 0;  // of the instance, or one of the codes below
  double id = 0;         // of what it completes; 0: nothing
  std::optional<Time> deadline;
  std::string idempotency_key, traceparent, resource;
  Writer payload;
};
constexpr std::uint32_t kOpenJob = 0x7fff0000;    // payload: configuration; completed with the constants
constexpr std::uint32_t kCancelJob = 0x7fff0001;  // payload: id of the job that its caller has given up
constexpr std::uint32_t kCloseJob = 0x7fff0002;   // the instance is gone
using Jobs = std::vector<Job>;
void write(Writer& out, const Job& job);

/// The jobs of one class or object of JavaScript, for all its instances. [any thread]
class JobQueue {
 public:
  /// Interfaces in the order in which JavaScript numbers their operations.
  explicit JobQueue(std::vector<std::string> interfaces) : interfaces_(std::move(interfaces)) {}

  template <class R, class... A>
  void submit(std::uint32_t instance, std::uint32_t op, const Call& call, Completion<R> done, const A&... arguments) {
    Job job;
    job.instance = instance;
    job.op = op;
    job.deadline = call.deadline();
    job.idempotency_key = call.idempotency_key();
    job.traceparent = call.traceparent();
    job.resource = call.resource();
    (write(job.payload, arguments), ...);
    submit_job(std::move(job), call, std::make_unique<PendingJobOf<R>>(std::move(done)));
  }
  /// A new instance: asks JavaScript to make it, waits for that, and gives what it offers. Throws what JavaScript threw.
  std::vector<std::unique_ptr<Implementation>> open(std::uint32_t instance, std::shared_ptr<ProviderHost> host,
                                                    std::string_view config);
  std::uint32_t next_instance() { return ++instances_; }
  void close_instance(std::uint32_t instance);

  /// Answers with jobs, at once or when there are some; with none when the queue is closed.
  void next(Reply reply);
  /// An outcome from JavaScript: id, failed, error or result. [environment's thread]
  void complete(Reader& in);
  /// Throws kFailedPrecondition when there is no such instance.
  std::shared_ptr<ProviderHost> host(std::uint32_t instance);
  /// JavaScript is gone: refuses everything, now and later.
  void close();

 private:
  class Opening;
  void submit_job(Job job, const Call& call, std::unique_ptr<PendingJob> pending);
  void post(Job job);
  std::unique_ptr<PendingJob> take(double id);

  const std::vector<std::string> interfaces_;
  std::atomic<std::uint32_t> instances_{0};
  std::mutex mutex_;  // guards what follows
  Jobs jobs_;
  std::optional<Reply> waiting_;
  std::unordered_map<std::uint64_t, std::unique_ptr<PendingJob>> pending_;
  std::unordered_map<std::uint32_t, std::shared_ptr<ProviderHost>> hosts_;
  std::uint64_t last_id_ = 0;
  bool closed_ = false;
};

/// What JavaScript holds of a queue. Operations: 0 next, 1 complete, 2 emit; @sync: 0 secret, 1 log, 2 now.
class ProviderObject final : public Object {
 public:
  explicit ProviderObject(std::string manifest, std::vector<std::string> interfaces)
      : manifest_(std::move(manifest)), queue_(new JobQueue(std::move(interfaces))) {}
  ~ProviderObject() override { queue_->close(); }
  void start(std::uint32_t op, Reader& in, Request request) override;
  void run(std::uint32_t op, Reader& in, Writer& out) override;
  /// For tl_runtime_open_with; borrowed.
  tl_builtin_plugin plugin() const;

 private:
  const std::string manifest_;
  /// Never freed: instances of plugins may outlive the environment.
  JobQueue* const queue_;
};

}  // namespace trunkline::node
