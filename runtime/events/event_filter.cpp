#include "runtime/events/event_filter.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/base/utf8.h"
#include "runtime/events/event_render.h"
#include "runtime/events/event_types.h"

namespace trunkline::events {
namespace {

constexpr std::string_view kOwnTypes = "trunkline.";

using nlohmann::json;

constexpr std::size_t kShownBytes = 200;

bool iends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// Operators that hold for what is not there: a missing member, null, and what is of another type.
bool holds_for_missing(FilterOperator op) {
  return op == FilterOperator::kNumberNotIn || op == FilterOperator::kStringNotIn || op == FilterOperator::kIsNullOrUndefined;
}

bool is_number_operator(FilterOperator op) { return op <= FilterOperator::kNumberNotInRange; }

bool negated(FilterOperator op) {
  switch (op) {
    case FilterOperator::kNumberNotIn:
    case FilterOperator::kNumberNotInRange:
    case FilterOperator::kStringNotIn:
    case FilterOperator::kStringNotContains:
    case FilterOperator::kStringNotBeginsWith:
    case FilterOperator::kStringNotEndsWith:
      return true;
    default:
      return false;
  }
}

/// Whether one of the filter's values fits, whatever the sign of the operator.
bool one_fits(const AdvancedFilter& filter, const json& value) {
  const auto any_number = [&](auto test) {
    return std::any_of(filter.numbers.begin(), filter.numbers.end(),
                       [&, number = value.get<double>()](const auto& range) { return test(number, range); });
  };
  const auto any_text = [&](auto test) {
    const std::string text = to_lower(value.get_ref<const std::string&>());
    return std::any_of(filter.texts.begin(), filter.texts.end(), [&](const std::string& wanted) { return test(text, wanted); });
  };
  switch (filter.op) {
    case FilterOperator::kNumberLessThan:
      return any_number([](double n, const auto& range) { return n < range.first; });
    case FilterOperator::kNumberGreaterThan:
      return any_number([](double n, const auto& range) { return n > range.first; });
    case FilterOperator::kNumberLessThanOrEquals:
      return any_number([](double n, const auto& range) { return n <= range.first; });
    case FilterOperator::kNumberGreaterThanOrEquals:
      return any_number([](double n, const auto& range) { return n >= range.first; });
    case FilterOperator::kNumberIn:
    case FilterOperator::kNumberNotIn:
    case FilterOperator::kNumberInRange:
    case FilterOperator::kNumberNotInRange:
      return any_number([](double n, const auto& range) { return n >= range.first && n <= range.second; });
    case FilterOperator::kBoolEquals:
      return value.get<bool>() == filter.flag;
    case FilterOperator::kStringIn:
    case FilterOperator::kStringNotIn:
      return std::binary_search(filter.texts.begin(), filter.texts.end(), to_lower(value.get_ref<const std::string&>()));
    case FilterOperator::kStringContains:
    case FilterOperator::kStringNotContains:
      return any_text([](const std::string& text, const std::string& wanted) { return text.find(wanted) != text.npos; });
    case FilterOperator::kStringBeginsWith:
    case FilterOperator::kStringNotBeginsWith:
      return any_text([](const std::string& text, const std::string& wanted) { return text.starts_with(wanted); });
    case FilterOperator::kStringEndsWith:
    case FilterOperator::kStringNotEndsWith:
      return any_text([](const std::string& text, const std::string& wanted) { return iends_with(text, wanted); });
    default:
      return false;
  }
}

bool right_type(FilterOperator op, const json& value) {
  if (is_number_operator(op)) return value.is_number();
  return op == FilterOperator::kBoolEquals ? value.is_boolean() : value.is_string();
}

bool holds(const AdvancedFilter& filter, const json* value, bool arrays) {
  if (filter.op == FilterOperator::kIsNullOrUndefined) return value == nullptr || value->is_null();
  if (filter.op == FilterOperator::kIsNotNull) return value != nullptr && !value->is_null();
  if (value == nullptr) return holds_for_missing(filter.op);
  const bool no = negated(filter.op);
  if (!arrays || !value->is_array()) {
    if (!right_type(filter.op, *value)) return holds_for_missing(filter.op);
    return one_fits(filter, *value) != no;
  }
  // An array: one element is enough, or for the negated operators enough to refuse. Elements of another type do not count.
  bool seen = false;
  for (const json& element : *value) {
    if (!right_type(filter.op, element)) continue;
    seen = true;
    if (one_fits(filter, element)) return !no;
  }
  return seen ? no : holds_for_missing(filter.op);
}

/// A member of an object; its name first as it is written, then without regard to case.
const json* member_of(const json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  if (const auto found = object.find(name); found != object.end()) return &*found;
  for (const auto& [key, value] : object.items())
    if (iequals(key, name)) return &value;
  return nullptr;
}

std::string shown(const json* value) {
  if (value == nullptr) return "(none)";
  std::string text = value->dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kShownBytes) text = utf8_sanitized(std::string_view(text).substr(0, kShownBytes)) + "…";
  return text;
}

std::string operand_text(const AdvancedFilter& filter) {
  FilterSpec one;
  one.advanced.push_back(filter);
  const json rendered = to_json(one);
  const json& item = rendered["advancedFilters"][0];
  if (item.contains("values")) return item["values"].dump();
  return item.contains("value") ? item["value"].dump() : "";
}

}  // namespace

struct EventView::Parsed {
  json data;
  json envelope;
};

EventView::EventView(const Event& event) : event_(event), type_(to_lower(event.type)) {}
EventView::~EventView() = default;

const std::string& EventView::subject() const {
  if (!subject_) subject_ = to_lower(event_.subject);
  return *subject_;
}

const json* EventView::find(std::string_view key) const {
  if (!parsed_) {
    parsed_ = std::make_unique<Parsed>();
    parsed_->data = json::parse(event_.data, nullptr, false);
    json& e = parsed_->envelope;
    // CloudEvents attributes first, so that those of the envelope win over extensions of the same name.
    e = event_.extra.empty() ? json::object() : json::parse(event_.extra, nullptr, false);
    if (!e.is_object()) e = json::object();
    e["id"] = event_.id;
    e["topic"] = e["source"] = event_.topic;
    e["subject"] = event_.subject;
    e["eventtype"] = e["type"] = event_.type;
    e["dataversion"] = event_.data_version;
    e["specversion"] = "1.0";
    if (!event_.traceparent.empty()) e["traceparent"] = event_.traceparent;
  }
  const std::size_t dot = key.find('.');
  const std::string_view head = key.substr(0, dot);
  if (!iequals(head, "data")) return dot == key.npos ? member_of(parsed_->envelope, to_lower(head)) : nullptr;
  const json* at = &parsed_->data;
  for (std::string_view rest = key; at != nullptr && rest.find('.') != rest.npos;) {
    rest.remove_prefix(rest.find('.') + 1);
    at = member_of(*at, rest.substr(0, rest.find('.')));
  }
  return at;
}

CompiledFilter::CompiledFilter(FilterSpec spec) : spec_(std::move(spec)) {
  if (spec_.types)
    for (const std::string& type : *spec_.types) types_.push_back(to_lower(type));
  std::sort(types_.begin(), types_.end());
  types_.erase(std::unique(types_.begin(), types_.end()), types_.end());
  prefix_ = spec_.case_sensitive ? spec_.subject_begins_with : to_lower(spec_.subject_begins_with);
  suffix_ = spec_.case_sensitive ? spec_.subject_ends_with : to_lower(spec_.subject_ends_with);
  for (AdvancedFilter filter : spec_.advanced) {
    for (std::string& text : filter.texts) text = to_lower(text);
    std::sort(filter.texts.begin(), filter.texts.end());
    fast_.push_back(std::move(filter));
  }
}

bool CompiledFilter::type_matches(const EventView& view) const {
  if (spec_.types) return std::binary_search(types_.begin(), types_.end(), view.type());
  // "All" are the published ones; our own additions are for those who name them.
  return !view.type().starts_with(kOwnTypes);
}

bool CompiledFilter::begins(const EventView& view) const {
  if (prefix_.empty()) return true;
  return (spec_.case_sensitive ? view.event().subject : view.subject()).starts_with(prefix_);
}

bool CompiledFilter::ends(const EventView& view) const {
  return suffix_.empty() || iends_with(spec_.case_sensitive ? view.event().subject : view.subject(), suffix_);
}

bool CompiledFilter::advanced_matches(const AdvancedFilter& filter, const EventView& view) const {
  return holds(filter, view.find(filter.key), spec_.arrays);
}

bool CompiledFilter::matches(const EventView& view) const {
  return type_matches(view) && begins(view) && ends(view) &&
         std::all_of(fast_.begin(), fast_.end(), [&](const AdvancedFilter& f) { return advanced_matches(f, view); });
}

FilterVerdict CompiledFilter::explain(const EventView& view) const {
  if (!type_matches(view)) {
    std::string wanted = spec_.types ? join(*spec_.types, ", ") : "All";
    return {false, "includedEventTypes", std::move(wanted), view.event().type};
  }
  if (!begins(view)) return {false, "subjectBeginsWith", spec_.subject_begins_with, view.event().subject};
  if (!ends(view)) return {false, "subjectEndsWith", spec_.subject_ends_with, view.event().subject};
  for (std::size_t i = 0; i < fast_.size(); ++i) {
    if (advanced_matches(fast_[i], view)) continue;
    std::string rule = "advancedFilters[" + std::to_string(i) + "] ";
    rule.append(to_text(fast_[i].op)).append(" ").append(fast_[i].key);
    return {false, std::move(rule), operand_text(spec_.advanced[i]), shown(view.find(fast_[i].key))};
  }
  return {};
}

}  // namespace trunkline::events
