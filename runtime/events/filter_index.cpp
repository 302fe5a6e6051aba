#include "runtime/events/filter_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace trunkline::events {

template <class F>
void FilterIndex::each_place(const CompiledFilter& filter, F use) {
  const auto in_bucket = [&](Bucket& bucket) {
    if (!filter.prefix_.empty()) {
      auto& by_length = filter.spec_.case_sensitive ? bucket.exact_prefixes : bucket.prefixes;
      return use(by_length[filter.prefix_.size()][filter.prefix_]);
    }
    const auto anchor = std::find_if(filter.fast_.begin(), filter.fast_.end(),
                                     [](const AdvancedFilter& f) { return f.op == FilterOperator::kStringIn; });
    if (anchor == filter.fast_.end()) return use(bucket.plain);
    ByText<Entries>& by_value = bucket.values[anchor->key];
    for (const std::string& text : anchor->texts) use(by_value[text]);
  };
  if (!filter.spec_.types) return in_bucket(all_types_);
  for (const std::string& type : filter.types_) in_bucket(by_type_[type]);
}

void FilterIndex::add(Id id, std::shared_ptr<const CompiledFilter> filter) {
  remove(id);
  const CompiledFilter* const address = filter.get();
  filters_.emplace(id, std::move(filter));
  each_place(*address, [&](Entries& entries) { entries.push_back({id, address}); });
}

void FilterIndex::remove(Id id) {
  const auto found = filters_.find(id);
  if (found == filters_.end()) return;
  each_place(*found->second, [id](Entries& entries) { std::erase_if(entries, [id](const Entry& e) { return e.id == id; }); });
  filters_.erase(found);
  // Empty places stay until the index goes: they cost a failed lookup.
}

void FilterIndex::test(const Entries& entries, const EventView& view, std::vector<Id>& out) const {
  for (const Entry& entry : entries) {
    ++evaluations_;
    if (entry.filter->matches(view)) out.push_back(entry.id);
  }
}

void FilterIndex::look(const Bucket& bucket, const EventView& view, std::vector<Id>& out) const {
  test(bucket.plain, view, out);
  const auto by_prefix = [&](const std::map<std::size_t, ByText<Entries>>& lengths, std::string_view subject) {
    for (const auto& [length, prefixes] : lengths) {
      if (length > subject.size()) return;
      if (const auto found = prefixes.find(subject.substr(0, length)); found != prefixes.end()) test(found->second, view, out);
    }
  };
  if (!bucket.prefixes.empty()) by_prefix(bucket.prefixes, view.subject());
  if (!bucket.exact_prefixes.empty()) by_prefix(bucket.exact_prefixes, view.event().subject);
  for (const auto& [key, by_value] : bucket.values) {
    const nlohmann::json* const value = view.find(key);
    if (value == nullptr) continue;
    const auto by_text = [&](const nlohmann::json& text) {
      if (!text.is_string()) return;
      if (const auto found = by_value.find(to_lower(text.get_ref<const std::string&>())); found != by_value.end())
        test(found->second, view, out);
    };
    if (value->is_array())
      for (const nlohmann::json& element : *value) by_text(element);
    else
      by_text(*value);
  }
}

void FilterIndex::match(const EventView& view, std::vector<Id>& out) const {
  const auto before = static_cast<std::ptrdiff_t>(out.size());
  look(all_types_, view, out);
  if (const auto found = by_type_.find(view.type()); found != by_type_.end()) look(found->second, view, out);
  std::sort(out.begin() + before, out.end());
  out.erase(std::unique(out.begin() + before, out.end()), out.end());
}

bool FilterIndex::wants_type(std::string_view type) const {
  const auto used = [](const Bucket& bucket) {
    return !bucket.plain.empty() || !bucket.prefixes.empty() || !bucket.exact_prefixes.empty() || !bucket.values.empty();
  };
  if (used(all_types_)) return true;
  const auto found = by_type_.find(type);
  return found != by_type_.end() && used(found->second);
}

}  // namespace trunkline::events
