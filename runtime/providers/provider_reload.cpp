// Another instance takes over from the one that serves; and providers that go while the runtime runs.
#include <algorithm>

#include "runtime/base/time_text.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/providers/provider_registry.h"

namespace trunkline {
namespace {

/// Instances of one provider that drain at once: each has its memory, perhaps a process.
constexpr std::size_t kMostDraining = 32;
constexpr Duration kLongest = std::chrono::hours(24);

/// What these keep, such as calls, belongs to the instance that has it and to no other.
bool stays_where_it_is(std::string_view interface_id) { return interface_id.starts_with("trunkline.pstn"); }
/// What these remember of their storage must not be there twice: one goes before the next one comes.
bool is_handed_over(std::string_view interface_id) {
  return interface_id.starts_with("trunkline.chat/") || interface_id.starts_with("trunkline.identity/");
}
bool any_is_handed_over(const std::vector<std::string>& ids) { return std::any_of(ids.begin(), ids.end(), is_handed_over); }

Error wrong(const std::string& provider, const std::string& text, std::string target) {
  return Error(ErrorCode::kInvalidArgument, "provider " + provider + ": " + text, std::move(target));
}

bool routed_alike(const ProviderInstance& a, const ProviderInstance& b) {
  return a.interfaces() == b.interfaces() && a.sms_capabilities() == b.sms_capabilities() &&
         a.email_capabilities() == b.email_capabilities() && a.config().prices.currency == b.config().prices.currency &&
         a.config().prices.parts == b.config().prices.parts;
}

/// Tells a coroutine what became of a job, on the executor; a job that is dropped tells it, too.
template <class T>
class Answer {
 public:
  Answer(Executor& executor, std::function<void(Result<T>)> done) : executor_(executor), done_(std::move(done)) {}
  Answer(const Answer&) = delete;
  ~Answer() { tell(Error(ErrorCode::kCancelled, "the runtime stops")); }
  void tell(Result<T> result) {
    if (!done_) return;
    executor_.post([done = std::exchange(done_, {}), result = std::move(result)]() mutable { done(std::move(result)); });
  }

 private:
  Executor& executor_;
  std::function<void(Result<T>)> done_;
};

/// Whom to tell that a process was lost, which may happen before there is anybody.
struct Watcher {
  std::mutex mutex;
  ProviderInstance* instance = nullptr;
  std::optional<std::string> lost;
};

}  // namespace

std::shared_ptr<Provider> ProviderRegistry::running(std::string_view name, std::string_view what) const {
  if (!started_ || stopped_)
    throw Error(ErrorCode::kFailedPrecondition, "provider " + std::string(name) + ": the runtime does not run",
                std::string(name));
  std::string found;
  for (const auto& provider : now().providers) {
    if (provider->name() == name) return provider;
    found += (found.empty() ? "" : ", ") + provider->name();
  }
  throw Error(ErrorCode::kNotFound,
              "provider " + std::string(name) + ": there is none to " + std::string(what) + "; found " +
                  (found.empty() ? std::string("no provider") : found),
              "provider");
}

void ProviderRegistry::check_change(const Provider& provider, const ProviderConfig& config) const {
  const ProviderConfig& before = provider.current().config();
  const std::string& name = provider.name();
  if (config.name != name) throw wrong(name, "found the settings of provider " + config.name, "name");
  if (config.plugin != before.plugin)
    throw wrong(name, "found plugin " + config.plugin + ", wanted " + before.plugin + ": a reload changes the build", "plugin");
  if (config.breaker.failures != before.breaker.failures || config.breaker.open_for != before.breaker.open_for ||
      config.breaker.return_over != before.breaker.return_over)
    throw wrong(name, "found another breaker than that of the running provider, which changes with a restart alone", "breaker");
}

InstanceCode ProviderRegistry::code_of_build(const Provider& provider, const ProviderConfig& config, ReloadRequest& request) {
  const ProviderInstance& present = provider.current();
  const std::string& name = provider.name();
  InstanceCode code;
  if (present.manifest().library.empty()) {
    if (!request.library.empty())
      throw wrong(name, "found a library, wanted none: the provider is an object of the application", "library");
    if (config.isolation.mode != IsolationConfig::Mode::kNone)
      throw wrong(name, "isolation: process is for plugins with a library; this one is an object of the application",
                  "isolation");
    if (!request.app)
      throw wrong(name, "found no object, wanted one that takes over: the provider is an object of the application", "provider");
    code.app = std::move(request.app);
    code.loaded = &code.app->loaded();
    if (code.loaded->manifest.id != provider.plugin_id())
      throw wrong(name, "found plugin " + code.loaded->manifest.id + ", wanted " + provider.plugin_id(), "plugin");
    return code;
  }
  if (request.app) throw wrong(name, "found an object, wanted a library: its plugin has one", "provider");
  plugin::Manifest manifest = loader_.manifest_of_build(present.manifest(), request.library);
  if (config.isolation.mode == IsolationConfig::Mode::kNone) {
    code.loaded = &loader_.load_build(std::move(manifest));
    return code;
  }
  code.copy = loader_.copy_for_process(manifest);
  code.isolated =
      std::make_shared<isolation::IsolatedPlugin>(std::move(manifest), name, isolation_options(config.isolation), host_);
  code.loaded = &code.isolated->loaded();
  return code;
}

service::ProviderInfo ProviderRegistry::reload(ReloadRequest request) {
  const std::lock_guard lock(changing_);
  const std::shared_ptr<Provider> provider = running(request.provider, "reload");
  const std::string& name = provider->name();
  try {
    if (request.probation < Duration{0} || request.probation > kLongest || request.drain < Duration{0} ||
        request.drain > kLongest)
      throw wrong(name, "probation and drain are from 0 to 24 h", "probation");
    for (const std::string& id : provider->interfaces())
      if (stays_where_it_is(id))
        throw Error(
            ErrorCode::kFailedPrecondition,
            "it offers " + id + ", and what that keeps stays with the instance that has it: it changes with a restart alone",
            name);
    if (draining_.count(name) >= kMostDraining)
      throw std::move(Error(ErrorCode::kResourceExhausted,
                            std::to_string(kMostDraining) + " earlier instances of it still drain, which is as many as may",
                            name))
          .with_retry();
    ProviderConfig config = provider->current().config();
    if (request.config && request.only_config)
      config.config_json = request.config->config_json;
    else if (request.config)
      config = *request.config;
    check_change(*provider, config);
    InstanceCode code = code_of_build(*provider, config, request);
    if (any_is_handed_over(provider->interfaces()) || any_is_handed_over(code.loaded->manifest.interfaces)) {
      hand_over(provider, config, std::move(code));
      return info_of(*provider);
    }
    const bool is_app = code.app != nullptr;
    const auto watcher = std::make_shared<Watcher>();
    if (code.isolated)
      code.isolated->set_on_lost([this, watcher, weak = std::weak_ptr(provider)](const std::string& why) {
        ProviderInstance* instance = nullptr;
        {
          const std::lock_guard watching(watcher->mutex);
          instance = watcher->instance;
          watcher->lost = why;
        }
        if (instance) failed(weak, *instance, why);
      });
    std::unique_ptr<ProviderInstance> next = make(config, std::move(code));
    for (const std::string& id : next->interfaces())
      if (stays_where_it_is(id)) throw Error(ErrorCode::kFailedPrecondition, "the new build offers " + id, name);
    std::unique_ptr<Set> set;
    if (!routed_alike(provider->current(), *next)) {
      set = std::make_unique<Set>();
      set->providers = now().providers;
      std::vector<Error> errors;
      make_routers(*set, errors, {provider.get(), next.get()});
      if (!errors.empty()) throw joined(std::move(errors));
    }

    // From here on nothing is refused. One that stood by until now is not needed: its successor is about to do that.
    if (provider->on_probation()) commit(provider);
    {
      const std::lock_guard telling(reloaded_mutex_);
      Reloaded& last = reloaded_[name];
      last.outcome = "probation";
      last.detail.clear();
      last.at = host_.clock.now();
      last.on_probation = true;
      last.drain = request.drain;
    }
    ProviderInstance& serving = provider->take_over(std::move(next));
    if (set) publish(std::move(set));
    provider->breaker_.forget();
    if (is_app) loader_.list_app(serving.app()->loaded(), true);
    if (on_changed_) on_changed_(name, &serving.config());
    host_.log.info("providers", "another instance of a provider serves",
                   {{"provider", name},
                    {"plugin", provider->plugin_id()},
                    {"version", serving.manifest().version},
                    {"library", serving.manifest().library.string()},
                    {"instance", serving.number()},
                    {"probation", format_duration(request.probation)}});
    std::optional<std::string> lost;
    {
      const std::lock_guard watching(watcher->mutex);
      watcher->instance = &serving;
      lost = watcher->lost;
    }
    if (lost)
      failed(provider, serving, *lost);
    else if (request.probation == Duration{0})
      commit(provider);
    else
      begin_probation(provider, serving.number(), request.probation);
  } catch (...) {
    Error why = current_error();
    concluded(*provider, "refused", why.message);
    why.message = "provider " + name +
                  (provider->serves() ? " goes on with the instance that it has: " : " does not serve any more: ") + why.message;
    throw why;
  }
  return info_of(*provider);
}

// With changing_ held. Whoever calls meanwhile waits, and nobody stands by: two at once on one storage would each believe in what
// they remember.
void ProviderRegistry::hand_over(const std::shared_ptr<Provider>& provider, const ProviderConfig& config, InstanceCode code) {
  const std::string& name = provider->name();
  const ProviderInstance& present = provider->current();
  for (const std::string& id : present.interfaces())
    if (!code.loaded->manifest.offers(id))
      throw Error(ErrorCode::kFailedPrecondition, "the new build does not offer " + id + ", which the present one does", name);
  for (const std::string& id : code.loaded->manifest.interfaces)
    if (id.starts_with("trunkline.sms/") || id.starts_with("trunkline.email/"))
      throw Error(ErrorCode::kFailedPrecondition,
                  "it offers " + id + " as well, which has routes: it changes with a restart alone", name);
  ProviderInstance* const before = provider->hold();
  if (!before)
    throw Error(ErrorCode::kFailedPrecondition,
                "an interface of it was taken for as long as the runtime runs: it changes with a restart alone", name);
  // Whatever happens, those that wait go on.
  const auto let_serve = [&](std::unique_ptr<ProviderInstance> one, Provider::Present present) {
    for (auto& resume : provider->let_serve(std::move(one), present)) host_.executor.post(std::move(resume));
  };
  if (!before->wait_idle(hand_over_patience_)) {
    let_serve(nullptr, Provider::Present::kGoesOn);
    throw std::move(Error(ErrorCode::kFailedPrecondition,
                          "calls that are under way have not ended within " + format_duration(hand_over_patience_), name))
        .with_retry();
  }
  const bool is_app = code.app != nullptr;
  InstanceCode again;
  before->begin_stop();
  if (before->finish_stop_for_another(hand_over_patience_, again) != ProviderInstance::End::kStopped) {
    let_serve(nullptr, Provider::Present::kHasStopped);
    throw Error(ErrorCode::kFailedPrecondition,
                "the instance that it had was stopped and has not ended within " + format_duration(hand_over_patience_) +
                    "; another one beside it might harm what they keep: a restart makes it anew",
                name);
  }
  std::unique_ptr<ProviderInstance> next;
  std::optional<Error> refusal;
  try {
    next = make(config, std::move(code));
  } catch (...) {
    refusal = current_error();
    try {
      if (!again.loaded) throw Error(ErrorCode::kFailedPrecondition, "there is none since an earlier reload", name);
      next = make(before->config(), std::move(again));
      refusal->message += "; that was stopped and made again";
    } catch (...) {
      let_serve(nullptr, Provider::Present::kHasStopped);
      refusal->message += "; and the instance before does not start any more: " + current_error().message;
      throw *refusal;
    }
  }
  let_serve(std::move(next), Provider::Present::kHasStopped);
  if (refusal) throw *refusal;
  provider->breaker_.forget();
  const ProviderInstance& serving = provider->current();
  if (is_app) loader_.list_app(serving.app()->loaded(), true);
  if (on_changed_) on_changed_(name, &serving.config());
  host_.log.info("providers", "another instance of a provider serves",
                 {{"provider", name},
                  {"plugin", provider->plugin_id()},
                  {"version", serving.manifest().version},
                  {"library", serving.manifest().library.string()},
                  {"instance", serving.number()}});
  concluded(*provider, "switched", {});
}

void ProviderRegistry::begin_probation(const std::shared_ptr<Provider>& provider, std::uint32_t number, Duration probation) {
  const Clock::TimerId timer =
      host_.clock.schedule_after(probation, [this, jobs = jobs_, weak = std::weak_ptr(provider), number] {
        jobs->post([this, weak, number] {
          const std::lock_guard lock(changing_);
          const std::shared_ptr<Provider> proven = weak.lock();
          if (proven && !stopped_ && proven->number() == number) commit(proven);
        });
      });
  const std::lock_guard lock(reloaded_mutex_);
  reloaded_[provider->name()].timer = timer;
}

// With changing_ held.
void ProviderRegistry::commit(const std::shared_ptr<Provider>& provider) {
  ProviderInstance* const before = provider->dismiss();
  if (!before) return;
  Duration drain{};
  {
    const std::lock_guard lock(reloaded_mutex_);
    drain = reloaded_[provider->name()].drain;
  }
  draining_.add(provider, *before, drain);
  concluded(*provider, "switched", {});
}

// Where it is found out, so that no further call meets the instance that failed.
void ProviderRegistry::failed(const std::weak_ptr<Provider>& provider, ProviderInstance& instance, const std::string& why) {
  const std::shared_ptr<Provider> one = provider.lock();
  if (!one || !one->fall_back(instance)) return;
  draining_.add(one, instance, Duration{0});
  jobs_->post([this, one, why] { rolled_back(one, why); });
}

// A job.
void ProviderRegistry::rolled_back(const std::shared_ptr<Provider>& provider, const std::string& why) {
  const std::lock_guard lock(changing_);
  if (stopped_) return;
  provider->breaker_.forget();
  auto set = std::make_unique<Set>();
  set->providers = now().providers;
  std::vector<Error> errors;
  make_routers(*set, errors);
  if (errors.empty())  // they were good before
    publish(std::move(set));
  const ProviderInstance& serving = provider->current();
  if (serving.app()) loader_.list_app(serving.app()->loaded(), true);
  if (on_changed_) on_changed_(provider->name(), &serving.config());
  concluded(*provider, "rolled_back", why);
}

void ProviderRegistry::concluded(const Provider& provider, std::string_view outcome, const std::string& detail) {
  const bool refused = outcome == "refused";
  std::vector<UniqueFunction<void()>> waiting;
  Clock::TimerId timer = 0;
  {
    const std::lock_guard lock(reloaded_mutex_);
    Reloaded& last = reloaded_[provider.name()];
    last.outcome = outcome;
    last.detail = detail;
    last.at = host_.clock.now();
    // What began it: what was tried afterwards stands in `detail`.
    if (provider.serves())
      last.failure.clear();
    else if (last.failure.empty())
      last.failure = detail;
    if (!refused) {  // else an earlier one may still be on probation
      last.on_probation = false;
      timer = std::exchange(last.timer, 0);
      waiting.swap(last.waiting);
    }
  }
  if (timer != 0) host_.clock.cancel(timer);
  host_.metrics
      .counter("trunkline_provider_reloads_total", "Reloads of providers, by what became of them.",
               {{"provider", provider.name()}, {"plugin", provider.plugin_id()}, {"outcome", std::string(outcome)}})
      .add();
  std::string_view text = "a provider was reloaded; the instance before drains";
  if (refused) {
    text = "a reload of a provider was refused; the present instance goes on";
    if (!provider.serves()) text = "a reload of a provider failed; nothing serves in its place";
  }
  if (outcome == "rolled_back") text = "the new instance of a provider failed; the one before serves again";
  host_.log.write(
      outcome == "switched" ? LogLevel::kInfo : LogLevel::kError, "providers", text,
      {{"provider", provider.name()}, {"plugin", provider.plugin_id()}, {"instance", provider.number()}, {"detail", detail}});
  for (auto& one : waiting) one();
}

// ---- asynchronously ----

Task<service::ProviderInfo> ProviderRegistry::reload_async(ReloadRequest request) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto start = [this, shared = std::make_shared<ReloadRequest>(std::move(request))](auto done) {
    auto answer = std::make_shared<Answer<service::ProviderInfo>>(host_.executor, std::move(done));
    jobs_->post([this, shared, answer] {
      try {
        answer->tell(reload(std::move(*shared)));
      } catch (...) {
        answer->tell(current_error());
      }
    });
  };
  co_return co_await from_callback<service::ProviderInfo>(std::move(start));
}

Task<void> ProviderRegistry::remove(std::string name) {
  auto start = [this, name](auto done) {
    auto answer = std::make_shared<Answer<void>>(host_.executor, std::move(done));
    jobs_->post([this, name, answer] {
      try {
        take_away(name, [answer] { answer->tell(Result<void>()); });
      } catch (...) {
        answer->tell(current_error());
      }
    });
  };
  co_await from_callback<void>(std::move(start));
}

void ProviderRegistry::take_away(const std::string& name, std::function<void()> ended) {
  const std::lock_guard lock(changing_);
  const std::shared_ptr<Provider> provider = running(name, "remove");
  if (!added_.contains(name))
    throw Error(ErrorCode::kFailedPrecondition,
                "provider " + name + ": is one of the configuration; only those that were added while the runtime runs can go",
                "provider");
  auto set = std::make_unique<Set>();
  for (const auto& other : now().providers)
    if (other != provider) set->providers.push_back(other);
  std::vector<Error> errors;
  make_routers(*set, errors);
  if (!errors.empty()) throw joined(std::move(errors));
  publish(std::move(set));
  added_.erase(name);
  loader_.remove_app(provider->plugin_id());
  if (on_changed_) on_changed_(name, nullptr);
  release_waiters(name);
  host_.log.info("providers", "a provider was removed", {{"provider", name}, {"plugin", provider->plugin_id()}});
  std::vector<ProviderInstance*> served = provider->close();
  // The one that served is last; the others have nothing to do.
  for (ProviderInstance* const instance : served)
    draining_.add(provider, *instance, Duration{0}, instance == served.back() ? std::move(ended) : std::function<void()>());
}

void ProviderRegistry::when_settled(std::string_view name, UniqueFunction<void()> fn) {
  {
    const std::lock_guard lock(reloaded_mutex_);
    const auto last = reloaded_.find(name);
    if (last != reloaded_.end() && last->second.on_probation) return last->second.waiting.push_back(std::move(fn));
  }
  fn();
}

void ProviderRegistry::release_waiters(std::string_view name) {
  std::vector<UniqueFunction<void()>> waiting;
  std::vector<Clock::TimerId> timers;
  {
    const std::lock_guard lock(reloaded_mutex_);
    for (auto& [provider, last] : reloaded_) {
      if (!name.empty() && provider != name) continue;
      for (auto& one : last.waiting) waiting.push_back(std::move(one));
      last.waiting.clear();
      if (last.timer != 0) timers.push_back(std::exchange(last.timer, 0));
      last.on_probation = false;
    }
    if (!name.empty()) {
      const auto gone = reloaded_.find(name);
      if (gone != reloaded_.end()) reloaded_.erase(gone);
    }
  }
  for (const Clock::TimerId timer : timers) host_.clock.cancel(timer);
  for (auto& one : waiting) one();
}

// ---- what there is ----

void ProviderRegistry::add_state(const Provider& provider, const ProviderInstance& serving, service::ProviderInfo& info) const {
  using Presence = Provider::Presence;
  switch (provider.presence()) {
    case Presence::kChanges:
      info.state = "changing";
      return;
    case Presence::kNone: {
      info.state = "failed";
      const std::lock_guard lock(reloaded_mutex_);
      const auto last = reloaded_.find(provider.name());
      info.failure = last == reloaded_.end() || last->second.failure.empty() ? "it was stopped" : last->second.failure;
      return;
    }
    case Presence::kProbation:
      info.state = "probation";
      break;
    case Presence::kServes:
      info.state = "serving";
      break;
  }
  // Its interfaces are there, and refuse every call.
  if (std::string failure = serving.process_failure(); !failure.empty()) {
    info.state = "failed";
    info.failure = std::move(failure);
  }
}

service::ProviderInfo ProviderRegistry::info_of(const Provider& provider) const {
  const ProviderInstance& serving = provider.current();
  service::ProviderInfo info;
  info.name = provider.name();
  info.plugin = provider.plugin_id();
  info.version = serving.manifest().version;
  if (!serving.manifest().library.empty()) info.path = serving.manifest().library.string();
  info.interfaces = serving.interfaces();
  add_state(provider, serving, info);
  info.instance = static_cast<std::int32_t>(serving.number());
  info.since = serving.since();
  info.draining = static_cast<std::int32_t>(draining_.count(provider.name()));
  if (std::string state = serving.process_state(); !state.empty()) info.process = std::move(state);
  if (const int process = serving.process_id(); process != 0) info.process_id = process;
  if (auto status = serving.status(); !status.empty() && info.state != "failed") info.status = std::move(status);
  const std::lock_guard lock(reloaded_mutex_);
  const auto last = reloaded_.find(provider.name());
  if (last == reloaded_.end()) return info;
  info.last_reload = last->second.outcome;
  if (!last->second.detail.empty()) info.detail = last->second.detail;
  return info;
}

std::vector<service::ProviderInfo> ProviderRegistry::list() const {
  std::vector<service::ProviderInfo> out;
  for (const auto& provider : now().providers) out.push_back(info_of(*provider));
  return out;
}

service::ProviderInfo ProviderRegistry::describe(std::string_view name) const {
  for (const auto& provider : now().providers)
    if (provider->name() == name) return info_of(*provider);
  throw Error(ErrorCode::kNotFound, "provider " + std::string(name) + ": there is none of this name", "provider");
}

}  // namespace trunkline
