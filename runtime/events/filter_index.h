// Finds the subscriptions that want an event without asking each of them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/events/event_filter.h"

namespace trunkline::events {

/// Every filter hangs in one place of the bucket of each of its types (or of the bucket for all types): under its subject prefix,
/// else under the values of its first StringIn, else in a list. An event looks at the places it fits, so what it costs grows with
/// the subscriptions that nearly match and not with all there are. Not thread-safe.
class FilterIndex {
 public:
  using Id = std::uint64_t;

  void add(Id id, std::shared_ptr<const CompiledFilter> filter);
  void remove(Id id);
  /// Ids of the filters that match, each once.
  void match(const EventView& view, std::vector<Id>& out) const;
  /// Whether any filter could want an event of this type (lower case).
  bool wants_type(std::string_view type) const;
  std::size_t size() const { return filters_.size(); }
  /// Filters that were evaluated by all matches so far; for tests and metrics.
  std::uint64_t evaluations() const { return evaluations_; }

 private:
  struct Entry {
    Id id;
    const CompiledFilter* filter;
  };
  using Entries = std::vector<Entry>;
  template <class T>
  using ByText = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;
  struct Bucket {
    Entries plain;
    // By length: as many lookups as there are lengths, however many prefixes.
    std::map<std::size_t, ByText<Entries>> prefixes, exact_prefixes;
    // Key of a StringIn, then its values.
    ByText<ByText<Entries>> values;
  };

  template <class F>
  void each_place(const CompiledFilter& filter, F use);
  void look(const Bucket& bucket, const EventView& view, std::vector<Id>& out) const;
  void test(const Entries& entries, const EventView& view, std::vector<Id>& out) const;

  std::unordered_map<Id, std::shared_ptr<const CompiledFilter>> filters_;
  ByText<Bucket> by_type_;
  Bucket all_types_;
  mutable std::uint64_t evaluations_ = 0;
};

}  // namespace trunkline::events
