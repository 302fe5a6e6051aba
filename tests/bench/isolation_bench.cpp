// What a call to a plugin in a process of its own costs, beside a bare exchange of as many bytes over a socket pair with a
// process that sends everything back; and how many a second go with 64 under way, beside the same plugin in this process. The
// next call is begun where the last one ended, as services do it. The time that the processors spent on a call says what it costs
// where other programs run, too.
//
//   bench_isolation [calls]
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <string_view>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/isolation/isolated_plugin.h"
#include "runtime/plugin/plugin_instance.h"
#include "trunkline/sms_client.hpp"

namespace trunkline {
namespace {

constexpr std::size_t kRequestBytes = 230, kAnswerBytes = 120;  // of the send below, with their heads

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool exchange_all(int socket, char* data, std::size_t size, bool writing) {
  while (size > 0) {
    const ssize_t moved = writing ? ::send(socket, data, size, MSG_NOSIGNAL) : ::recv(socket, data, size, 0);
    if (moved <= 0) return false;
    data += moved;
    size -= static_cast<std::size_t>(moved);
  }
  return true;
}

/// Microseconds of a round trip.
double bare_round_trip(int calls) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()) != 0) std::abort();
  std::array<char, kRequestBytes> bytes{};
  const pid_t echo = ::fork();
  if (echo == 0) {
    ::close(sockets[0]);
    while (exchange_all(sockets[1], bytes.data(), kRequestBytes, false) &&
           exchange_all(sockets[1], bytes.data(), kAnswerBytes, true))
      continue;
    ::_exit(0);
  }
  ::close(sockets[1]);
  const double seconds = seconds_of([&] {
    for (int i = 0; i < calls; ++i)
      if (!exchange_all(sockets[0], bytes.data(), kRequestBytes, true) ||
          !exchange_all(sockets[0], bytes.data(), kAnswerBytes, false))
        std::abort();
  });
  ::close(sockets[0]);
  ::waitpid(echo, nullptr, 0);
  return seconds / calls * 1e6;
}

sms::SmsSendRequest request() {
  sms::SmsSendRequest out;
  out.from = "+14255550100";
  out.text = "Your parcel arrives today between 10 and 12.";
  out.recipients = {{.to = "+14255550123", .message_id = "Outgoing_0123456789abcdef_0"}};
  return out;
}

/// `lanes` calls under way until there were `calls`.
class Run {
 public:
  Run(sms::SmsProviderClient client, Executor* executor, int calls)
      : client_(client), executor_(executor), left_(calls), open_(0) {}
  double seconds(int lanes) {
    open_ = lanes;
    return seconds_of([&] {
      for (int i = 0; i < lanes; ++i) next();
      for (int n = open_.load(); n != 0; n = open_.load()) open_.wait(n);
    });
  }

 private:
  void next() {
    if (left_.fetch_sub(1) <= 0) {
      open_.fetch_sub(1);
      open_.notify_all();
      return;
    }
    client_.start_send(request(), {}, [this](Result<std::vector<sms::SmsSendResult>> result) {
      if (!result.ok()) std::abort();
      // In this process the call has ended within itself: the next one must not begin inside of it.
      if (executor_)
        executor_->post([this] { next(); });
      else
        next();
    });
  }

  sms::SmsProviderClient client_;
  Executor* const executor_;
  std::atomic<int> left_, open_;
};

/// Seconds that the processors have spent on a process.
double spent(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

LogOptions quiet() {
  LogOptions options;
  options.level = LogLevel::kOff;
  return options;
}

int measure(int calls) {
  const double floor = bare_round_trip(calls);  // before there are threads: it forks
  Executor executor(2);
  Clock clock(executor, Clock::Mode::kReal);
  Log log(quiet());
  Metrics metrics;
  plugin::HostContext context{executor, clock, log, metrics, nullptr, nullptr, {}, {}};
  plugin::LoaderOptions options;
  options.paths = {TEST_PLUGINS_DIR};
  plugin::PluginLoader loader(options);
  isolation::Options isolation;
  isolation.program = TRUNKLINE_PLUGIN_HOST;
  isolation::IsolatedPlugin isolated(loader.manifest_for_process("test-noop"), "noop", isolation, context);
  const auto apart = plugin::PluginInstance::create(isolated.loaded(), {.provider = "noop"}, context);
  const auto here = plugin::PluginInstance::create(loader.load("test-noop"), {.provider = "noop"}, context);
  const sms::SmsProviderClient there(apart->interface(TL_SMS_PROVIDER_ID), apart->calls());
  const sms::SmsProviderClient direct(here->interface(TL_SMS_PROVIDER_ID), here->calls());

  Run(there, nullptr, calls / 10).seconds(1);  // warm
  const double one = Run(there, nullptr, calls).seconds(1) / calls * 1e6;
  clockid_t process{};
  if (::clock_getcpuclockid(isolated.process_id(), &process) != 0) std::abort();
  const double ours = spent(CLOCK_PROCESS_CPUTIME_ID), theirs = spent(process);
  const double many = calls / Run(there, nullptr, calls).seconds(64);
  const double host_cpu = spent(CLOCK_PROCESS_CPUTIME_ID) - ours, process_cpu = spent(process) - theirs;
  const double before = spent(CLOCK_PROCESS_CPUTIME_ID);
  const double in_process = calls / Run(direct, &executor, calls).seconds(64);
  const double in_process_cpu = spent(CLOCK_PROCESS_CPUTIME_ID) - before;
  std::printf("bare round trip              %8.1f us\n", floor);
  std::printf("isolated call                %8.1f us   %.2f of a bare round trip\n", one, one / floor);
  std::printf("64 under way, isolated       %8.0f a second\n", many);
  std::printf("64 under way, in-process     %8.0f a second   isolated %.0f%%\n", in_process, many / in_process * 100);
  std::printf("processor time of a call     %8.2f us in the host, %.2f us in the process; in-process %.2f us\n",
              host_cpu / calls * 1e6, process_cpu / calls * 1e6, in_process_cpu / calls * 1e6);
  for (const auto* instance : {&apart, &here}) {
    (*instance)->begin_stop();
    (*instance)->finish_stop(std::chrono::seconds(5));
  }
  clock.stop();
  executor.stop();
  return 0;
}

}  // namespace
}  // namespace trunkline

int main(int argc, char** argv) {
  int calls = 20'000;
  if (argc > 1) {
    const std::string_view given = argv[1];
    const auto [end, error] = std::from_chars(given.begin(), given.end(), calls);
    if (argc > 2 || error != std::errc() || end != given.end() || calls < 100) {
      std::fprintf(stderr, "usage: bench_isolation [calls, at least 100]\n");
      return 2;
    }
  }
  return trunkline::measure(calls);
}
