// What holds for every operation that may wait: it completes exactly once, whatever happens meanwhile.
#include <algorithm>
#include <thread>

#include "runtime/conformance/check.h"
#include "runtime/conformance/heap.h"

namespace trunkline::conformance {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::microseconds;

class CallChecks {
 public:
  explicit CallChecks(NormalCall normal) : normal_(std::move(normal)) {}

  CallPtr begin(CheckContext& kit, Subject& subject, int seed, CallOptions options = {}) const {
    auto record = std::make_shared<CallRecord>();
    options.resource = "kit";
    normal_(kit, *subject.instance, seed, std::move(options), kit.recorder(record));
    return record;
  }
  std::vector<CallPtr> begin_some(CheckContext& kit, Subject& subject, int count, const CallOptions& options = {}) const {
    std::vector<CallPtr> records;
    for (int i = 0; i < count; ++i) records.push_back(begin(kit, subject, i, options));
    return records;
  }

  void normal(CheckContext& kit) const {
    Subject subject = kit.open();
    const CallPtr record = begin(kit, subject, 0);
    kit.await(record, "a normal call");
    if (record->error) {
      std::string why = "a normal call failed: " + error_name(record->error->code) + ": " + record->error->message;
      for (const std::string& request : kit.host.http.unanswered()) why += "\nno rule of the quirks' \"http\" answers " + request;
      kit.fail(why);
    }
    kit.close(subject);
  }

  void cancel(CheckContext& kit, bool before) const {
    Subject subject = kit.open();
    std::stop_source stop;
    CallOptions options;
    options.stop = stop.get_token();
    if (before) stop.request_stop();
    const auto records = begin_some(kit, subject, kSome, options);
    if (!before) stop.request_stop();
    kit.await_all(records, before ? "calls that were cancelled before they began" : "calls that were cancelled while they ran");
    for (const CallPtr& record : records)
      if (record->error) expect_code(kit, *record->error, ErrorCode::kCancelled, "a cancelled call");
    const CallPtr next = begin(kit, subject, kSome);
    kit.await(next, "a call after others were cancelled");
    kit.close(subject);
  }

  void deadline(CheckContext& kit, bool passed) const {
    Subject subject = kit.open();
    CallOptions options;
    options.deadline = kit.host.clock.now() + (passed ? Duration{-1} : Duration{1});
    const auto records = begin_some(kit, subject, kSome, options);
    kit.await_all(records, "calls whose deadline has passed");
    for (const CallPtr& record : records)
      if (record->error) expect_code(kit, *record->error, ErrorCode::kDeadlineExceeded, "a call whose deadline has passed");
    // The host has answered its caller; the plugin still owes it the completion.
    const auto& calls = subject->calls();
    if (!kit.host.wait([&] { return calls.pending() == 0; }))
      kit.fail(std::to_string(calls.pending()) + " calls whose deadline has passed were never completed by the plugin");
    if (const std::uint64_t late = calls.counters().late_done)
      kit.remark(std::to_string(late) + " calls were completed after the host had given up on them: look at call.deadline()");
    kit.close(subject, "late_done");
  }

  void stop_with_calls(CheckContext& kit) const {
    Subject subject = kit.open();
    const auto records = begin_some(kit, subject, kSome);
    subject->begin_stop();
    const CallPtr refused = begin(kit, subject, kSome);
    kit.host.let_pass(std::chrono::minutes(1));
    kit.require(
        subject->finish_stop(kit.input.quirks.patience),
        "stop: did not complete within " + std::to_string(kit.input.quirks.patience.count()) + " ms with calls in flight");
    for (const CallPtr& record : records)
      kit.require(record->completions == 1,
                  "a call in flight was completed " + std::to_string(record->completions) + " times when stop had completed");
    kit.require(refused->completions == 1,
                "a call that came after stop was completed " + std::to_string(refused->completions) + " times");
    kit.require_good_behaviour();
  }

  void nothing_after_stop(CheckContext& kit) const {
    Subject subject = kit.open();
    const auto records = begin_some(kit, subject, kSome);
    kit.await_all(records, "calls before stop");
    kit.close(subject);
    subject.sink->close();
    kit.host.let_pass(kit.input.quirks.clock_limit);
    kit.require(subject.sink->events_after_close() == 0,
                std::to_string(subject.sink->events_after_close()) + " events came after stop had completed");
    for (const CallPtr& record : records)
      kit.require(record->completions == 1, "a call was completed again after stop had completed");
    kit.require_good_behaviour();
  }

  void interleaved(CheckContext& kit) const {
    Subject first = kit.open("first"), second = kit.open("second");
    std::vector<CallPtr> of_first, of_second;
    for (int i = 0; i < kSome; ++i) {
      of_first.push_back(begin(kit, first, i));
      of_second.push_back(begin(kit, second, i));
    }
    kit.await_all(of_first, "calls of the first of two instances");
    kit.await_all(of_second, "calls of the second of two instances");
    kit.close(first);
    const CallPtr after = begin(kit, second, kSome);
    kit.await(after, "a call of the second instance after the first was destroyed");
    if (after->error && after->error->code == ErrorCode::kUnavailable && !of_second.front()->error)
      kit.fail("the second instance refuses calls since the first one stopped: " + after->error->message);
    kit.close(second);
  }

  void threads(CheckContext& kit) const {
    constexpr int kThreads = 4, kCalls = 25;
    Subject subject = kit.open();
    std::vector<std::vector<CallPtr>> records(kThreads);
    {
      std::vector<std::jthread> callers;  // NOLINT(trunkline-thread): operations are [any-thread], which is what is tested
      for (int t = 0; t < kThreads; ++t)
        callers.emplace_back([&, t] {
          for (int i = 0; i < kCalls; ++i) records[t].push_back(begin(kit, subject, t * kCalls + i));
        });
    }
    for (const auto& of_thread : records) kit.await_all(of_thread, "calls from several threads at once");
    kit.close(subject);
  }

  // Memory that calls leave behind when even their instance is gone. Each round has a host of its own: what a plugin keeps in the
  // host's storage is no leak.
  void leaks(CheckContext& kit) const {
    constexpr int kRounds = 3, kBatches = 4, kAtOnce = 100;
    constexpr double kAllowedBytes = 24;  // for each call; a leaked object with its header has more
    const auto round = [&] {
      CheckResult ignored;
      CheckContext own(kit.input, ignored);
      Subject subject = own.open();
      // What the allocator keeps for threads grows with what is under way at once; a leak grows with every call.
      for (int i = 0; i < kBatches; ++i) own.await_all(begin_some(own, subject, kAtOnce), "calls at once");
      own.close(subject);
    };
    for (int i = 0; i < kRounds; ++i) round();  // warms caches up
    if (heap_bytes() == 0) kit.skip("memory is not measured: another allocator is in use");
    constexpr double kCalls = kBatches * kAtOnce;
    const double each = least_growth(kRounds, kAllowedBytes * kCalls, round) / kCalls;
    kit.figure("bytes_kept_per_call", each);
    kit.require(each <= kAllowedBytes, "every call leaves " + std::to_string(static_cast<long>(each)) +
                                           " bytes behind when its instance has been destroyed");
  }

  void load(CheckContext& kit) const {
    Subject subject = kit.open();
    const Quirks& quirks = kit.input.quirks;
    std::vector<double> micros;
    const auto begun = std::chrono::steady_clock::now();
    for (int done = 0; done < quirks.load_calls;) {
      std::vector<CallPtr> records;
      for (int i = 0; i < quirks.load_in_flight && done < quirks.load_calls; ++i, ++done)
        records.push_back(begin(kit, subject, done));
      kit.await_all(records, std::to_string(quirks.load_in_flight) + " calls in flight");
      for (const CallPtr& record : records)
        micros.push_back(duration_cast<duration<double, std::micro>>(record->ended - record->begun).count());
    }
    const double seconds = duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::sort(micros.begin(), micros.end());
    const auto at = [&](double share) {
      return micros[std::min(micros.size() - 1, static_cast<std::size_t>(static_cast<double>(micros.size()) * share))];
    };
    kit.figure("p50_us", at(0.50));
    kit.figure("p99_us", at(0.99));
    kit.figure("calls_per_s", static_cast<double>(micros.size()) / seconds);
    kit.close(subject);
    if (quirks.load_p99_ms && at(0.99) > *quirks.load_p99_ms * 1000)
      kit.fail("p99 is " + std::to_string(at(0.99) / 1000) + " ms, the quirks allow " + std::to_string(*quirks.load_p99_ms) +
               " ms");
  }

 private:
  static constexpr int kSome = 5;

  static void expect_code(CheckContext& kit, const Error& error, ErrorCode wanted, const std::string& what) {
    if (error.code == wanted) return;
    kit.remark(what + " ended in " + error_name(error.code) + " (" + error.message + "); " + error_name(wanted) + " says more");
  }

  NormalCall normal_;
};

}  // namespace

std::vector<Check> call_checks(const std::string& interface_id, NormalCall normal) {
  const std::string prefix = short_name(interface_id) + ".";
  const auto checks = std::make_shared<CallChecks>(std::move(normal));
  std::vector<Check> all;
  const auto add = [&](const char* name, void (CallChecks::*check)(CheckContext&) const) {
    all.push_back({prefix + name, [checks, check](CheckContext& kit) { (*checks.*check)(kit); }});
  };
  const auto add_with = [&](const char* name, void (CallChecks::*check)(CheckContext&, bool) const, bool argument) {
    all.push_back({prefix + name, [checks, check, argument](CheckContext& kit) { (*checks.*check)(kit, argument); }});
  };
  add("normal", &CallChecks::normal);
  add_with("cancel_before", &CallChecks::cancel, true);
  add_with("cancel_during", &CallChecks::cancel, false);
  add_with("deadline_passed", &CallChecks::deadline, true);
  add_with("deadline_during", &CallChecks::deadline, false);
  add("stop_with_calls", &CallChecks::stop_with_calls);
  add("nothing_after_stop", &CallChecks::nothing_after_stop);
  add("interleaved_instances", &CallChecks::interleaved);
  add("threads", &CallChecks::threads);
  add("leaks", &CallChecks::leaks);
  add("load", &CallChecks::load);
  return all;
}

}  // namespace trunkline::conformance
