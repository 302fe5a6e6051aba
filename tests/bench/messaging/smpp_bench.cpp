// Texts over SMPP through the whole service, accepted durably and reported, to a simulator that is never the bottleneck;
// run_kannel.sh gives the same simulator to Kannel.
//   bench_smpp SIMULATOR [messages]
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "runtime/core/runtime.h"
#include "runtime/events/event_log.h"
#include "runtime/events/subscription.h"
#include "runtime/services/resource_service.h"
#include "runtime/services/sms_service.h"

namespace {

using namespace trunkline;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kInFlight = 512;
constexpr int kRounds = 3;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

/// The simulator in a process of its own, so that its time is not ours.
struct Simulator {
  explicit Simulator(const char* program) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    pid = ::fork();
    if (pid == 0) {
      ::dup2(ends[1], 1);
      ::execl(program, program, "0", nullptr);
      ::_exit(127);
    }
    char text[16] = {};
    if (::read(ends[0], text, sizeof text - 1) <= 0) std::abort();
    port = text;
    port.erase(port.find('\n'));
  }
  ~Simulator() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  pid_t pid;
  std::string port;
};

struct Bench {
  Bench(const std::filesystem::path& directory, const std::string& port) {
    const std::string yaml = "log: {level: warning}\nstore: {mode: file, path: '" + directory.string() +
                             "'}\n"
                             "providers:\n"
                             "  - name: smpp\n    plugin: sms-smpp\n    secrets: {password: {value: x}}\n"
                             "    config: {host: 127.0.0.1, port: " +
                             port +
                             ", system_id: bench, window: 200}\n"
                             "resources: [{name: bench, numbers: [{number: '+14255550100', sms: both}]}]\n";
    runtime = Runtime::open(parse_config(yaml));
    resource = runtime->resources().default_resource();
    reports = runtime->events().subscribe(*resource->database, resource->key, {}, 0);
  }
  void send(std::function<void()> accepted) {
    SmsSubmission submission;
    submission.from = "+14255550100";
    submission.text = std::string(64, 'x');
    submission.wants_report = true;
    submission.to.push_back({"+14255550123", {}});
    spawn(runtime->sms().send(resource, std::move(submission)),
          [accepted = std::move(accepted)](Result<std::vector<service::SmsSendOutcome>> result) {
            if (!result || !result.value()[0].successful) std::abort();
            accepted();
          });
  }
  std::unique_ptr<Runtime> runtime;
  ResourcePtr resource;
  std::shared_ptr<Subscription> reports;
};

double full_speed(const std::filesystem::path& directory, const std::string& port, int messages) {
  Bench bench(directory, port);
  std::atomic<int> started{0};
  std::function<void()> next = [&] {
    if (started.fetch_add(1) < messages) bench.send([&] { next(); });
  };
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  for (int i = 0; i < kInFlight; ++i) next();
  for (int seen = 0; seen < messages;) seen += static_cast<int>(sync_wait(bench.reports->next(1000)).size());
  const double seconds = Seconds(Clock::now() - start).count();
  const double rate = messages / seconds;
  std::printf("accepted durably, sent over SMPP, receipt stored: %8.0f msg/s   %6.1f us of CPU each\n", rate,
              (cpu_seconds() - cpu) / messages * 1e6);
  bench.runtime->close();
  return rate;
}

/// Latency from the call to the stored receipt, at a steady rate.
void steady(const std::filesystem::path& directory, const std::string& port, double rate, int messages) {
  Bench bench(directory, port);
  std::vector<double> accepted_ms(static_cast<std::size_t>(messages));
  std::vector<Clock::time_point> began(static_cast<std::size_t>(messages));
  std::atomic<int> done{0};
  std::thread sender([&] {
    const auto start = Clock::now();
    for (int i = 0; i < messages; ++i) {
      std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(Seconds(i / rate)));
      const auto at = static_cast<std::size_t>(i);
      began[at] = Clock::now();
      bench.send([&, at] {
        accepted_ms[at] = Seconds(Clock::now() - began[at]).count() * 1000;
        ++done;
      });
    }
  });
  std::vector<double> reported_ms;
  while (static_cast<int>(reported_ms.size()) < messages) {
    const auto events = sync_wait(bench.reports->next(1000));
    const auto now = Clock::now();
    // Receipts come in the order of the messages, near enough for a percentile.
    for (std::size_t i = 0; i < events.size(); ++i)
      reported_ms.push_back(Seconds(now - began[std::min(reported_ms.size(), began.size() - 1)]).count() * 1000);
  }
  sender.join();
  const auto percentile = [](std::vector<double>& values, double p) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1))];
  };
  std::printf("at %.0f msg/s: accepted p50 %.2f ms, p99 %.2f ms; reported p50 %.2f ms, p99 %.2f ms\n", rate,
              percentile(accepted_ms, 0.5), percentile(accepted_ms, 0.99), percentile(reported_ms, 0.5),
              percentile(reported_ms, 0.99));
  bench.runtime->close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int messages = argc > 2 ? std::atoi(argv[2]) : 40'000;
  const auto root = std::filesystem::temp_directory_path() / ("trunkline-smpp-bench-" + std::to_string(getpid()));
  Simulator simulator(argv[1]);
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto folder = root / std::to_string(round);
    std::filesystem::create_directories(folder);
    best = std::max(best, full_speed(folder, simulator.port, messages));
  }
  std::filesystem::create_directories(root / "steady");
  steady(root / "steady", simulator.port, best / 2, messages / 4);
  std::filesystem::remove_all(root);
}
