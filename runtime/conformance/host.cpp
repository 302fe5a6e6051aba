#include "runtime/conformance/host.h"

#include "runtime/conformance/operations.h"
#include "runtime/plugin/host_store.h"
#include "runtime/plugin/resource_store.h"
#include "runtime/store/migrations.h"

namespace trunkline::conformance {
namespace {

constexpr std::int64_t kResourceKey = 1;
constexpr std::size_t kMaxUnanswered = 8;

}  // namespace

// ---- HTTP ----

Task<host::HttpResponse> ScriptedHttp::send(Call call, host::HttpRequest request) {
  requests_.fetch_add(1);
  const HttpRule rule = rule_for(request);
  if (rule.delay_ms > 0) co_await clock_.sleep(std::chrono::milliseconds(rule.delay_ms));
  call.check_cancelled();
  if (rule.fails) {
    Error refused(ErrorCode::kUnavailable, "the connection was refused");
    refused.provider_code = "connection";  // as the real transport tells it
    throw refused;
  }
  host::HttpResponse response;
  response.status = rule.status;
  for (const auto& [name, value] : rule.headers) response.headers.emplace(name, value);
  response.body = Bytes(rule.body.begin(), rule.body.end());
  co_return response;
}

void ScriptedHttp::answer_all(std::optional<HttpRule> rule) {
  const std::lock_guard lock(mutex_);
  all_ = std::move(rule);
}

std::vector<std::string> ScriptedHttp::unanswered() const {
  const std::lock_guard lock(mutex_);
  return unanswered_;
}

HttpRule ScriptedHttp::rule_for(const host::HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  if (all_) return *all_;
  for (const HttpRule& rule : rules_)
    if ((rule.method.empty() || rule.method == request.method) && (rule.url.empty() || matches_pattern(rule.url, request.url)))
      return rule;
  if (unanswered_.size() < kMaxUnanswered)
    unanswered_.push_back(request.method + " " + request.url.substr(0, request.url.find('?')));
  HttpRule none;
  none.fails = true;
  return none;
}

// ---- host ----

KitHost::KitHost(const Quirks& q)
    : quirks(q), http(clock, q.http), context_{executor, clock, log, metrics, &database, &http, {}, {}} {
  database.migrate(store::merge_migrations({plugin::plugin_migrations(), plugin::resource_store_migrations()}));
  context_.publish = [this](std::string, std::string, std::string, std::string) -> Task<void> {
    pulse.beat();
    co_return;
  };
  context_.find_resource = [this](std::string_view id) {
    if (id != kResourceId) throw Error(ErrorCode::kNotFound, "no such resource", "resourceId");
    return plugin::ResourceStorage{&database, kResourceKey, 0};
  };
}

KitHost::~KitHost() {
  clock.stop();
  executor.stop();
}

Subject KitHost::open(const plugin::LoadedPlugin& plugin, plugin::InstanceSettings settings) {
  Subject subject;
  subject.sink = std::make_shared<EventSink>(pulse, database, kResourceKey, settings.provider);
  settings.event_sink = [sink = subject.sink](std::string_view id) { return sink->find(id); };
  subject.instance = plugin::PluginInstance::create(plugin, std::move(settings), context_);
  return subject;
}

Subject KitHost::open_isolated(const plugin::Manifest& manifest, const isolation::Options& options,
                               plugin::InstanceSettings settings) {
  auto isolated = std::make_shared<isolation::IsolatedPlugin>(manifest, settings.provider, options, context_);
  Subject subject = open(isolated->loaded(), std::move(settings));
  subject.isolated = std::move(isolated);
  return subject;
}

bool KitHost::wait(const std::function<bool()>& done) {
  constexpr int kBriefWaits = 3;  // before the clock is moved
  constexpr Duration kFirstStep = std::chrono::milliseconds(10);
  const auto until = std::chrono::steady_clock::now() + quirks.patience;
  Duration step = kFirstStep, moved{};
  while (!done()) {
    for (int i = 0; i < kBriefWaits && !done(); ++i) pulse.wait_briefly();
    if (done()) return true;
    if (moved < quirks.clock_limit) {
      clock.advance(step);
      moved += step;
      step = std::min<Duration>(step * 2, std::chrono::minutes(10));
    } else if (std::chrono::steady_clock::now() > until) {
      return false;
    }
  }
  return true;
}

void KitHost::let_pass(Duration time) {
  constexpr int kBriefWaits = 5;  // for threads of the plugin's own
  clock.advance(time);
  for (int i = 0; i < kBriefWaits; ++i) pulse.wait_briefly();
}

std::map<std::string, std::uint64_t> KitHost::misbehaviour() const {
  std::map<std::string, std::uint64_t> found;
  const std::string text = metrics.expose();
  constexpr std::string_view kSeries = "trunkline_plugin_misbehaviour_total{";
  for (std::size_t at = text.find(kSeries); at != std::string::npos; at = text.find(kSeries, at + 1)) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    const std::size_t kind = line.find("kind=\"") + 6;
    found[line.substr(kind, line.find('"', kind) - kind)] += std::stoull(line.substr(line.rfind(' ') + 1));
  }
  return found;
}

}  // namespace trunkline::conformance
