// What a call through the ABI costs. The floor is the same call made by hand: the plugin's function pointer with a static request
// and a done that only counts. All with the no-op plugin, which accepts inline.
//
// Columns: time for a call; ratio = time / floor of the same run; allocs = heap allocations on the side of the host for each
// call.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <optional>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/plugin/loader.h"
#include "runtime/plugin/plugin_instance.h"
#include "runtime/providers/router.h"
#include "trunkline/sms_client.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

// The plugin is plain C and binds to malloc, so this counts the host only. Not inlined: GCC takes free() in an inlined delete for
// a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace trunkline {
namespace {

LogOptions quiet() {
  LogOptions options;
  options.level = LogLevel::kOff;
  return options;
}

struct Setup {
  Setup()
      : executor(2), clock(executor, Clock::Mode::kReal), log(quiet()), host{executor, clock,   log, metrics,
                                                                             nullptr,  nullptr, {}} {
    plugin::LoaderOptions options;
    options.paths = {TEST_PLUGINS_DIR};
    loader.emplace(options);
    plugin::InstanceSettings settings;
    settings.provider = "noop";
    instance = plugin::PluginInstance::create(loader->load("test-noop"), std::move(settings), host);
    client = sms::SmsProviderClient(instance->interface(TL_SMS_PROVIDER_ID), instance->calls());
  }
  Executor executor;
  Clock clock;
  Log log;
  Metrics metrics;
  plugin::HostContext host;
  std::optional<plugin::PluginLoader> loader;
  std::unique_ptr<plugin::PluginInstance> instance;
  sms::SmsProviderClient client;
};
Setup& setup() {
  static Setup& one = *new Setup;
  return one;
}

sms::SmsSendRequest request_to(std::size_t recipients) {
  sms::SmsSendRequest request;
  request.from = "+14255550100";
  request.text = "Your parcel arrives today between 10 and 12.";
  request.recipients.resize(recipients);
  for (std::size_t i = 0; i < recipients; ++i) {
    request.recipients[i].to = "+1425555" + std::to_string(1000 + i);
    request.recipients[i].message_id = "Outgoing_0123456789abcdef_" + std::to_string(i);
  }
  return request;
}

// Times of the floors in ns, by number of recipients; measured first in every run.
double floor_1 = 0, floor_100 = 0;
double& floor_of(std::int64_t recipients) { return recipients == 1 ? floor_1 : floor_100; }

class Meter {
 public:
  explicit Meter(benchmark::State& state)
      : state_(state), allocations_(allocations.load()), start_(std::chrono::steady_clock::now()) {}
  void finish(bool is_floor = false) {
    const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start_).count() /
                      static_cast<double>(state_.iterations());
    state_.counters["allocs"] = static_cast<double>(allocations.load() - allocations_) / static_cast<double>(state_.iterations());
    double& floor = floor_of(state_.range(0));
    if (is_floor) floor = ns;
    if (floor > 0) state_.counters["ratio"] = ns / floor;
  }

 private:
  benchmark::State& state_;
  std::uint64_t allocations_;
  std::chrono::steady_clock::time_point start_;
};

void floor_c_vtable(benchmark::State& state) {
  const sms::SmsSendRequest request = request_to(static_cast<std::size_t>(state.range(0)));
  abi::Arena arena;
  const tl_sms_send_request c = abi::lower(request, arena);
  const tl_iface iface = setup().client.raw();
  const auto* vtbl = static_cast<const tl_sms_provider*>(iface.vtbl);
  tl_call call{};
  call.struct_size = sizeof call;
  std::size_t accepted = 0;
  Meter meter(state);
  for (auto _ : state)
    vtbl->send(
        iface.self, &call, &c,
        [](void* user, const tl_list* result, tl_error*) { *static_cast<std::size_t*>(user) += result->count; }, &accepted);
  meter.finish(true);
  benchmark::DoNotOptimize(accepted);
}
BENCHMARK(floor_c_vtable)->Arg(1)->Arg(100);

// What the SMS service does: arguments in C form, results read in place.
void cpp_raw(benchmark::State& state) {
  const sms::SmsSendRequest request = request_to(static_cast<std::size_t>(state.range(0)));
  abi::Arena arena;
  const tl_sms_send_request c = abi::lower(request, arena);
  std::size_t accepted = 0;
  Meter meter(state);
  for (auto _ : state)
    setup().client.start_send_raw(c, {}, [&](ListView<sms::SmsSendResult> results, const Error*) {
      for (const auto& result : results) accepted += result.accepted();
    });
  meter.finish();
  benchmark::DoNotOptimize(accepted);
}
BENCHMARK(cpp_raw)->Arg(1)->Arg(100);

// The same with arguments lowered for each call.
void cpp_raw_lowered(benchmark::State& state) {
  const sms::SmsSendRequest request = request_to(static_cast<std::size_t>(state.range(0)));
  abi::Arena arena;
  std::size_t accepted = 0;
  Meter meter(state);
  for (auto _ : state) {
    const tl_sms_send_request& c = *arena.one(abi::lower(request, arena));
    CallOptions options;
    options.arguments = &arena;
    setup().client.start_send_raw(c, std::move(options), [&](ListView<sms::SmsSendResult> results, const Error*) {
      for (const auto& result : results) accepted += result.accepted();
    });
    arena.reset();
  }
  meter.finish();
  benchmark::DoNotOptimize(accepted);
}
BENCHMARK(cpp_raw_lowered)->Arg(1)->Arg(100);

// With a deadline that the guard watches.
void cpp_raw_deadline(benchmark::State& state) {
  const sms::SmsSendRequest request = request_to(static_cast<std::size_t>(state.range(0)));
  abi::Arena arena;
  const tl_sms_send_request c = abi::lower(request, arena);
  std::size_t accepted = 0;
  Meter meter(state);
  for (auto _ : state) {
    CallOptions options;
    options.deadline = setup().clock.now() + std::chrono::seconds(30);
    setup().client.start_send_raw(c, std::move(options),
                                  [&](ListView<sms::SmsSendResult> results, const Error*) { accepted += results.size(); });
  }
  meter.finish();
  benchmark::DoNotOptimize(accepted);
}
BENCHMARK(cpp_raw_deadline)->Arg(1)->Arg(100);

// Owned values on both sides, ending in a callback.
void cpp_values(benchmark::State& state) {
  const sms::SmsSendRequest request = request_to(static_cast<std::size_t>(state.range(0)));
  std::size_t accepted = 0;
  Meter meter(state);
  for (auto _ : state)
    setup().client.start_send(request, {},
                              [&](Result<std::vector<sms::SmsSendResult>> results) { accepted += results.value().size(); });
  meter.finish();
  benchmark::DoNotOptimize(accepted);
}
BENCHMARK(cpp_values)->Arg(1)->Arg(100);

// The same as a coroutine.
void cpp_coroutine(benchmark::State& state) {
  const sms::SmsSendRequest request = request_to(static_cast<std::size_t>(state.range(0)));
  std::size_t accepted = 0;
  Meter meter(state);
  for (auto _ : state) accepted += sync_wait(setup().client.send(request)).size();
  meter.finish();
  benchmark::DoNotOptimize(accepted);
}
BENCHMARK(cpp_coroutine)->Arg(1)->Arg(100);

// An @sync operation.
void cpp_sync_operation(benchmark::State& state) {
  Meter meter(state);
  for (auto _ : state) benchmark::DoNotOptimize(setup().client.capabilities());
  meter.finish();
}
BENCHMARK(cpp_sync_operation)->Arg(1);

// Picking a provider: the third of three routes, two candidates.
void route_pick(benchmark::State& state) {
  RouteSpec tenant, seattle, rest;
  tenant.name = "tenant", tenant.resources = {"contoso"}, tenant.providers = {"a"};
  seattle.name = "seattle", seattle.to = {"+1206", "+1425"}, seattle.providers = {"b"};
  rest.name = "rest", rest.providers = {"a", "b"};
  CircuitBreaker breaker_a, breaker_b;
  RouteTarget a, b;
  a.name = "a", a.breaker = &breaker_a, a.countries = {"DE", "FR"};
  b.name = "b", b.breaker = &breaker_b;
  const Router router("sms", {tenant, seattle, rest}, {a, b});
  RouteDecision decision;
  const RouteQuery query{"trunkline", "+14255550100", "+4915112345678", 1};
  const Time now = setup().clock.now();
  Meter meter(state);
  for (auto _ : state) {
    router.route(query, now, decision);
    benchmark::DoNotOptimize(decision.candidates().data());
  }
  meter.finish();
}
BENCHMARK(route_pick)->Arg(1);

}  // namespace
}  // namespace trunkline

BENCHMARK_MAIN();
