#include "runtime/conformance/check.h"

#include <cctype>

namespace trunkline::conformance {
namespace {

// On the clock, for answers of the simulated carrier that a stopping plugin still waits for.
constexpr Duration kCarrierAnswers = std::chrono::minutes(1);

}  // namespace

std::string short_name(std::string_view interface_id) {
  constexpr std::string_view kOurs = "trunkline.";
  const std::string_view name = interface_id.substr(0, interface_id.find('/'));
  return std::string(name.starts_with(kOurs) ? name.substr(kOurs.size()) : name);
}

std::string error_name(ErrorCode code) {
  static constexpr std::array<std::string_view, 17> kNames{
      "ok",        "cancelled",      "unknown",           "invalid_argument",   "deadline_exceeded",
      "not_found", "already_exists", "permission_denied", "resource_exhausted", "failed_precondition",
      "aborted",   "out_of_range",   "unimplemented",     "internal",           "unavailable",
      "data_loss", "unauthenticated"};
  const auto at = static_cast<std::size_t>(code);
  return at < kNames.size() ? std::string(kNames[at]) : "code " + std::to_string(static_cast<int>(code));
}

Subject CheckContext::open(const std::string& provider) {
  plugin::InstanceSettings settings;
  settings.provider = provider;
  settings.config_json = input.config_json;
  settings.secrets = input.secrets;
  settings.interfaces = input.interfaces;
  if (input.isolation) return host.open_isolated(input.plugin->manifest, *input.isolation, std::move(settings));
  return host.open(*input.plugin, std::move(settings));
}

void CheckContext::close(Subject& subject, std::string_view forgiven) {
  subject->begin_stop();
  host.let_pass(kCarrierAnswers);
  const bool drained = subject->finish_stop(input.quirks.patience);
  require(drained, "stop: did not complete within " + std::to_string(input.quirks.patience.count()) + " ms");
  require_good_behaviour(forgiven);
}

void CheckContext::require_good_behaviour(std::string_view but) {
  static const std::map<std::string, std::string, std::less<>> kMeaning{
      {"second_done", "completed an operation more than once"},
      {"late_done", "completed an operation after its deadline had ended it"},
      {"overrun", "wrote into memory around the arguments"},
      {"bad_result", "completed an operation with a result that cannot be read, or with neither a result nor an error"},
      {"not_synchronous", "returned from an operation marked @sync before it had completed"},
      {"exception", "let an exception out"},
      {"second_stop", "completed its stop more than once"},
      {"open_calls", "completed its stop with operations open"},
      {"stop_timeout", "did not complete its stop"}};
  std::string found;
  for (const auto& [kind, count] : host.misbehaviour()) {
    if (kind == but || count == 0) continue;
    const auto meaning = kMeaning.find(kind);
    found += (found.empty() ? "" : "\n") + kind + ": " + (meaning == kMeaning.end() ? "broke the ABI" : meaning->second) + " (" +
             std::to_string(count) + " times)";
  }
  if (!found.empty()) fail(found);
}

Settled CheckContext::recorder(const CallPtr& record) {
  record->begun = std::chrono::steady_clock::now();
  return [record, &pulse = host.pulse](const Error* error) {
    record->ended = std::chrono::steady_clock::now();
    if (error && !record->done()) record->error = *error;
    record->completions.fetch_add(1, std::memory_order_release);
    pulse.beat();
  };
}

void CheckContext::await(const CallPtr& record, const std::string& what) { await_all({record}, what); }

void CheckContext::await_all(const std::vector<CallPtr>& records, const std::string& what) {
  const auto open = [&] {
    std::size_t count = 0;
    for (const CallPtr& record : records) count += record->done() ? 0 : 1;
    return count;
  };
  if (!host.wait([&] { return open() == 0; }))
    fail(what + ": " + std::to_string(open()) + " of " + std::to_string(records.size()) +
         " calls never completed (the clock was moved " + std::to_string(input.quirks.clock_limit.count()) + " s)");
  for (const CallPtr& record : records)
    require(record->completions == 1, what + ": a call completed " + std::to_string(record->completions) + " times");
}

}  // namespace trunkline::conformance
