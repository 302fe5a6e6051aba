#include "runtime/store/database.h"

#include <algorithm>
#include <string>

namespace trunkline::store {

Task<void> Database::write(UniqueFunction<void(Session&)> fn) {
  co_await from_callback<void>([this, &fn](auto done) { write(std::move(fn), std::move(done)); });
}

std::vector<Migration> merge_migrations(std::initializer_list<std::span<const Migration>> owners) {
  std::vector<Migration> all;
  for (const auto& owner : owners) all.insert(all.end(), owner.begin(), owner.end());
  std::stable_sort(all.begin(), all.end(), [](const Migration& a, const Migration& b) { return a.number < b.number; });
  const auto twice =
      std::adjacent_find(all.begin(), all.end(), [](const Migration& a, const Migration& b) { return a.number == b.number; });
  if (twice != all.end())
    throw Error(ErrorCode::kInternal, "migration number " + std::to_string(twice->number) + " is used twice");
  return all;
}

}  // namespace trunkline::store
