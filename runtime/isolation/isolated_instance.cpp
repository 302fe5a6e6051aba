#include "runtime/isolation/isolated_instance.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/time_text.h"
#include "runtime/diagnostics/log.h"
#include "wire/codec.h"

namespace trunkline::isolation {
namespace {

using remote::Frame;
using remote::FrameType;

/// From the end of its connection to the end of a process that was stopped.
constexpr std::chrono::milliseconds kExitPatience{2'000};
constexpr std::size_t kKeptLosses = 64;

std::string_view name_of(IsolatedInstance::State state) {
  using State = IsolatedInstance::State;
  switch (state) {
    case State::kStarting:
      return "is starting";
    case State::kRunning:
      return "runs";
    case State::kWaiting:
      return "waits to be started again";
    case State::kQuarantined:
      return "is in quarantine";
    case State::kStopping:
    case State::kStopped:
      return "was stopped";
  }
  return "";
}

}  // namespace

/// One interface as the host calls it. Its table has the slots that the plugin's has, so that the host's checks find the same.
struct IsolatedInstance::Target final : wire::Caller {
  Target(IsolatedInstance& o, std::size_t i) : owner(o), index(i), interface(*wire::interfaces()[i]) {}

  void begin(const wire::Operation& operation, const tl_call* call, const void* const* arguments, wire::AnyDone done,
             void* user) noexcept override {
    owner.begin(*this, operation, call, arguments, done, user);
  }
  tl_iface iface() { return {static_cast<wire::Caller*>(this), vtbl.data()}; }

  IsolatedInstance& owner;
  const std::size_t index;
  const wire::Interface& interface;
  std::vector<std::uint64_t> vtbl;  // made once
  /// What @sync operations have given, by operation: they say what a provider can do, and are constant. Guarded by the owner's
  /// mutex.
  std::map<std::uint32_t, std::shared_ptr<const Frame>> constants;
};

IsolatedInstance::IsolatedInstance(const plugin::Manifest& manifest, std::string provider, const Options& options,
                                   plugin::HostContext& context, const tl_host* host, std::string config_json)
    : manifest_(manifest),
      provider_(std::move(provider)),
      where_("provider " + provider_ + " (plugin " + manifest.id + ")"),
      options_(options),
      context_(context),
      host_(host),
      config_json_(std::move(config_json)),
      work_(host->get_interface(host->ctx, {TL_APP_WORK_ID, sizeof TL_APP_WORK_ID - 1})) {
  const MetricLabels labels{{"plugin", manifest.id}, {"provider", provider_}};
  restarts_ =
      context.metrics.counter("trunkline_isolation_restarts_total", "Processes of plugins that were started again.", labels);
  running_ = context.metrics.gauge("trunkline_isolation_running",
                                   "Processes of the plugin that run: more than one while another build takes over.", labels);
}

IsolatedInstance::~IsolatedInstance() = default;

IsolatedInstance::State IsolatedInstance::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}
int IsolatedInstance::process_id() const {
  const std::lock_guard lock(mutex_);
  return session_ && state_ == State::kRunning ? session_->pid() : 0;
}

int IsolatedInstance::plugin_threads() const {
  const std::lock_guard lock(mutex_);
  return session_ && state_ == State::kRunning ? session_->plugin_threads() : 0;
}

void IsolatedInstance::set_busy(bool busy) noexcept {
  if (work_.vtbl) static_cast<const tl_app_work*>(work_.vtbl)->busy(work_.self, busy);
}

// With mutex_ held.
void IsolatedInstance::set_state(State state) {
  // Added, not set: the instance that is replaced and the one that replaces it share the series.
  if ((state_ == State::kRunning) != (state == State::kRunning)) running_.add(state == State::kRunning ? 1 : -1);
  state_ = state;
  changed_.notify_all();
}

// ---- a process begins ----

std::string IsolatedInstance::greeting() const {
  std::string frame;
  remote::begin_frame(frame);
  wire::Writer writer(frame);
  writer.number(wire::kFingerprint);
  writer.text((manifest_.image.empty() ? manifest_.library : manifest_.image).string());
  writer.text(manifest_.id);
  writer.text(provider_);
  writer.text(config_json_);
  writer.number(host_->abi);
  writer.number(static_cast<std::uint64_t>(options_.memory_bytes));
  writer.number(options_.open_files);
  writer.number(static_cast<std::uint8_t>(manifest_.threads));
  writer.number(static_cast<std::uint32_t>(manifest_.interfaces.size()));
  for (const std::string& id : manifest_.interfaces) writer.text(id);
  std::vector<std::uint32_t> offered;
  for (std::uint32_t i = 0; i < wire::interfaces().size(); ++i) {
    const char* const id = wire::interfaces()[i]->id;
    if (host_->get_interface(host_->ctx, {id, std::strlen(id)}).vtbl) offered.push_back(i);
  }
  writer.number(static_cast<std::uint32_t>(offered.size()));
  for (const std::uint32_t target : offered) writer.number(target);
  remote::end_frame(frame, FrameType::kCreate);
  return frame;
}

void IsolatedInstance::launch() {
  const auto self = weak_from_this();
  auto slot = std::make_shared<std::weak_ptr<Session>>();
  Session::Listener listener;
  listener.created = [self](Frame&& frame) {
    if (const auto instance = self.lock()) instance->created(frame);
  };
  listener.refused = [self](const Error& error) {
    if (const auto instance = self.lock()) {
      const std::lock_guard lock(instance->mutex_);
      instance->refusal_ = error;
    }
  };
  listener.stopped = [self] {
    if (const auto instance = self.lock()) instance->stopped();
  };
  listener.misused = [self](std::string_view kind, std::string_view operation, std::string_view detail) {
    if (const auto instance = self.lock()) instance->misused(kind, operation, detail);
  };
  listener.busy = [self](bool busy) {
    if (const auto instance = self.lock()) instance->set_busy(busy);
  };
  listener.lost = [self, slot](const Loss& loss) {
    if (const auto instance = self.lock()) instance->lost(slot->lock(), loss);
  };
  auto session = Session::start(context_.executor, options_, where_, errors_, std::move(listener));
  *slot = session;
  for (std::size_t i = 0; i < wire::interfaces().size(); ++i) {
    const char* const id = wire::interfaces()[i]->id;
    if (const tl_iface object = host_->get_interface(host_->ctx, {id, std::strlen(id)}); object.vtbl) session->offer(i, object);
  }
  std::shared_ptr<Session> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::move(gone_);
    session_ = session;
    refusal_.reset();
  }
  if (before) before->join();
  session->run(greeting());
}

void IsolatedInstance::start() {
  launch();
  std::unique_lock lock(mutex_);
  // The session ends this wait in any case: a start has a limit.
  changed_.wait(lock, [this] { return state_ == State::kRunning || !session_; });
  if (state_ == State::kRunning) return;
  state_ = State::kStopped;
  const std::shared_ptr<Session> gone = std::exchange(gone_, nullptr);
  lock.unlock();
  if (gone) gone->join();  // what its thread uses of the runtime may go when we have thrown
  if (refusal_) throw *refusal_;
  throw Error(ErrorCode::kFailedPrecondition, last_loss_.text, provider_);
}

void IsolatedInstance::created(const Frame& frame) {
  abi::Arena arena;
  wire::Reader reader(frame.body, arena);
  const auto count = reader.number<std::uint32_t>();
  std::unique_lock lock(mutex_);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto index = reader.number<std::uint32_t>();
    if (index >= wire::interfaces().size()) throw Error(ErrorCode::kDataLoss, "it offers an unknown interface");
    const wire::Interface& interface = *wire::interfaces()[index];
    auto& target = targets_[interface.id];
    if (!target) target = std::make_unique<Target>(*this, index);
    const auto size = std::min(reader.number<std::uint32_t>(), interface.vtbl_size);
    std::vector<std::uint64_t> vtbl((interface.vtbl_size + 7) / 8);
    std::memcpy(vtbl.data(), interface.vtbl, interface.vtbl_size);
    std::memcpy(vtbl.data(), &size, sizeof size);
    for (const wire::Operation& operation : interface.operations)
      if (!reader.number<std::uint8_t>()) vtbl[operation.slot / 8] = 0;
    if (target->vtbl.empty()) target->vtbl = std::move(vtbl);  // else the host holds its address
    const auto constants = reader.number<std::uint32_t>();
    for (std::uint32_t k = 0; k < constants; ++k) {
      const auto operation = reader.number<std::uint32_t>();
      auto answer = std::make_shared<Frame>();
      answer->head.type = FrameType::kReply;
      answer->head.operation = reader.number<std::uint32_t>();
      answer->body = reader.text();
      target->constants[operation] = std::move(answer);
    }
  }
  reader.end();
  const bool again = std::exchange(ever_ran_, true);
  restart_at_.reset();
  if (state_ == State::kStarting) set_state(State::kRunning);
  const int process = session_ ? session_->pid() : 0;
  starting_ = {};
  lock.unlock();
  if (again) restarts_.add();
  context_.log.info("isolation", again ? "a plugin's process was started again" : "a plugin runs in a process of its own",
                    {{"plugin", manifest_.id}, {"provider", provider_}, {"process", process}});
}

tl_iface IsolatedInstance::interface(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = targets_.find(id);
  return found == targets_.end() ? tl_iface{nullptr, nullptr} : found->second->iface();
}

// ---- calls ----

// With mutex_ held.
std::string IsolatedInstance::trouble_now(std::optional<Duration>& wait) const {
  std::string text = where_ + ": " + std::string(name_of(state_));
  if (state_ == State::kQuarantined) {
    text += " since it was lost " + std::to_string(losses_.size()) + " times within " +
            format_duration(options_.quarantine_within) + ", and runs again when the runtime is started again";
  } else if (restart_at_) {
    wait = std::max(*restart_at_ - context_.clock.now(), Duration{0});
    text += " in " + format_duration(std::chrono::ceil<std::chrono::milliseconds>(*wait));
  }
  if (!last_loss_.text.empty()) text += "; last: " + last_loss_.text;
  return text;
}

std::string IsolatedInstance::trouble() const {
  const std::lock_guard lock(mutex_);
  std::optional<Duration> wait;
  return trouble_now(wait);
}

Error IsolatedInstance::unavailable(std::string_view operation) const {
  const std::lock_guard lock(mutex_);
  std::optional<Duration> wait;
  const std::string text = trouble_now(wait);
  Error error(ErrorCode::kUnavailable, text + "; " + std::string(operation) + " was not begun");
  error.details["isolation"] = state_ == State::kQuarantined ? "quarantined" : "down";
  error.retryable = true;
  error.retry_after = wait;
  return error;
}

void IsolatedInstance::begin(const Target& target, const wire::Operation& operation, const tl_call* call,
                             const void* const* arguments, wire::AnyDone done, void* user) noexcept {
  std::shared_ptr<Session> session;
  std::shared_ptr<const Frame> constant;
  {
    const std::lock_guard lock(mutex_);
    if (operation.sync) {
      if (const auto found = target.constants.find(operation.index); found != target.constants.end()) constant = found->second;
    } else if (state_ == State::kRunning) {
      session = session_;
    }
  }
  if (session && session->is_congested()) {
    const Error why = std::move(Error(ErrorCode::kResourceExhausted, where_ + " does not keep up with its calls")).with_retry();
    return operation.finish(done, user, nullptr, errors_.make(why));
  }
  if (session) return session->begin(target.index, operation, call, arguments, done, user);
  if (!constant) {
    const Error why = operation.sync
                          ? Error(ErrorCode::kUnimplemented,
                                  where_ + ": " + operation.name + " takes parameters and cannot cross to another process")
                          : unavailable(operation.name);
    return operation.finish(done, user, nullptr, errors_.make(why));
  }
  try {
    abi::Arena arena;
    wire::Reader reader(constant->body, arena);
    if (constant->head.operation == remote::kReplyError)
      operation.finish(done, user, nullptr, errors_.make(reader.error()));
    else if (constant->head.operation == remote::kReplyResult && operation.result.kind != wire::Kind::kVoid)
      operation.finish(done, user, reader.result(operation.result), nullptr);
    else
      operation.finish(done, user, nullptr, nullptr);
  } catch (...) {
    operation.finish(done, user, nullptr, errors_.make(current_error()));
  }
}

void IsolatedInstance::misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept {
  // As the guard around an instance counts and tells it.
  context_.metrics
      .counter("trunkline_plugin_misbehaviour_total", "What plugins did that the ABI forbids.",
               {{"plugin", manifest_.id}, {"provider", provider_}, {"kind", std::string(kind)}})
      .add();
  const std::uint64_t count = incidents_.fetch_add(1) + 1;
  if ((count & (count - 1)) != 0) return;
  context_.log.error("plugin", "a plugin broke the rules of the ABI",
                     {{"plugin", manifest_.id},
                      {"provider", provider_},
                      {"kind", kind},
                      {"operation", operation},
                      {"detail", detail},
                      {"count", count}});
}

// ---- a process ends ----

void IsolatedInstance::lost(const std::shared_ptr<Session>& session, const Loss& loss) {
  std::unique_lock lock(mutex_);
  if (!session || session_ != session) return;
  gone_ = std::move(session_);
  session_.reset();
  starting_ = {};
  const State before = state_;
  if (loss.cause != Loss::Cause::kStopped) last_loss_ = loss;
  if (before == State::kStopping) {
    void (*const done)(void*) = std::exchange(stop_done_, nullptr);
    set_state(State::kStopped);
    lock.unlock();
    if (done) done(stop_user_);
    return;
  }
  if (before == State::kStopped || !ever_ran_) {  // who starts it the first time is told and decides
    changed_.notify_all();
    return;
  }
  schedule_restart(lock, loss);
  if (on_lost_) on_lost_(loss.text);
}

void IsolatedInstance::schedule_restart(std::unique_lock<std::mutex>& lock, const Loss& loss) {
  const Time now = context_.clock.now();
  losses_.push_back(now);
  while (!losses_.empty() && (now - losses_.front() > options_.quarantine_within || losses_.size() > kKeptLosses))
    losses_.pop_front();
  const auto count = losses_.size();
  std::optional<Duration> wait;
  if (count >= options_.quarantine_after) {
    restart_at_.reset();
    set_state(State::kQuarantined);
  } else {
    wait = options_.restart_after;
    for (std::size_t i = 1; i < count && *wait < options_.restart_at_most; ++i) *wait *= 2;
    wait = std::min(*wait, options_.restart_at_most);
    restart_at_ = now + *wait;
    set_state(State::kWaiting);
    timer_ = context_.clock.schedule_at(*restart_at_, [self = weak_from_this()] {
      if (const auto instance = self.lock()) instance->restart();
    });
  }
  lock.unlock();
  const std::string_view cause = cause_name(loss.cause);
  context_.metrics
      .counter("trunkline_isolation_lost_total", "Processes of plugins that were lost.",
               {{"plugin", manifest_.id}, {"provider", provider_}, {"cause", std::string(cause)}})
      .add();
  context_.log.error("isolation", wait ? "a plugin's process was lost" : "a plugin's process was lost too often and stays away",
                     {{"plugin", manifest_.id},
                      {"provider", provider_},
                      {"cause", cause},
                      {"detail", loss.text},
                      {"lost", count},
                      {"again_in", wait ? format_duration(*wait) : std::string("never")}});
}

void IsolatedInstance::restart() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kWaiting) return;
    timer_ = 0;
    set_state(State::kStarting);
    starting_ = WorkGuard(context_.executor.work());
  }
  try {
    launch();
  } catch (const Error& error) {
    std::unique_lock lock(mutex_);
    starting_ = {};
    if (state_ != State::kStarting) return;
    last_loss_ = Loss{Loss::Cause::kCrash, error.message, {}};
    schedule_restart(lock, last_loss_);
  }
}

void IsolatedInstance::stop(void (*done)(void* user), void* user) {
  std::unique_lock lock(mutex_);
  if (timer_ != 0) context_.clock.cancel(std::exchange(timer_, 0));
  const std::shared_ptr<Session> session = session_;
  if (!session) {
    set_state(State::kStopped);
    lock.unlock();
    return done(user);
  }
  stop_done_ = done;
  stop_user_ = user;
  const bool ran = state_ == State::kRunning;
  set_state(State::kStopping);
  lock.unlock();
  if (ran)
    session->stop();
  else
    session->abandon();  // nothing was begun in it
}

void IsolatedInstance::stopped() {
  std::unique_lock lock(mutex_);
  void (*const done)(void*) = std::exchange(stop_done_, nullptr);
  set_state(State::kStopped);
  lock.unlock();
  if (done) done(stop_user_);
}

void IsolatedInstance::destroy() {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<Session> session = std::exchange(session_, nullptr), before = std::exchange(gone_, nullptr);
  set_state(State::kStopped);
  lock.unlock();
  if (session) session->finish(kExitPatience);
  if (before) before->join();
}

void IsolatedInstance::abandon() {
  std::unique_lock lock(mutex_);
  if (timer_ != 0) context_.clock.cancel(std::exchange(timer_, 0));
  const std::shared_ptr<Session> session = std::exchange(session_, nullptr), before = std::exchange(gone_, nullptr);
  stop_done_ = nullptr;
  set_state(State::kStopped);
  lock.unlock();
  if (session) session->abandon();
  if (before) before->join();
}

}  // namespace trunkline::isolation
