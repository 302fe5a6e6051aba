// Values and zero-copy views of the C++ SDK. Hand-written, header-only, C++20.
#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/abi.h"
#include "trunkline/error.hpp"

namespace trunkline {

using Bytes = std::vector<std::uint8_t>;
using Properties = std::map<std::string, std::string>;
/// A view of bytes; data()==nullptr and empty are the same.
using BytesView = std::span<const std::uint8_t>;

namespace abi {
/// How a C++ type T crosses the boundary:
///   C                  the C value; View: what it looks like without a copy
///   lower(v, arena)    T -> C; the result points into v and the arena
///   lift(c, v)         C -> T, a deep copy of a checked value
///   check(c, what)     throws kInvalidArgument when c cannot be read
///   view(c)            C -> View
///   kAggregate         goes by pointer
///   kFrozen            an aggregate that is a member by value
///   kMinSize           least size of an element in a list
/// Generated for structs and unions; codec.hpp has the rest.
template <class T>
struct Codec;
}  // namespace abi

/// A list of T in C form. Elements are read in place.
template <class T>
class ListView {
 public:
  using C = typename abi::Codec<T>::C;
  using View = typename abi::Codec<T>::View;

  class iterator {
   public:
    using value_type = View;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    iterator() = default;
    iterator(const char* at, std::size_t stride) : at_(at), stride_(stride) {}
    View operator*() const { return abi::Codec<T>::view(*reinterpret_cast<const C*>(at_)); }
    iterator& operator++() {
      at_ += stride_;
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const { return at_ == other.at_; }

   private:
    const char* at_ = nullptr;
    std::size_t stride_ = 0;
  };

  ListView() = default;
  explicit ListView(const tl_list& list) : list_(list) {}

  std::size_t size() const { return list_.count; }
  bool empty() const { return list_.count == 0; }
  /// The C element, for code that looks at it in its own way.
  const C& raw(std::size_t i) const { return *reinterpret_cast<const C*>(at(i)); }
  View operator[](std::size_t i) const { return abi::Codec<T>::view(raw(i)); }
  iterator begin() const { return {at(0), list_.stride}; }
  iterator end() const { return {at(list_.count), list_.stride}; }
  std::vector<T> copy() const {
    std::vector<T> values;
    abi::Codec<std::vector<T>>::lift(list_, values);
    return values;
  }

 private:
  const char* at(std::size_t i) const { return list_.count ? static_cast<const char*>(list_.data) + i * list_.stride : nullptr; }
  tl_list list_{};
};

/// A map of texts in C form.
class MapView {
 public:
  using value_type = std::pair<std::string_view, std::string_view>;

  MapView() = default;
  explicit MapView(const tl_list& list) : list_(list) {}

  std::size_t size() const { return list_.count; }
  bool empty() const { return list_.count == 0; }
  value_type operator[](std::size_t i) const {
    const auto& entry = *reinterpret_cast<const tl_kv*>(static_cast<const char*>(list_.data) + i * list_.stride);
    return {{entry.key.data, entry.key.size}, {entry.value.data, entry.value.size}};
  }
  /// The value of a key, found by a linear search.
  std::optional<std::string_view> find(std::string_view key) const {
    for (std::size_t i = 0; i < size(); ++i)
      if (const value_type entry = (*this)[i]; entry.first == key) return entry.second;
    return std::nullopt;
  }
  Properties copy() const {
    Properties values;
    for (std::size_t i = 0; i < size(); ++i) {
      const value_type entry = (*this)[i];
      values.emplace(entry.first, entry.second);
    }
    return values;
  }

 private:
  tl_list list_{};
};

}  // namespace trunkline
