// Collection functions.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/utf8.h"
#include "runtime/expression/compare.h"
#include "runtime/expression/function.h"
#include "runtime/expression/text_units.h"

namespace trunkline::expression {
namespace {

bool is_text_or_array(const Value& value) { return value.is_string() || value.is_array(); }

const std::string& text_of(const Value& value) { return value.get_ref<const std::string&>(); }
const Value::array_t& items_of(const Value& value) { return value.get_ref<const Value::array_t&>(); }

Operand length(Call& call) {
  const Value& collection = call[0];
  if (!is_text_or_array(collection)) call.wrong_type(0, "an array or a string");
  if (collection.is_array()) return Value(static_cast<std::int64_t>(collection.size()));
  return Value(static_cast<std::int64_t>(unit_count(text_of(collection))));
}

Operand contains(Call& call) {
  const Value& collection = call[0];
  const Value& wanted = call[1];
  if (collection.is_string()) {
    call.charge(text_of(collection).size());
    return Value(text_of(collection).find(call.text(1)) != std::string::npos);
  }
  if (collection.is_array()) {
    call.charge(collection.size());
    return Value(
        std::any_of(collection.begin(), collection.end(), [&](const Value& item) { return equal_values(item, wanted); }));
  }
  if (!collection.is_object()) call.wrong_type(0, "a dictionary, an array or a string");
  return Value(find_member(collection, call.text(1)) != nullptr);
}

Operand empty(Call& call) {
  const Value& collection = call[0];
  if (collection.is_string()) return Value(text_of(collection).empty());
  if (!collection.is_null() && !collection.is_structured()) call.wrong_type(0, "an object, an array or a string");
  return Value(collection.empty());
}

Operand end_of(Call& call, bool first) {
  const Value& collection = call[0];
  if (!is_text_or_array(collection)) call.wrong_type(0, "an array or a string");
  if (collection.empty()) return Value(nullptr);
  if (collection.is_array()) {
    const auto& items = items_of(collection);
    const Value& item = first ? items.front() : items.back();
    if (call.operand(0).borrowed()) return Operand::borrow(&item);
    return Operand(item);
  }
  const std::string& text = text_of(collection);
  if (text.empty()) return Operand::text({});
  const std::size_t count = unit_count(text);
  return Operand::text(unit_slice(text, first ? 0 : count - 1, 1));
}

Operand first(Call& call) { return end_of(call, true); }
Operand last(Call& call) { return end_of(call, false); }

std::size_t count_argument(const Call& call, std::size_t size) {
  const std::int64_t count = call.integer(1);
  if (count < 0)
    call.fail(
        "expects its second parameter, the count, not to be negative. The provided value is '" + std::to_string(count) + "'.", 1);
  return static_cast<std::size_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(count), size));
}

Operand take(Call& call) {
  const Value& collection = call[0];
  if (!is_text_or_array(collection)) call.wrong_type(0, "an array or a string");
  if (collection.is_string()) {
    const std::string& text = text_of(collection);
    call.charge(text.size());
    return Operand::text(unit_slice(text, 0, count_argument(call, unit_count(text))));
  }
  const std::size_t count = count_argument(call, collection.size());
  if (count == collection.size()) return call.take(0);
  call.charge(count);
  const auto& items = items_of(collection);
  return Value(Value::array_t(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count)));
}

Operand skip(Call& call) {
  const Value& collection = call[0];
  if (!is_text_or_array(collection)) call.wrong_type(0, "an array");
  if (collection.is_string()) {
    const std::string& text = text_of(collection);
    const std::size_t size = unit_count(text);
    const std::size_t count = count_argument(call, size);
    call.charge(text.size());
    return Operand::text(unit_slice(text, count, size - count));
  }
  const std::size_t count = count_argument(call, collection.size());
  if (count == 0) return call.take(0);
  call.charge(collection.size() - count);
  const auto& items = items_of(collection);
  return Value(Value::array_t(items.begin() + static_cast<std::ptrdiff_t>(count), items.end()));
}

Operand join(Call& call) {
  const Value& collection = call.array(0);
  const std::string& delimiter = call.text(1);
  std::string out;
  bool first = true;
  for (const Value& item : collection) {
    if (!first) out += delimiter;
    first = false;
    append_text(out, item);
    if (out.size() > call.limits().max_text_length) call.check_text_length(out.size());
  }
  call.charge(out.size() + collection.size());
  return Operand::text(std::move(out));
}

/// A set of values that are held elsewhere.
struct ByValue {
  std::size_t operator()(const Value* value) const { return hash_value(*value); }
  bool operator()(const Value* left, const Value* right) const { return equal_values(*left, *right); }
};
using ValueSet = std::unordered_set<const Value*, ByValue, ByValue>;

/// All of one kind, arrays or objects.
bool arrays_given(const Call& call) {
  for (std::size_t i = 0; i < call.size(); ++i) {
    if (!call[i].is_structured()) call.wrong_type(i, "an array or an object");
    if (call[i].type() != call[0].type())
      call.fail("expects its parameters to be all arrays or all objects. Arrays and objects cannot be mixed.",
                static_cast<int>(i));
    call.charge(call[i].size());
  }
  return call[0].is_array();
}

Operand intersection(Call& call) {
  Value out;
  if (arrays_given(call)) {
    std::vector<ValueSet> others;
    for (std::size_t i = 1; i < call.size(); ++i) {
      ValueSet& set = others.emplace_back();
      for (const Value& item : call[i]) set.insert(&item);
    }
    ValueSet taken;
    out = Value::array();
    for (const Value& item : call[0]) {
      const bool everywhere = std::all_of(others.begin(), others.end(), [&](const ValueSet& set) { return set.contains(&item); });
      if (everywhere && taken.insert(&item).second) out.push_back(item);
    }
    return out;
  }
  out = Value::object();
  for (const auto& [name, value] : call[0].get_ref<const Value::object_t&>()) {
    bool everywhere = true;
    for (std::size_t i = 1; i < call.size() && everywhere; ++i) {
      call.charge(call[i].size());
      const auto other = call[i].find(name);
      everywhere = other != call[i].end() && equal_values(*other, value);
    }
    if (everywhere) out.get_ref<Value::object_t&>().emplace_back(name, value);
  }
  return out;
}

Operand union_of(Call& call) {
  if (arrays_given(call)) {
    ValueSet taken;
    Value out = Value::array();
    for (std::size_t i = 0; i < call.size(); ++i)
      for (const Value& item : call[i])
        if (taken.insert(&item).second) out.push_back(item);
    return out;
  }
  Value out = Value::object();
  auto& members = out.get_ref<Value::object_t&>();
  std::unordered_map<std::string_view, std::size_t> places;  // names live in the arguments
  for (std::size_t i = 0; i < call.size(); ++i) {
    for (const auto& [name, value] : call[i].get_ref<const Value::object_t&>()) {
      const auto [place, added] = places.try_emplace(name, members.size());
      if (added)
        members.emplace_back(name, value);
      else
        (members.begin() + static_cast<std::ptrdiff_t>(place->second))->second = value;
    }
  }
  return out;
}

Operand reverse(Call& call) {
  call.array(0);
  call.charge(call[0].size());
  Operand out = call.take(0);
  auto& items = out.own().get_ref<Value::array_t&>();
  std::reverse(items.begin(), items.end());
  return out;
}

Operand sort(Call& call) {
  const Value& collection = call.array(0);
  const std::string* by = call.has(1) ? &call.text(1) : nullptr;
  // Keys first, so that a comparison that is not possible fails before anything moves.
  struct Entry {
    const Value* key;
    const Value* item;
  };
  static const Value kMissing;
  std::vector<Entry> entries;
  entries.reserve(collection.size());
  for (const Value& item : collection) {
    const Value* key = &item;
    if (by) {
      if (!item.is_object())
        call.fail("expects its first parameter to be an array of objects, as a property to sort by is given.", 0);
      key = find_member(item, *by);
      if (!key) key = &kMissing;
    }
    if (!entries.empty() && !comparable(*entries.front().key, *key) && !key->is_null() && !entries.front().key->is_null())
      call.fail("cannot compare a value of type '" + std::string(kind_name(*entries.front().key)) + "' with one of type '" +
                    std::string(kind_name(*key)) + "'.",
                0);
    if (key->is_structured()) call.fail("cannot sort values of type '" + std::string(kind_name(*key)) + "'.", 0);
    entries.push_back({key, &item});
  }
  // Null before everything else; then all have one kind.
  const Value* kind = nullptr;
  for (const Entry& entry : entries) {
    if (entry.key->is_null()) continue;
    if (kind && !comparable(*kind, *entry.key))
      call.fail("cannot compare a value of type '" + std::string(kind_name(*kind)) + "' with one of type '" +
                    std::string(kind_name(*entry.key)) + "'.",
                0);
    kind = entry.key;
  }
  call.charge(entries.size() * 16);
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& left, const Entry& right) {
    if (left.key->is_null() || right.key->is_null()) return left.key->is_null() && !right.key->is_null();
    return compare_values(*left.key, *right.key) < 0;
  });
  Value out = Value::array();
  for (const Entry& entry : entries) out.push_back(*entry.item);
  return out;
}

Operand create_array(Call& call) {
  Value out = Value::array();
  auto& items = out.get_ref<Value::array_t&>();
  items.reserve(call.size());
  call.charge(call.size());
  for (std::size_t i = 0; i < call.size(); ++i) items.push_back(call.take(i).take());
  return out;
}

constexpr FunctionInfo kCollectionFunctions[] = {
    {"length", 1, 1, length},
    {"contains", 2, 2, contains},
    {"empty", 1, 1, empty},
    {"first", 1, 1, first},
    {"last", 1, 1, last},
    {"take", 2, 2, take},
    {"skip", 2, 2, skip},
    {"join", 2, 2, join},
    {"intersection", 1, FunctionInfo::kAnyNumber, intersection},
    {"union", 1, FunctionInfo::kAnyNumber, union_of},
    {"reverse", 1, 1, reverse},
    {"sort", 1, 2, sort},
    {"createArray", 1, FunctionInfo::kAnyNumber, create_array},
    {"array", 1, 1, create_array},
};

}  // namespace

std::span<const FunctionInfo> collection_functions() { return kCollectionFunctions; }

}  // namespace trunkline::expression
