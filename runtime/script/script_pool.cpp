#include "runtime/script/script_pool.h"

namespace trunkline::script {
namespace {

Outcome failed(Failure::Reason reason, const char* message) { return {{}, Failure(reason, message)}; }

}  // namespace

ScriptPool::ScriptPool(Options options) : options_(std::move(options)), host_(options_.host) {}

ScriptPool::~ScriptPool() { stop(); }

void ScriptPool::run(std::string code, std::string context_json, UniqueFunction<void(Outcome)> done) {
  const char* refused = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_)
      refused = "The runtime is stopping.";
    else if (jobs_.size() >= options_.max_waiting)
      refused = "Too many scripts wait for their turn.";
    else
      jobs_.push_back({std::move(code), std::move(context_json), std::move(done)});
    if (refused == nullptr && idle_ < jobs_.size() && threads_.size() < options_.threads)
      threads_.emplace_back([this] { work(); });
  }
  if (refused != nullptr)
    done(failed(Failure::Reason::kWorker, refused));
  else
    changed_.notify_one();
}

void ScriptPool::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      changed_.wait(lock, [this] { return stopped_ || !jobs_.empty(); });
      --idle_;
      if (stopped_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    Outcome outcome;
    try {
      outcome.result = host_.run(job.code, job.context, options_.limits);
    } catch (const Failure& failure) {
      outcome.failure = failure;
    }
    job.done(std::move(outcome));
  }
}

void ScriptPool::stop() {
  std::deque<Job> jobs;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    jobs.swap(jobs_);
    threads.swap(threads_);
  }
  host_.stop();
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
  for (Job& job : jobs) job.done(failed(Failure::Reason::kWorker, "The runtime is stopping."));
}

}  // namespace trunkline::script
