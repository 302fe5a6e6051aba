// Finds the first route that matches without looking at each: one bit a route in every list, and the lists are intersected.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/strings.h"

namespace trunkline {

/// Immutable once built; [any-thread].
class RouteIndex {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  struct Keys {
    std::string_view resource, to, from, tag;
    std::uint16_t country = 0;  // 0: none
  };

  explicit RouteIndex(std::size_t routes) : routes_(routes), words_((routes + 63) / 64) {
    for (Texts* texts : {&resources_, &senders_, &tags_}) texts->any.assign(words_, 0);
    any_country_.assign(words_, 0);
    prefixes_.emplace_back().routes.assign(words_, 0);
  }

  /// Each list of `route`; an empty one matches everything. In rising order of routes.
  void add(std::size_t route, const std::vector<std::string>& resources, const std::vector<std::string>& prefixes,
           const std::vector<std::uint16_t>& countries, const std::vector<std::string>& senders,
           const std::vector<std::string>& tags) {
    add_texts(resources_, route, resources);
    add_texts(senders_, route, senders);
    add_texts(tags_, route, tags);
    if (countries.empty()) set(any_country_, route);
    for (const std::uint16_t country : countries) set(of(countries_, country), route);
    if (prefixes.empty()) set(prefixes_[0].routes, route);
    for (const std::string& prefix : prefixes) add_prefix(route, prefix);
  }
  /// After the last add().
  void finish() {
    // What matches everything is part of every list, and what matches a prefix matches every longer number.
    for (Texts* texts : {&resources_, &senders_, &tags_})
      for (auto& [key, bits] : texts->lists) join(bits, texts->any);
    for (auto& [key, bits] : countries_) join(bits, any_country_);
    for (std::size_t i = 0; i < prefixes_.size(); ++i)  // children come behind their parents
      for (const std::uint32_t child : prefixes_[i].next)
        if (child != 0) join(prefixes_[child].routes, prefixes_[i].routes);
  }

  /// The first route that all keys match; kNone when there is none.
  std::size_t first(const Keys& keys) const {
    const Bits& resource = find(resources_, keys.resource);
    const Bits& sender = find(senders_, keys.from);
    const Bits& tag = find(tags_, keys.tag);
    const auto country_at = countries_.find(keys.country);
    const Bits& country = country_at == countries_.end() ? any_country_ : country_at->second;
    const Bits& prefix = find_prefix(keys.to);
    for (std::size_t i = 0; i < words_; ++i) {
      const std::uint64_t word = resource[i] & sender[i] & tag[i] & country[i] & prefix[i];
      if (word != 0) return i * 64 + static_cast<std::size_t>(std::countr_zero(word));
    }
    return kNone;
  }

 private:
  using Bits = std::vector<std::uint64_t>;
  struct Texts {
    Bits any;
    std::unordered_map<std::string, Bits, StringHash, std::equal_to<>> lists;
  };
  struct Digit {
    Bits routes;
    std::array<std::uint32_t, 10> next{};  // 0: none
  };

  static void set(Bits& bits, std::size_t route) { bits[route / 64] |= std::uint64_t{1} << (route % 64); }
  static void join(Bits& bits, const Bits& more) {
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] |= more[i];
  }
  template <class Map, class Key>
  Bits& of(Map& map, const Key& key) {
    Bits& bits = map[key];
    if (bits.empty()) bits.assign(words_, 0);
    return bits;
  }
  void add_texts(Texts& texts, std::size_t route, const std::vector<std::string>& values) {
    if (values.empty()) set(texts.any, route);
    for (const std::string& value : values) set(of(texts.lists, value), route);
  }
  static const Bits& find(const Texts& texts, std::string_view key) {
    const auto at = texts.lists.find(key);
    return at == texts.lists.end() ? texts.any : at->second;
  }
  void add_prefix(std::size_t route, std::string_view prefix) {
    std::uint32_t node = 0;
    for (const char c : prefix.substr(1)) {
      const auto digit = static_cast<std::size_t>(c - '0');
      if (prefixes_[node].next[digit] == 0) {
        prefixes_[node].next[digit] = static_cast<std::uint32_t>(prefixes_.size());
        prefixes_.emplace_back().routes.assign(words_, 0);
      }
      node = prefixes_[node].next[digit];
    }
    set(prefixes_[node].routes, route);
  }
  const Bits& find_prefix(std::string_view to) const {
    std::uint32_t node = 0;
    if (!to.empty() && to.front() == '+')
      for (const char c : to.substr(1)) {
        if (!is_digit(c)) break;
        const std::uint32_t next = prefixes_[node].next[static_cast<std::size_t>(c - '0')];
        if (next == 0) break;
        node = next;
      }
    return prefixes_[node].routes;
  }

  const std::size_t routes_, words_;
  Texts resources_, senders_, tags_;
  Bits any_country_;
  std::unordered_map<std::uint16_t, Bits> countries_;
  std::vector<Digit> prefixes_;  // [0]: the root
};

}  // namespace trunkline
