#include "runtime/config/workflow_limits.h"

#include <concepts>
#include <limits>

namespace trunkline {
namespace {

using workflow::Options;

constexpr std::uint64_t kKb = 1u << 10, kMb = 1u << 20;
constexpr std::uint64_t kMany = 10'000'000;
/// Deeper values and expressions would ask too much of the stack of a thread.
constexpr std::uint64_t kDeepest = 512;

/// Calls `one` with each limit: its key, its member, how many of the member's units one of the file is, and what it may be.
template <class O, class V>
void each_limit(O& o, V&& one) {
  one("actions", o.max_actions, 1, 1, kMany);
  one("nesting", o.max_depth, 1, 1, 50);
  one("triggers", o.max_triggers, 1, 1, 1'000);
  one("cases", o.max_cases, 1, 1, kMany);
  one("variables", o.max_variables, 1, 1, kMany);
  one("parameters", o.max_parameters, 1, 1, kMany);
  one("outputs", o.max_outputs, 1, 1, kMany);
  one("name_length", o.max_name_length, 1, 1, 1'000);
  one("description_length", o.max_description_length, 1, 1, kMany);
  one("tracked_properties_length", o.max_tracked_length, 1, 1, kMany);
  one("definition_kb", o.max_definition_bytes, kKb, 1, 1'024 * kKb);
  one("expression_length", o.compile.max_expression_length, 1, 1, kMany);
  one("expression_depth", o.compile.max_depth, 1, 1, kDeepest);
  one("expression_calls", o.evaluate.max_calls, 1, 1, std::uint64_t{1} << 40);
  one("expression_work", o.evaluate.max_work, 1, 1, std::uint64_t{1} << 50);
  one("text_length", o.evaluate.max_text_length, 1, 1, 1'024 * kMb);
  one("range_count", o.evaluate.max_range_count, 1, 1, 100 * kMany);
  one("value_depth", o.evaluate.max_value_depth, 1, 1, kDeepest);
  one("foreach_items", o.max_foreach_items, 1, 1, 100 * kMany);
  one("foreach_concurrency", o.max_foreach_concurrency, 1, 1, 10'000);
  one("foreach_concurrency_default", o.default_foreach_concurrency, 1, 1, 10'000);
  one("until_count", o.max_until_count, 1, 1, kMany);
  one("until_count_default", o.default_until_count, 1, 1, kMany);
  one("split_items", o.max_split_items, 1, 1, kMany);
  one("split_items_limited", o.max_split_items_limited, 1, 1, kMany);
  one("runs", o.max_concurrent_runs, 1, 1, 100'000);
  one("runs_default", o.default_concurrent_runs, 1, 1, 100'000);
  one("waiting_runs", o.max_waiting_runs, 1, 1, 100'000);
  one("retries", o.max_retries, 1, 1, 10'000);
  one("message_kb", o.max_message_bytes, kKb, 1, 2 * kMb);
  one("chunked_message_kb", o.max_chunked_bytes, kKb, 1, 16 * kMb);
  one("uri_length", o.max_uri_bytes, 1, 16, 64 * kKb);
  one("batch_messages", o.max_batch_messages, 1, 1, kMany);
  one("batch_kb", o.max_batch_bytes, kKb, 1, kMb);
  one("until_timeout", o.default_until_timeout);
  one("retry_interval_min", o.min_retry_interval);
  one("retry_interval_max", o.max_retry_interval);
}

struct Reader {
  ConfigSection& s;
  template <std::integral T>
  void operator()(std::string_view key, T& member, std::uint64_t unit, std::uint64_t min, std::uint64_t max) {
    std::uint64_t value = 0;  // 0: it is not there, for none of them may be 0
    s.integer<std::uint64_t>(key, value, min, max);
    if (value != 0) member = static_cast<T>(value * unit);
  }
  void operator()(std::string_view key, Duration& member) {
    s.duration(key, member);
    if (member <= Duration::zero()) s.problem(key, "must be longer than nothing");
  }
};

/// The same members of the defaults go along, one by one.
struct Writer {
  ConfigWriter& w;
  std::vector<std::string>& defaults;
  std::size_t at = 0;
  bool begun = false;
  bool collect = false;

  void put(std::string_view key, std::string value) {
    if (collect) {
      defaults.push_back(std::move(value));
      return;
    }
    if (defaults[at++] == value) return;
    if (!std::exchange(begun, true)) w.begin("limits");
    w.raw(key, value);
  }
  template <std::integral T>
  void operator()(std::string_view key, const T& member, std::uint64_t unit, std::uint64_t, std::uint64_t) {
    put(key, std::to_string(static_cast<std::uint64_t>(member) / unit));
  }
  void operator()(std::string_view key, const Duration& member) { put(key, format_duration(member)); }
};

}  // namespace

void read_workflow_limits(ConfigSection& workflows, Options& out) {
  workflows.section("limits", [&](ConfigSection& s) {
    each_limit(out, Reader{s});
    const auto not_above = [&](std::string_view key, auto value, std::string_view other, auto most) {
      if (value > most) s.problem(key, "must not be more than " + std::string(other));
    };
    not_above("foreach_concurrency_default", out.default_foreach_concurrency, "foreach_concurrency", out.max_foreach_concurrency);
    not_above("until_count_default", out.default_until_count, "until_count", out.max_until_count);
    not_above("runs_default", out.default_concurrent_runs, "runs", out.max_concurrent_runs);
    not_above("retry_interval_min", out.min_retry_interval, "retry_interval_max", out.max_retry_interval);
  });
}

void write_workflow_limits(ConfigWriter& w, const Options& limits) {
  const Options defaults;
  std::vector<std::string> texts;
  Writer collect{w, texts};
  collect.collect = true;
  each_limit(defaults, collect);
  Writer writer{w, texts};
  each_limit(limits, writer);
  if (writer.begun) w.end();
}

}  // namespace trunkline
