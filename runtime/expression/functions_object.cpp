// Functions that take objects apart and put them together.
#include "runtime/expression/function.h"

namespace trunkline::expression {
namespace {

using Members = Value::object_t;

/// The place of a member in an object that is ours; end() when it is not there. Exact name first, else in any case.
Members::iterator place_of(Value& object, std::string_view name) {
  auto& members = object.get_ref<Members&>();
  const Value* found = find_member(object, name);
  for (auto at = members.begin(); at != members.end(); ++at)
    if (&at->second == found) return at;
  return members.end();
}

Operand add_property(Call& call) {
  call.object(0);
  const std::string name = call.text(1);
  call.charge(call[0].size());
  if (find_member(call[0], name)) call.fail("cannot add the property '" + name + "', which the object has already.", 1);
  Operand out = call.take(0);
  Value value = call.take(2).take();
  out.own().get_ref<Members&>().emplace_back(name, std::move(value));
  return out;
}

Operand set_property(Call& call) {
  call.object(0);
  const std::string name = call.text(1);
  call.charge(call[0].size());
  Operand out = call.take(0);
  Value value = call.take(2).take();
  Value& object = out.own();
  const auto place = place_of(object, name);
  if (place == object.get_ref<Members&>().end())
    object.get_ref<Members&>().emplace_back(name, std::move(value));
  else
    place->second = std::move(value);
  return out;
}

Operand remove_property(Call& call) {
  call.object(0);
  const std::string name = call.text(1);
  if (!find_member(call[0], name)) return call.take(0);
  call.charge(call[0].size());
  Operand out = call.take(0);
  const std::string exact = place_of(out.own(), name)->first;
  out.own().erase(exact);
  return out;
}

Operand coalesce(Call& call) {
  for (std::size_t i = 0; i < call.size(); ++i)
    if (!call[i].is_null()) return call.take(i);
  return Value(nullptr);
}

void merge(Value& into, const Value& from, const Call& call) {
  for (const auto& [name, value] : from.get_ref<const Members&>()) {
    call.charge(into.size());
    const auto place = place_of(into, name);
    if (place == into.get_ref<Members&>().end())
      into.get_ref<Members&>().emplace_back(name, value);
    else if (place->second.is_object() && value.is_object())
      merge(place->second, value, call);
    else
      place->second = value;
  }
}

Operand merge_objects(Call& call) {
  call.object(0);
  call.object(1);
  Operand out = call.take(0);
  merge(out.own(), call[1], call);
  return out;
}

constexpr FunctionInfo kObjectFunctions[] = {
    {"addProperty", 3, 3, add_property},       {"setProperty", 3, 3, set_property},
    {"removeProperty", 2, 2, remove_property}, {"coalesce", 1, FunctionInfo::kAnyNumber, coalesce},
    {"mergeObjects", 2, 2, merge_objects},
};

}  // namespace

std::span<const FunctionInfo> object_functions() { return kObjectFunctions; }

}  // namespace trunkline::expression
