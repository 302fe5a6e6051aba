// Which events a subscription wants: parsed once, compiled once, and able to say why not.
#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/events/event_log.h"

namespace trunkline::events {

enum class FilterOperator {
  kNumberIn,
  kNumberNotIn,
  kNumberLessThan,
  kNumberGreaterThan,
  kNumberLessThanOrEquals,
  kNumberGreaterThanOrEquals,
  kNumberInRange,
  kNumberNotInRange,
  kBoolEquals,
  kStringIn,
  kStringNotIn,
  kStringContains,
  kStringNotContains,
  kStringBeginsWith,
  kStringNotBeginsWith,
  kStringEndsWith,
  kStringNotEndsWith,
  kIsNullOrUndefined,
  kIsNotNull,
};

/// `StringContains` and so on.
std::string_view to_text(FilterOperator op);

struct AdvancedFilter {
  FilterOperator op = FilterOperator::kIsNotNull;
  /// A member of the envelope, or a path into the data: `data.deliveryStatus`.
  std::string key;
  std::vector<std::string> texts;                  // the string operators
  std::vector<std::pair<double, double>> numbers;  // ranges; a single number is a range of one
  bool flag = false;                               // kBoolEquals
};

/// As a subscription says it. Members in the order of the ARM type.
struct FilterSpec {
  /// nullopt: all but those that begin with `Trunkline.`, which are no published ones.
  std::optional<std::vector<std::string>> types;
  std::string subject_begins_with;
  std::string subject_ends_with;
  bool case_sensitive = false;
  bool arrays = false;
  /// All must hold.
  std::vector<AdvancedFilter> advanced;
};

/// Reads the `filter` member of an event subscription. Throws kInvalidArgument with the member at fault, also for a limit that
/// is passed (25 filters, 25 values in all, 512 characters a value).
FilterSpec parse_filter(const JsonRef& filter);
nlohmann::json to_json(const FilterSpec& spec);

/// One event on its way through filters; what they need of it is computed once. Borrows the event. One thread at a time.
class EventView {
 public:
  explicit EventView(const Event& event);
  ~EventView();
  const Event& event() const { return event_; }
  /// Lower case.
  const std::string& type() const { return type_; }
  const std::string& subject() const;
  /// What a key means here; null: there is no such thing. Arrays are not taken apart.
  const nlohmann::json* find(std::string_view key) const;

 private:
  struct Parsed;
  const Event& event_;
  std::string type_;
  mutable std::optional<std::string> subject_;
  mutable std::unique_ptr<Parsed> parsed_;
};

/// What a filter says about an event, and which part of it decided.
struct FilterVerdict {
  bool matched = true;
  /// `includedEventTypes`, `subjectBeginsWith`, `advancedFilters[2] StringContains data.messageBody`.
  std::string rule;
  std::string wanted;
  std::string found;
};

/// Immutable. [any-thread]
class CompiledFilter {
 public:
  explicit CompiledFilter(FilterSpec spec);
  const FilterSpec& spec() const { return spec_; }
  bool matches(const EventView& view) const;
  /// The same with reasons; slower.
  FilterVerdict explain(const EventView& view) const;

 private:
  friend class FilterIndex;
  bool type_matches(const EventView& view) const;
  bool begins(const EventView& view) const;
  bool ends(const EventView& view) const;
  bool advanced_matches(const AdvancedFilter& filter, const EventView& view) const;

  FilterSpec spec_;                   // texts in their own case, for people
  std::vector<std::string> types_;    // lower case, sorted
  std::string prefix_, suffix_;       // lower case unless case counts
  std::vector<AdvancedFilter> fast_;  // texts in lower case; lists sorted
};

}  // namespace trunkline::events
