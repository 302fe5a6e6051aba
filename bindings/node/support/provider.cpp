#include "support/provider.hpp"

#include <algorithm>
#include <chrono>

#include "trunkline/plugin.hpp"

namespace trunkline::node {
namespace {

constexpr std::chrono::seconds kOpenPatience{30};

/// One instance: what a tl_plugin of JavaScript is.
class JsPlugin final : public virtual Implementation {
 public:
  JsPlugin(Host host, std::string_view config) : host_(std::make_shared<ProviderHost>(host)) {
    const tl_host* const raw = host.raw();
    queue_ = static_cast<JobQueue*>(raw->get_interface(raw->ctx, abi::text(TL_BUILTIN_CONTEXT_ID)).self);
    if (!queue_) throw Error(ErrorCode::kInternal, "a plugin of JavaScript was opened without its object");
    instance_ = queue_->next_instance();
    parts_ = queue_->open(instance_, host_, config);
    for (const auto& part : parts_) include(*part);
  }
  ~JsPlugin() override {
    host_->close();
    queue_->close_instance(instance_);
  }

 private:
  const std::shared_ptr<ProviderHost> host_;
  JobQueue* queue_ = nullptr;
  std::uint32_t instance_ = 0;
  std::vector<std::unique_ptr<Implementation>> parts_;
};

constinit const tl_plugin_entry kEntry = abi::plugin_entry<JsPlugin>();

Error read_error(Reader& in) {
  Error error;
  error.code = static_cast<ErrorCode>(static_cast<std::int32_t>(in.number()));
  error.message = in.string();
  error.target = in.string();
  error.retryable = in.number() != 0;
  const double retry_after_ms = in.number();
  if (retry_after_ms >= 0) error.retry_after = std::chrono::milliseconds(static_cast<std::int64_t>(retry_after_ms));
  error.provider_code = in.string();
  return error;
}

Error stopped() { return Error(ErrorCode::kUnavailable, "the JavaScript of this provider has ended"); }

}  // namespace

void write(Writer& out, const Job& job) {
  write(out, job.instance);
  write(out, job.op);
  out.number(job.id);
  write(out, job.deadline);
  out.string(job.idempotency_key);
  out.string(job.traceparent);
  out.string(job.resource);
  out.append(job.payload);
}

/// The making of an instance, which a thread of the runtime waits for.
class JobQueue::Opening final : public PendingJob {
 public:
  struct Outcome {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::optional<Error> error;
    std::vector<std::unique_ptr<Implementation>> parts;
  };
  Opening(JobQueue& queue, std::uint32_t instance, std::shared_ptr<Outcome> outcome)
      : queue_(queue), instance_(instance), outcome_(std::move(outcome)) {}
  void resolve(Reader& in) override {
    std::vector<std::unique_ptr<Implementation>> parts;
    std::uint32_t first = 0;
    for (const std::string& id : queue_.interfaces_) {
      const auto all = provided_interfaces();
      const auto found = std::find_if(all.begin(), all.end(), [&](const ProvidedInterface& one) { return one.id == id; });
      if (found == all.end()) throw Error(ErrorCode::kInternal, "JavaScript cannot implement " + id);
      parts.push_back(found->make(queue_, instance_, first, in));
      first += found->operations;
    }
    end({}, std::move(parts));
  }
  void reject(const Error& error) noexcept override { end(error, {}); }

 private:
  void end(std::optional<Error> error, std::vector<std::unique_ptr<Implementation>> parts) {
    const std::lock_guard lock(outcome_->mutex);
    outcome_->error = std::move(error);
    outcome_->parts = std::move(parts);
    outcome_->done = true;
    outcome_->changed.notify_all();
  }
  JobQueue& queue_;
  const std::uint32_t instance_;
  const std::shared_ptr<Outcome> outcome_;
};

std::vector<std::unique_ptr<Implementation>> JobQueue::open(std::uint32_t instance, std::shared_ptr<ProviderHost> host,
                                                            std::string_view config) {
  const auto outcome = std::make_shared<Opening::Outcome>();
  {
    const std::lock_guard lock(mutex_);
    hosts_[instance] = std::move(host);
  }
  Job job;
  job.instance = instance;
  job.op = kOpenJob;
  job.payload.string(config);
  submit_job(std::move(job), Call(), std::make_unique<Opening>(*this, instance, outcome));
  std::unique_lock lock(outcome->mutex);
  if (!outcome->changed.wait_for(lock, kOpenPatience, [&] { return outcome->done; }))
    throw Error(ErrorCode::kDeadlineExceeded, "JavaScript did not make the provider within 30 s: its thread is busy");
  if (outcome->error) throw *outcome->error;
  return std::move(outcome->parts);
}

void JobQueue::close_instance(std::uint32_t instance) {
  {
    const std::lock_guard lock(mutex_);
    hosts_.erase(instance);
  }
  Job job;
  job.instance = instance;
  job.op = kCloseJob;
  post(std::move(job));
}

void JobQueue::submit_job(Job job, const Call& call, std::unique_ptr<PendingJob> pending) {
  PendingJob* const raw = pending.get();
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = ++last_id_;
    if (!closed_) pending_.emplace(id, std::move(pending));
  }
  if (pending) return pending->reject(stopped());
  job.id = static_cast<double>(id);
  const std::uint32_t instance = job.instance;
  // Before JavaScript can see the job, which may complete it at once.
  raw->subscription = call.on_cancel([this, id, instance] {
    Job cancel;
    cancel.instance = instance;
    cancel.op = kCancelJob;
    cancel.payload.number(static_cast<double>(id));
    post(std::move(cancel));
  });
  const bool cancelled = call.cancelled();
  post(std::move(job));
  if (!cancelled) return;
  Job again;  // the first one came before the job
  again.instance = instance;
  again.op = kCancelJob;
  again.payload.number(static_cast<double>(id));
  post(std::move(again));
}

void JobQueue::post(Job job) {
  std::optional<Reply> reply;
  Jobs jobs;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    jobs_.push_back(std::move(job));
    if (!waiting_) return;
    reply.swap(waiting_);
    jobs.swap(jobs_);
  }
  (*reply)(Result<Jobs>(std::move(jobs)));
}

void JobQueue::next(Reply reply) {
  Jobs jobs;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty() && !closed_) {
      waiting_ = std::move(reply);
      return;
    }
    jobs.swap(jobs_);
  }
  reply(Result<Jobs>(std::move(jobs)));
}

std::unique_ptr<PendingJob> JobQueue::take(double id) {
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(static_cast<std::uint64_t>(id));
  if (found == pending_.end()) return nullptr;
  auto pending = std::move(found->second);
  pending_.erase(found);
  return pending;
}

void JobQueue::complete(Reader& in) {
  const std::unique_ptr<PendingJob> pending = take(in.number());
  if (!pending) return;
  if (in.number() != 0) return pending->reject(read_error(in));
  try {
    pending->resolve(in);
  } catch (...) {
    pending->reject(current_error());
  }
}

std::shared_ptr<ProviderHost> JobQueue::host(std::uint32_t instance) {
  const std::lock_guard lock(mutex_);
  const auto found = hosts_.find(instance);
  if (found == hosts_.end()) throw Error(ErrorCode::kFailedPrecondition, "the provider was stopped");
  return found->second;
}

void JobQueue::close() {
  std::optional<Reply> reply;
  std::unordered_map<std::uint64_t, std::unique_ptr<PendingJob>> pending;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    jobs_.clear();
    reply.swap(waiting_);
    pending.swap(pending_);
  }
  if (reply) (*reply)(Result<Jobs>(Jobs()));
  for (const auto& [id, job] : pending) job->reject(stopped());
}

void ProviderObject::start(std::uint32_t op, Reader& in, Request request) {
  switch (op) {
    case 0:
      return queue_->next(std::move(request.reply));
    case 1:
      queue_->complete(in);
      return request.reply(Result<void>());
    case 2: {
      const auto host = queue_->host(static_cast<std::uint32_t>(in.number()));
      const std::size_t event = in.count();
      if (event >= provided_events().size()) throw Error(ErrorCode::kInternal, "no such event");
      return host->with([&](const Host& raw) { provided_events()[event].emit(raw, in, std::move(request)); });
    }
    default:
      return Object::start(op, in, std::move(request));
  }
}

void ProviderObject::run(std::uint32_t op, Reader& in, Writer& out) {
  const auto provider = queue_->host(static_cast<std::uint32_t>(in.number()));
  switch (op) {
    case 0: {
      const std::string name = in.string();
      return out.string(provider->with([&](const Host& host) { return host.secrets().get(name); }));
    }
    case 1: {
      const auto level = static_cast<host::LogLevel>(static_cast<std::int32_t>(in.number()));
      const std::string message = in.string();
      Properties fields;
      read(in, fields);
      return provider->with(
          [&](const Host& host) { host.log().write(level, message, fields.empty() ? std::optional<Properties>() : fields); });
    }
    case 2:
      return write(out, provider->with([&](const Host& host) { return host.clock().now(); }));
    default:
      return Object::run(op, in, out);
  }
}

tl_builtin_plugin ProviderObject::plugin() const {
  tl_builtin_plugin plugin{};
  plugin.struct_size = sizeof plugin;
  plugin.manifest = abi::text(manifest_);
  plugin.entry = &kEntry;
  plugin.context = queue_;
  return plugin;
}

}  // namespace trunkline::node
