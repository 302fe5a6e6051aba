#include "runtime/plugin/plugin_instance.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/async/executor.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "trunkline/interfaces.hpp"

namespace trunkline::plugin {
namespace {

constexpr JsonLimits kConfigLimits{1024 * 1024, 32};
// For an instance that is destroyed without a stop, such as one that failed its checks after create.
constexpr std::chrono::milliseconds kLastPatience{1000};
// Threads that were inside the plugin when it stopped are on their way out, or hang there.
constexpr std::chrono::milliseconds kLeavingPatience{100};

std::string_view kind_name(CallIncident::Kind kind) {
  switch (kind) {
    case CallIncident::Kind::kSecondDone:
      return "second_done";
    case CallIncident::Kind::kLateDone:
      return "late_done";
    case CallIncident::Kind::kOverrun:
      return "overrun";
    case CallIncident::Kind::kBadResult:
      return "bad_result";
    case CallIncident::Kind::kNotSynchronous:
      return "not_synchronous";
    case CallIncident::Kind::kException:
      return "exception";
  }
  return "other";
}

tl_str as_text(std::string_view s) { return {s.data() ? s.data() : "", s.size()}; }

// Everything that is wrong with what the configuration gives a plugin; the config with its defaults filled in.
std::string checked_config(const Manifest& manifest, const InstanceSettings& settings, const std::string& where) {
  Problems problems;
  nlohmann::json config;
  try {
    config = parse_json(settings.config_json, kConfigLimits);
    manifest.config_schema.validate(config, "config", problems);
  } catch (const Error& error) {
    problems.add("config", error.message);
  }
  std::vector<std::string> known(manifest.secrets);
  known.insert(known.end(), manifest.optional_secrets.begin(), manifest.optional_secrets.end());
  for (const std::string& name : manifest.secrets)
    if (!settings.secrets.contains(name))
      problems.add("secrets." + name, "missing, wanted because the manifest of plugin " + manifest.id + " names it");
  for (const auto& [name, unused] : settings.secrets)
    if (!manifest.may_read_secret(name))
      problems.add("secrets." + name,
                   "unknown secret; wanted " + (known.empty() ? std::string("none") : "one of " + join(known, ", ")));
  for (const std::string& id : settings.interfaces)
    if (!manifest.offers(id)) problems.add("interfaces", "found " + id + ", wanted one of " + join(manifest.interfaces, ", "));
  if (!problems.empty()) throw problems.to_error(ErrorCode::kInvalidArgument, where);
  return config.dump();
}

}  // namespace

// What the plugin holds of the host. Apart from the instance, because an abandoned plugin keeps it.
struct PluginInstance::Bridge {
  Bridge(HostContext& context, const Manifest& manifest, InstanceSettings& settings, bool of_application)
      : services(context, manifest, settings.provider, std::move(settings.secrets), std::move(settings.status)),
        event_sink(std::move(settings.event_sink)),
        work(context.executor.work()) {
    host.struct_size = sizeof(tl_host);
    host.abi = TL_ABI_CURRENT;
    host.ctx = this;
    host.get_interface = [](void* ctx, tl_str id) noexcept -> tl_iface {
      const auto& self = *static_cast<const Bridge*>(ctx);
      if (!id.data) return {nullptr, nullptr};
      const std::string_view wanted(id.data, id.size);
      if (wanted == TL_APP_WORK_ID && self.of_application) return {ctx, &kWork};
      const tl_iface found = self.services.find(wanted);
      return found.vtbl || !self.event_sink || !self.open.load(std::memory_order_acquire) ? found : self.event_sink(wanted);
    };
    ErrorHost::install(host);
    this->of_application = of_application;
  }
  ~Bridge() { set_busy(false); }

  /// Once it is closed the runtime goes, and waits for nobody.
  void set_busy(bool busy) noexcept {
    const std::lock_guard lock(busy_mutex);
    if (busy && !open.load(std::memory_order_acquire)) return;
    if (std::exchange(counted, busy) == busy) return;
    if (busy)
      work.begin();
    else
      work.end();
  }
  void close() noexcept {
    open.store(false, std::memory_order_release);
    set_busy(false);
  }
  static constexpr tl_app_work kWork{sizeof(tl_app_work), 0,
                                     [](void* self, tl_bool busy) noexcept { static_cast<Bridge*>(self)->set_busy(busy != 0); }};

  HostServices services;
  std::function<tl_iface(std::string_view)> event_sink;  // [any-thread]
  std::atomic<bool> open{true};
  tl_host host{};
  bool of_application = false;  // or elsewhere: it says itself when it is busy
  WorkTracker& work;
  std::mutex busy_mutex;
  bool counted = false;  // guarded by busy_mutex
};

// Where a plugin's stop completes.
struct PluginInstance::StopSignal {
  std::mutex mutex;
  std::condition_variable changed;
  int completions = 0;
  bool drained = false;             // the host services, too
  PluginInstance* owner = nullptr;  // null: nobody is interested any more

  static void complete(void* user) noexcept {
    auto* signal = static_cast<StopSignal*>(user);
    const std::lock_guard lock(signal->mutex);
    if (++signal->completions > 1 && signal->owner) signal->owner->misbehaved("second_stop", "stop", "completed again");
    signal->changed.notify_all();
  }
  /// Reachable for ever, so that leak checkers see them as what they are.
  static StopSignal* make(PluginInstance* owner) {
    static auto& all = *new std::vector<StopSignal*>;
    static std::mutex guard;
    const std::lock_guard lock(guard);
    all.push_back(new StopSignal);
    all.back()->owner = owner;
    return all.back();
  }
};

// The timer for the earliest deadline of the instance's calls. Shared with the timer, which may outlive the instance.
struct PluginInstance::Deadlines : std::enable_shared_from_this<Deadlines> {
  Deadlines(trunkline::Clock& c, CallTable& t) : clock(c), calls(&t) {}

  void arm(Time due) {
    const std::lock_guard lock(mutex);
    if (!calls || (timer != 0 && due >= armed_for)) return;
    if (timer != 0) clock.cancel(timer);
    armed_for = due;
    timer = clock.schedule_at(due, [self = shared_from_this()] { self->fire(); });
  }
  void fire() {
    std::optional<Time> next;
    {
      const std::lock_guard lock(firing);  // close() waits for it
      CallTable* table;
      {
        const std::lock_guard inner(mutex);
        timer = 0;
        table = calls;
      }
      if (table) next = table->expire(clock.now());
    }
    if (next) arm(*next);
  }
  void close() {
    const std::lock_guard wait(firing);
    const std::lock_guard lock(mutex);
    calls = nullptr;
    if (timer != 0) clock.cancel(timer);
    timer = 0;
  }

  trunkline::Clock& clock;
  std::mutex firing;
  std::mutex mutex;  // guards what follows
  CallTable* calls;
  trunkline::Clock::TimerId timer = 0;
  Time armed_for{};
};

// Finds two threads in [lifecycle] members at once.
class PluginInstance::LifecycleCheck {
 public:
  LifecycleCheck(PluginInstance& instance, const char* what) : instance_(instance) {
    if (instance.in_lifecycle_.test_and_set(std::memory_order_acquire))
      throw Error(ErrorCode::kInternal, instance.where_ + ": " + what + " while another lifecycle call runs");
  }
  ~LifecycleCheck() { instance_.in_lifecycle_.clear(std::memory_order_release); }

 private:
  PluginInstance& instance_;
};

std::unique_ptr<PluginInstance> PluginInstance::create(const LoadedPlugin& plugin, InstanceSettings settings,
                                                       HostContext& context) {
  const std::string where = "provider " + settings.provider + " (plugin " + plugin.manifest.id + ")";
  const std::string config_json = checked_config(plugin.manifest, settings, where);
  const std::vector<std::string> wanted = settings.interfaces.empty() ? plugin.manifest.interfaces : settings.interfaces;
  std::unique_ptr<PluginInstance> instance(new PluginInstance(plugin, std::move(settings), context));
  instance->create_plugin(config_json);
  instance->find_interfaces(wanted);
  return instance;
}

PluginInstance::PluginInstance(const LoadedPlugin& plugin, InstanceSettings settings, HostContext& context)
    : plugin_(plugin),
      provider_(settings.provider),
      where_("provider " + settings.provider + " (plugin " + plugin.manifest.id + ")"),
      context_(context),
      bridge_(std::make_unique<Bridge>(context, plugin.manifest, settings, static_cast<bool>(plugin.create))),
      calls_(std::make_unique<CallTable>("provider " + provider_)) {
  deadlines_ = std::make_shared<Deadlines>(context.clock, *calls_);
  calls_->on_deadline([deadlines = deadlines_](Time due) { deadlines->arm(due); });
  calls_->on_incident(
      [this](const CallIncident& incident) { misbehaved(kind_name(incident.kind), incident.operation, incident.detail); });
}

PluginInstance::~PluginInstance() {
  if (instance_ && state_ == State::kCreated) begin_stop();
  if (instance_ && state_ == State::kStopping) finish_stop(kLastPatience);
  if (stop_signal_) {
    const std::lock_guard lock(stop_signal_->mutex);
    stop_signal_->owner = nullptr;
  }
  deadlines_->close();
}

void PluginInstance::fail(const std::string& what) const {
  throw Error(ErrorCode::kFailedPrecondition, where_ + ": " + what, provider_);
}

void PluginInstance::create_plugin(const std::string& config_json) {
  tl_plugin* made = nullptr;
  tl_error* error = nullptr;
  std::int32_t code = 0;
  try {
    code = plugin_.create ? plugin_.create(&bridge_->host, as_text(config_json), &made, &error)
                          : plugin_.entry->create(&bridge_->host, as_text(config_json), &made, &error);
  } catch (...) {
    // Undefined by the ABI, but caught where the plugin shares our C++ runtime.
    misbehaved("exception", "create", current_error().message);
    fail("found an exception out of create (" + current_error().message + "), wanted an error code");
  }
  if (code != 0) {
    if (!error) fail("create failed with code " + std::to_string(code) + " and no error");
    Error why = ErrorHost::take(error);
    why.message = where_ + ": create failed: " + why.message;
    if (why.target.empty()) why.target = provider_;
    throw why;
  }
  ErrorHost::error_free(nullptr, error);
  if (!made) fail("found success without an instance out of create, wanted an instance");
  instance_ = made;
}

void PluginInstance::find_interfaces(const std::vector<std::string>& wanted) {
  for (const std::string& id : wanted) {
    tl_iface found{nullptr, nullptr};
    try {
      found = plugin_.entry->get_interface(instance_, as_text(id));
    } catch (...) {
      misbehaved("exception", "get_interface", current_error().message);
    }
    if (!found.vtbl) fail("found no interface " + id + ", wanted it because the manifest lists it");
    if (const abi::InterfaceInfo* info = abi::find_interface(id)) {
      const auto size = *static_cast<const std::uint32_t*>(found.vtbl);
      if (const std::string_view slot = abi::missing_slot(*info, found.vtbl); !slot.empty())
        fail("interface " + id + ": found a table of struct_size " + std::to_string(size) + " without " + std::string(slot) +
             ", wanted every slot of the interface's first version (struct_size " + std::to_string(info->min_size) + ")");
    }
    interface_ids_.push_back(id);
    interfaces_.push_back(found);
  }
}

tl_iface PluginInstance::interface(std::string_view id) const {
  for (std::size_t i = 0; i < interface_ids_.size(); ++i)
    if (interface_ids_[i] == id) return interfaces_[i];
  return {nullptr, nullptr};
}

void PluginInstance::misbehaved(std::string_view kind, std::string_view operation, std::string_view detail) {
  context_.metrics
      .counter("trunkline_plugin_misbehaviour_total", "What plugins did that the ABI forbids.",
               {{"plugin", plugin_.manifest.id}, {"provider", provider_}, {"kind", std::string(kind)}})
      .add();
  // A plugin that does it with every call must not fill the log: the 1st, 2nd, 4th, 8th...
  const std::uint64_t count = incidents_.fetch_add(1) + 1;
  if ((count & (count - 1)) != 0) return;
  context_.log.error("plugin", "a plugin broke the rules of the ABI",
                     {{"plugin", plugin_.manifest.id},
                      {"provider", provider_},
                      {"kind", kind},
                      {"operation", operation},
                      {"detail", detail},
                      {"count", count}});
}

void PluginInstance::begin_stop() {
  const LifecycleCheck check(*this, "stop");
  if (state_ != State::kCreated) throw Error(ErrorCode::kFailedPrecondition, where_ + ": stopped already", provider_);
  state_ = State::kStopping;
  stop_signal_ = StopSignal::make(this);
  try {
    plugin_.entry->stop(instance_, &StopSignal::complete, stop_signal_);
  } catch (...) {
    misbehaved("exception", "stop", current_error().message);
  }
  bridge_->services.end_waits();
}

bool PluginInstance::finish_stop(std::chrono::milliseconds patience) {
  const LifecycleCheck check(*this, "stop");
  if (state_ == State::kStopped) return true;
  if (state_ != State::kStopping) throw Error(ErrorCode::kFailedPrecondition, where_ + ": is not being stopped", provider_);
  const auto until = std::chrono::steady_clock::now() + patience;
  StopSignal& signal = *stop_signal_;
  std::unique_lock lock(signal.mutex);
  bool drained = signal.changed.wait_until(lock, until, [&] { return signal.completions > 0; });
  if (drained) {
    lock.unlock();
    bridge_->services.shutdown([&signal] {
      const std::lock_guard inner(signal.mutex);
      signal.drained = true;
      signal.changed.notify_all();
    });
    lock.lock();
    drained = signal.changed.wait_until(lock, until, [&] { return signal.drained; });
  }
  lock.unlock();
  // A caller that looked the plugin up before it stopped may only now begin its call, or be on its way out of one.
  calls_->close_entrance();
  if (drained) drained = everybody_left(std::max(until, std::chrono::steady_clock::now() + kLeavingPatience));
  if (!drained) {
    state_ = State::kAbandoned;
    misbehaved("stop_timeout", "stop", "has not drained in " + std::to_string(patience.count()) + " ms and is abandoned");
    abandon();
    return false;
  }
  deadlines_->close();
  if (const std::size_t open = calls_->pending(); open != 0) {
    misbehaved("open_calls", "stop", "completed stop with " + std::to_string(open) + " operations open");
    calls_->close(Error(ErrorCode::kCancelled, where_ + " was stopped"));
  }
  destroy_plugin();
  state_ = State::kStopped;
  return true;
}

bool PluginInstance::everybody_left(std::chrono::steady_clock::time_point until) const {
  while (calls_->threads_inside() != 0) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::yield();
  }
  return true;
}

// The plugin may still call the host, which refuses from now on.
void PluginInstance::abandon() {
  deadlines_->close();
  calls_->close(Error(ErrorCode::kCancelled, where_ + " was abandoned"));
  bridge_->services.abandon();
  bridge_->close();
  if (plugin_.abandon) plugin_.abandon(instance_);
  static auto& abandoned = *new std::vector<std::pair<Bridge*, tl_plugin*>>;  // reachable, for leak checkers
  static std::mutex guard;
  const std::lock_guard lock(guard);
  abandoned.emplace_back(bridge_.release(), instance_);
}

void PluginInstance::destroy_plugin() {
  try {
    plugin_.entry->destroy(instance_);
  } catch (...) {
    misbehaved("exception", "destroy", current_error().message);
  }
  instance_ = nullptr;
}

}  // namespace trunkline::plugin
