// What a provider asks for a part of a text, by the beginning of the number.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline {

/// Immutable once made; [any-thread].
class PriceTable {
 public:
  struct Entry {
    std::string prefix;  // empty: all others
    std::int64_t micros = 0;
  };

  PriceTable() = default;
  PriceTable(std::string currency, std::vector<Entry> entries) : currency_(std::move(currency)), entries_(std::move(entries)) {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.prefix < b.prefix; });
  }

  /// ISO 4217; empty when there are no prices.
  const std::string& currency() const { return currency_; }
  /// In millionths of the currency, of the longest prefix that fits; nullopt: no price is known.
  std::optional<std::int64_t> part_micros(std::string_view to) const {
    // A longer prefix of the same number sorts behind a shorter one.
    for (std::size_t length = std::min<std::size_t>(to.size(), 16) + 1; length-- > 0;) {
      const std::string_view prefix = to.substr(0, length);
      const auto at = std::lower_bound(entries_.begin(), entries_.end(), prefix,
                                       [](const Entry& entry, std::string_view wanted) { return entry.prefix < wanted; });
      if (at != entries_.end() && at->prefix == prefix) return at->micros;
    }
    return std::nullopt;
  }

 private:
  std::string currency_;
  std::vector<Entry> entries_;  // by prefix
};

}  // namespace trunkline
