// Objects that are made member by member, without the deep copies that growing one otherwise costs: a member's name is constant,
// so that the vector behind an object copies members when it grows.
#pragma once
#include <algorithm>
#include <string>
#include <utility>

#include "runtime/expression/value.h"

namespace trunkline::expression {

/// An empty object with room for so many members.
inline Value make_object(std::size_t members) {
  Value out = Value::object();
  out.get_ref<Value::object_t&>().reserve(members);
  return out;
}

/// Appends a member whose name is not there yet.
inline Value& add_member(Value& object, std::string name, Value value) {
  auto& members = object.get_ref<Value::object_t&>();
  if (members.size() == members.capacity()) {
    constexpr std::size_t kFirst = 4;
    Value::object_t larger;
    larger.reserve(std::max(2 * members.size(), kFirst));
    for (auto& [known, held] : members) larger.Value::object_t::Container::emplace_back(known, std::move(held));
    members.swap(larger);
  }
  members.Value::object_t::Container::emplace_back(std::move(name), std::move(value));
  return members.back().second;
}

}  // namespace trunkline::expression
