// How values that several own are made, and unmade.
#pragma once
#include <memory>
#include <utility>

#include "runtime/workflow/plan.h"

namespace trunkline::workflow {

/// Empties arrays and objects from the inside. The destructor of the library moves all children into a list first, which costs
/// more than everything else about a small value; what is nested deeper than `levels` is left to it, for it needs no stack.
inline void release(Value& value, int levels = 256) {
  if (levels == 0) return;
  if (value.is_array()) {
    auto& items = value.get_ref<Value::array_t&>();
    for (Value& item : items)
      if (item.is_structured()) release(item, levels - 1);
    items.clear();
  } else if (value.is_object()) {
    auto& members = value.get_ref<Value::object_t&>();
    for (auto& member : members)
      if (member.second.is_structured()) release(member.second, levels - 1);
    members.clear();
  }
}

inline SharedValue share(Value value) {
  struct Held {
    explicit Held(Value given) : value(std::move(given)) {}
    Held(const Held&) = delete;
    ~Held() { release(value); }
    Value value;
  };
  auto held = std::make_shared<Held>(std::move(value));
  const Value* const inside = &held->value;
  return SharedValue(std::move(held), inside);
}

}  // namespace trunkline::workflow
