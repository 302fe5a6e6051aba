#include "runtime/plugin/host_services.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "runtime/async/executor.h"
#include "runtime/base/json.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/diagnostics/redact.h"
#include "runtime/plugin/host_store.h"
#include "runtime/plugin/http_transport.h"
#include "runtime/plugin/resource_store.h"
#include "trunkline/host_provider.hpp"

namespace trunkline::plugin {
namespace {

constexpr std::size_t kMaxLogMessage = 16 * 1024;
constexpr std::size_t kMaxEventData = 1024 * 1024;
constexpr std::size_t kMaxSeries = 1000;  // metric series of one provider

class HostLog final : public host::Log {
 public:
  HostLog(trunkline::Log& log, const Manifest& manifest, std::string provider)
      : log_(log), plugin_(manifest.id), provider_(std::move(provider)) {}

  void write(const Call& call, host::LogLevel level, std::string_view message, std::optional<MapView> fields) override {
    const LogLevel mapped = level == host::LogLevel::kDebug     ? LogLevel::kDebug
                            : level == host::LogLevel::kWarning ? LogLevel::kWarning
                            : level == host::LogLevel::kError   ? LogLevel::kError
                                                                : LogLevel::kInfo;
    if (!log_.enabled(mapped)) return;
    std::string text;
    append_redacted(text, message.substr(0, kMaxLogMessage));
    std::string more;
    for (std::size_t i = 0; fields && i < fields->size() && more.size() < kMaxLogMessage; ++i) {
      const auto [key, value] = (*fields)[i];
      if (!more.empty()) more += ' ';
      more.append(key) += '=';
      if (names_secret(key))
        more += kRedacted;
      else
        append_redacted(more, value.substr(0, kMaxLogMessage));
    }
    if (call.traceparent().empty())
      log_.write(mapped, "plugin", text, {{"plugin", plugin_}, {"provider", provider_}, {"fields", more}});
    else
      log_.write(mapped, "plugin", text,
                 {{"plugin", plugin_}, {"provider", provider_}, {"fields", more}, {"traceparent", call.traceparent()}});
  }

 private:
  trunkline::Log& log_;
  const std::string plugin_, provider_;
};

class HostClock final : public host::Clock {
 public:
  HostClock(trunkline::Clock& clock, trunkline::Executor& executor)
      : clock_(clock), executor_(executor), waits_(std::make_shared<Waits>(clock)) {}

  Time now(const Call&) override { return clock_.now(); }

  void start_sleep(const Call& call, Duration delay, Completion<void> done) override {
    auto wait = std::make_shared<Wait>();
    const std::lock_guard setting_up(wait->mutex);  // whoever ends the wait early has to be later than this function
    wait->done = std::move(done);
    {
      const std::lock_guard lock(waits_->mutex);
      if (!waits_->ended)
        waits_->open.insert(wait);
      else
        executor_.post([waits = waits_, wait] { waits->finish(wait, true); });
    }
    // Timers and posted functions may come after this object has gone with its plugin instance; they share what they touch.
    wait->timer = clock_.schedule_after(std::max(delay, Duration{0}), [waits = waits_, wait] { waits->finish(wait, false); });
    // Cancelling goes over the executor: a subscription cannot end from inside its own function.
    wait->subscription = call.on_cancel(
        [waits = waits_, &executor = executor_, wait] { executor.post([waits, wait] { waits->finish(wait, true); }); });
  }

  void end_waits() {
    std::unordered_set<std::shared_ptr<Wait>> open;
    {
      const std::lock_guard lock(waits_->mutex);
      waits_->ended = true;
      open = waits_->open;
    }
    for (const auto& wait : open) waits_->finish(wait, true);
  }

 private:
  struct Wait {
    std::mutex mutex;
    Completion<void> done;  // empty: it has ended
    trunkline::Clock::TimerId timer = 0;
    CancelSubscription subscription;
  };
  struct Waits {
    explicit Waits(trunkline::Clock& c) : clock(c) {}

    void finish(const std::shared_ptr<Wait>& wait, bool cancelled) {
      Completion<void> done;
      {
        const std::lock_guard lock(wait->mutex);
        if (!wait->done) return;
        done = std::move(wait->done);
      }
      {
        const std::lock_guard lock(mutex);
        open.erase(wait);
      }
      wait->subscription.reset();
      if (cancelled) {
        clock.cancel(wait->timer);
        done.reject(Error(ErrorCode::kCancelled, "the wait was cancelled"));
      } else {
        done.resolve();
      }
    }

    trunkline::Clock& clock;
    std::mutex mutex;  // guards what follows
    std::unordered_set<std::shared_ptr<Wait>> open;
    bool ended = false;
  };

  trunkline::Clock& clock_;
  trunkline::Executor& executor_;
  const std::shared_ptr<Waits> waits_;
};

class HostExecutor final : public host::Executor {
 public:
  explicit HostExecutor(trunkline::Executor& executor) : executor_(executor) {}
  // Not as a coroutine: one that has ended on the pool before its starter looks goes on on the starter's thread.
  void start_yield(const Call&, Completion<void> done) override {
    executor_.post([done = std::move(done)]() mutable { done.resolve(); });
  }

 private:
  trunkline::Executor& executor_;
};

class HostHttp final : public host::Http {
 public:
  explicit HostHttp(HttpTransport& transport) : transport_(transport) {}
  Task<host::HttpResponse> send(Call call, host::HttpRequest request) override {
    return transport_.send(call, std::move(request));
  }

 private:
  HttpTransport& transport_;
};

class HostEvents final : public host::Events {
 public:
  HostEvents(HostContext& context, std::string provider) : context_(context), provider_(std::move(provider)) {}
  Task<void> publish(Call, std::string type, std::string subject, std::string data) override {
    if (type.empty() || type.size() > 256)
      throw Error(ErrorCode::kInvalidArgument, "type: found " + std::to_string(type.size()) + " bytes, wanted 1 to 256", "type");
    if (subject.size() > 1024)
      throw Error(ErrorCode::kInvalidArgument, "subject: found " + std::to_string(subject.size()) + " bytes, wanted at most 1024",
                  "subject");
    try {
      parse_json(data, {kMaxEventData, 64});
    } catch (Error& error) {
      error.target = "data";
      throw;
    }
    co_await context_.publish(provider_, std::move(type), std::move(subject), std::move(data));
  }

 private:
  HostContext& context_;
  const std::string provider_;
};

class HostSecrets final : public host::Secrets {
 public:
  HostSecrets(const Manifest& manifest, std::map<std::string, Secret> secrets)
      : manifest_(manifest), secrets_(std::move(secrets)) {}
  std::string get(const Call&, std::string_view name) override {
    if (!manifest_.may_read_secret(name))
      throw Error(ErrorCode::kNotFound,
                  "secret " + quote(name) + ": the manifest of plugin " + manifest_.id + " does not name it", std::string(name));
    const auto found = secrets_.find(std::string(name));
    if (found == secrets_.end())
      throw Error(ErrorCode::kNotFound, "secret " + quote(name) + ": not configured", std::string(name));
    return std::string(found->second.reveal());
  }

 private:
  const Manifest& manifest_;
  const std::map<std::string, Secret> secrets_;
};

class HostMetrics final : public host::Metrics {
 public:
  HostMetrics(trunkline::Metrics& metrics, std::string provider) : metrics_(metrics), provider_(std::move(provider)) {}

  void add(const Call&, std::string_view name, double value, std::optional<MapView> labels) override {
    if (!(value >= 0))
      throw Error(ErrorCode::kInvalidArgument,
                  "value: found " + std::to_string(value) + ", wanted 0 or more: counters never fall", "value");
    series(counters_, name, labels, [&](const std::string& full, const MetricLabels& all) {
      return metrics_.counter(full, "Counter of a plugin.", all);
    }).add(value);
  }
  void observe(const Call&, std::string_view name, double value, std::optional<MapView> labels) override {
    series(histograms_, name, labels, [&](const std::string& full, const MetricLabels& all) {
      return metrics_.histogram(full, "Histogram of a plugin.", all);
    }).observe(value);
  }

 private:
  static bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
  }
  // The series of a name and its labels, kept so that the registry is asked once.
  template <class Kept, class Make>
  typename Kept::mapped_type series(Kept& kept, std::string_view name, const std::optional<MapView>& labels, Make make) {
    std::string key(name);
    for (std::size_t i = 0; labels && i < labels->size(); ++i) {
      const auto [label, value] = (*labels)[i];
      key.append(1, '\0').append(label).append(1, '\0').append(value);
    }
    const std::lock_guard lock(mutex_);
    if (const auto found = kept.find(key); found != kept.end()) return found->second;
    if (!is_name(name))
      throw Error(ErrorCode::kInvalidArgument,
                  "name: found " + quote(name) + ", wanted lower-case letters, digits and underscores", "name");
    MetricLabels all{{"provider", provider_}};
    for (std::size_t i = 0; labels && i < labels->size(); ++i) {
      const auto [label, value] = (*labels)[i];
      if (!is_name(label) || label == "provider" || label == "le")
        throw Error(
            ErrorCode::kInvalidArgument,
            "labels: found " + quote(label) + ", wanted lower-case letters, digits and underscores, but neither provider nor le",
            "labels");
      all.emplace_back(label, value);
    }
    if (counters_.size() + histograms_.size() >= kMaxSeries)
      throw Error(ErrorCode::kResourceExhausted, "a provider may have at most " + std::to_string(kMaxSeries) + " series",
                  "labels");
    return kept.emplace(std::move(key), make("trunkline_plugin_" + std::string(name), all)).first->second;
  }

  trunkline::Metrics& metrics_;
  const std::string provider_;
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Counter> counters_;
  std::unordered_map<std::string, Histogram> histograms_;
};

class HostStatus final : public host::Status {
 public:
  explicit HostStatus(std::shared_ptr<StatusBoard> board) : board_(std::move(board)) {}
  void set(const Call&, std::string_view name, std::string_view value) override { board_->set(name, value); }

 private:
  const std::shared_ptr<StatusBoard> board_;
};

}  // namespace

struct HostServices::Impl {
  Impl(HostContext& context, const Manifest& manifest, const std::string& provider, std::map<std::string, Secret> values,
       std::shared_ptr<StatusBoard> board)
      : log(context.log, manifest, provider),
        clock(context.clock, context.executor),
        executor(context.executor),
        secrets(manifest, std::move(values)),
        metrics(context.metrics, provider),
        status(std::move(board)) {
    if (context.http) http.emplace(*context.http);
    if (context.database) store.emplace(*context.database, provider);
    if (context.find_resource) resource_store.emplace(context.find_resource, provider);
    if (context.publish) events.emplace(context, provider);
  }
  template <class F>
  void each(F f) {
    f(log), f(clock), f(executor), f(secrets), f(metrics), f(status);
    if (http) f(*http);
    if (store) f(*store);
    if (resource_store) f(*resource_store);
    if (events) f(*events);
  }

  HostLog log;
  HostClock clock;
  HostExecutor executor;
  HostSecrets secrets;
  HostMetrics metrics;
  HostStatus status;
  std::optional<HostHttp> http;
  std::optional<HostStore> store;
  std::optional<HostResourceStore> resource_store;
  std::optional<HostEvents> events;

  bool shut = false;
  std::atomic<int> draining{0};
  UniqueFunction<void()> drained;
};

HostServices::HostServices(HostContext& context, const Manifest& manifest, std::string provider,
                           std::map<std::string, Secret> secrets, std::shared_ptr<StatusBoard> status)
    : impl_(std::make_unique<Impl>(context, manifest, provider, std::move(secrets), std::move(status))) {}
HostServices::~HostServices() = default;

tl_iface HostServices::find(std::string_view id) const {
  tl_iface found{nullptr, nullptr};
  impl_->each([&](const Implementation& service) {
    if (!found.vtbl) found = service.find(id);
  });
  return found;
}

void HostServices::end_waits() { impl_->clock.end_waits(); }

void HostServices::shutdown(UniqueFunction<void()> done) {
  end_waits();
  impl_->shut = true;
  std::vector<Implementation*> services{&impl_->clock, &impl_->executor};
  if (impl_->http) services.push_back(&*impl_->http);
  if (impl_->store) services.push_back(&*impl_->store);
  if (impl_->resource_store) services.push_back(&*impl_->resource_store);
  if (impl_->events) services.push_back(&*impl_->events);
  impl_->drained = std::move(done);
  impl_->draining = static_cast<int>(services.size());
  const auto one = [](void* user) {
    auto* impl = static_cast<Impl*>(user);
    if (impl->draining.fetch_sub(1) != 1) return;
    auto drained = std::move(impl->drained);
    drained();  // *impl may be gone afterwards
  };
  for (Implementation* service : services) service->drain(one, impl_.get());
}

void HostServices::abandon() {
  if (!impl_->shut) shutdown([] {});
  Implementation* const rest[] = {&impl_->log, &impl_->secrets, &impl_->metrics, &impl_->status};
  for (Implementation* service : rest) service->drain([](void*) {}, nullptr);
}

}  // namespace trunkline::plugin
