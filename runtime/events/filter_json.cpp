// The filter of a subscription as JSON, both ways.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"
#include "runtime/events/event_filter.h"

namespace trunkline::events {
namespace {

constexpr std::size_t kMaxFilters = 25;
constexpr std::size_t kMaxValues = 25;
constexpr std::size_t kMaxCharacters = 512;
constexpr std::size_t kMaxTypes = 1000;

enum class Operand { kNumbers, kNumber, kRanges, kBool, kTexts, kNone };

struct Entry {
  FilterOperator op;
  std::string_view name;
  Operand operand;
};
constexpr Entry kOperators[] = {
    {FilterOperator::kNumberIn, "NumberIn", Operand::kNumbers},
    {FilterOperator::kNumberNotIn, "NumberNotIn", Operand::kNumbers},
    {FilterOperator::kNumberLessThan, "NumberLessThan", Operand::kNumber},
    {FilterOperator::kNumberGreaterThan, "NumberGreaterThan", Operand::kNumber},
    {FilterOperator::kNumberLessThanOrEquals, "NumberLessThanOrEquals", Operand::kNumber},
    {FilterOperator::kNumberGreaterThanOrEquals, "NumberGreaterThanOrEquals", Operand::kNumber},
    {FilterOperator::kNumberInRange, "NumberInRange", Operand::kRanges},
    {FilterOperator::kNumberNotInRange, "NumberNotInRange", Operand::kRanges},
    {FilterOperator::kBoolEquals, "BoolEquals", Operand::kBool},
    {FilterOperator::kStringIn, "StringIn", Operand::kTexts},
    {FilterOperator::kStringNotIn, "StringNotIn", Operand::kTexts},
    {FilterOperator::kStringContains, "StringContains", Operand::kTexts},
    {FilterOperator::kStringNotContains, "StringNotContains", Operand::kTexts},
    {FilterOperator::kStringBeginsWith, "StringBeginsWith", Operand::kTexts},
    {FilterOperator::kStringNotBeginsWith, "StringNotBeginsWith", Operand::kTexts},
    {FilterOperator::kStringEndsWith, "StringEndsWith", Operand::kTexts},
    {FilterOperator::kStringNotEndsWith, "StringNotEndsWith", Operand::kTexts},
    {FilterOperator::kIsNullOrUndefined, "IsNullOrUndefined", Operand::kNone},
    {FilterOperator::kIsNotNull, "IsNotNull", Operand::kNone},
};

const Entry& entry_of(FilterOperator op) {
  for (const Entry& entry : kOperators)
    if (entry.op == op) return entry;
  return kOperators[0];
}

std::string limited_text(const JsonRef& value) {
  const std::string_view text = value.text();
  if (utf16_length(text) > kMaxCharacters) throw value.error("is longer than 512 characters");
  return std::string(text);
}

void read_operand(const JsonRef& item, Operand operand, AdvancedFilter& out) {
  switch (operand) {
    case Operand::kNone:
      return;
    case Operand::kBool:
      out.flag = item.at("value").boolean();
      return;
    case Operand::kNumber: {
      const double number = item.at("value").number();
      out.numbers.emplace_back(number, number);
      return;
    }
    default:
      break;
  }
  const JsonRef values = item.at("values");
  const std::size_t count = values.array_size();
  if (count == 0) throw values.error("needs at least one value");
  for (std::size_t i = 0; i < count && i <= kMaxValues; ++i) {
    const JsonRef value = values[i];
    if (operand == Operand::kTexts) {
      out.texts.push_back(limited_text(value));
    } else if (operand == Operand::kNumbers) {
      out.numbers.emplace_back(value.number(), value.number());
    } else {
      if (value.array_size() != 2) throw value.error("wanted [low, high]");
      out.numbers.emplace_back(value[0].number(), value[1].number());
    }
  }
}

AdvancedFilter read_advanced(const JsonRef& item) {
  const JsonRef type = item.at("operatorType");
  const auto* const found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                         [&](const Entry& entry) { return iequals(entry.name, type.text()); });
  if (found == std::end(kOperators)) throw type.error("'" + std::string(type.text()) + "' is no operator");
  AdvancedFilter out;
  out.op = found->op;
  out.key = limited_text(item.at("key"));
  if (out.key.empty()) throw item.at("key").error("is empty");
  read_operand(item, found->operand, out);
  return out;
}

}  // namespace

std::string_view to_text(FilterOperator op) { return entry_of(op).name; }

FilterSpec parse_filter(const JsonRef& filter) {
  FilterSpec spec;
  if (const auto types = filter.find("includedEventTypes")) {
    const std::size_t count = types->array_size();
    if (count > kMaxTypes) throw types->error("has more than 1000 types");
    if (count > 0) spec.types.emplace();
    for (std::size_t i = 0; i < count; ++i) {
      std::string type = limited_text((*types)[i]);
      // The portal's word for "all of them".
      if (iequals(type, "All")) {
        spec.types.reset();
        break;
      }
      spec.types->push_back(std::move(type));
    }
  }
  if (const auto text = filter.find("subjectBeginsWith")) spec.subject_begins_with = limited_text(*text);
  if (const auto text = filter.find("subjectEndsWith")) spec.subject_ends_with = limited_text(*text);
  spec.case_sensitive = filter.boolean_or("isSubjectCaseSensitive", false);
  spec.arrays = filter.boolean_or("enableAdvancedFilteringOnArrays", false);
  if (const auto list = filter.find("advancedFilters")) {
    const std::size_t count = list->array_size();
    if (count > kMaxFilters) throw list->error("has more than 25 filters");
    std::size_t values = 0;
    for (std::size_t i = 0; i < count; ++i) {
      spec.advanced.push_back(read_advanced((*list)[i]));
      const AdvancedFilter& last = spec.advanced.back();
      values += std::max<std::size_t>(last.texts.size() + last.numbers.size(), 1);
    }
    if (values > kMaxValues) throw list->error("has more than 25 values in all");
  }
  return spec;
}

nlohmann::json to_json(const FilterSpec& spec) {
  nlohmann::json out;
  if (spec.types) out["includedEventTypes"] = *spec.types;
  out["subjectBeginsWith"] = spec.subject_begins_with;
  out["subjectEndsWith"] = spec.subject_ends_with;
  out["isSubjectCaseSensitive"] = spec.case_sensitive;
  out["enableAdvancedFilteringOnArrays"] = spec.arrays;
  if (spec.advanced.empty()) return out;
  nlohmann::json list = nlohmann::json::array();
  for (const AdvancedFilter& filter : spec.advanced) {
    nlohmann::json item;
    item["operatorType"] = to_text(filter.op);
    item["key"] = filter.key;
    switch (entry_of(filter.op).operand) {
      case Operand::kNone:
        break;
      case Operand::kBool:
        item["value"] = filter.flag;
        break;
      case Operand::kNumber:
        item["value"] = filter.numbers.front().first;
        break;
      case Operand::kTexts:
        item["values"] = filter.texts;
        break;
      case Operand::kNumbers:
        item["values"] = nlohmann::json::array();
        for (const auto& [low, high] : filter.numbers) item["values"].push_back(low);
        break;
      case Operand::kRanges:
        item["values"] = nlohmann::json::array();
        for (const auto& [low, high] : filter.numbers) item["values"].push_back(std::vector<double>{low, high});
        break;
    }
    list.push_back(std::move(item));
  }
  out["advancedFilters"] = std::move(list);
  return out;
}

}  // namespace trunkline::events
