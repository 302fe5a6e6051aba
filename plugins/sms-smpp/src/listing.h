// The whole of a listing of the host's storage, however many pages it has.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace sms_smpp {

/// Entries below `prefix`, by key. What is in the keys behind it must be of these characters. A listing ends after a page; what
/// is longer is read by the next character of the key.
inline trunkline::Task<std::vector<trunkline::host::StoreEntry>> read_all(trunkline::host::StoreClient store,
                                                                          std::string prefix) {
  constexpr std::int32_t kPage = 1000;
  constexpr std::string_view kCharacters = "-/0123456789abcdef";  // in their order
  std::vector<trunkline::host::StoreEntry> rows = co_await store.list(prefix, kPage);
  if (rows.size() < static_cast<std::size_t>(kPage)) co_return rows;
  const std::size_t shorter = rows.front().key == prefix ? 1 : 0;  // the prefix itself, which nothing longer begins with
  rows.resize(shorter);
  for (const char next : kCharacters) {
    std::vector<trunkline::host::StoreEntry> some = co_await read_all(store, prefix + next);
    for (trunkline::host::StoreEntry& row : some) rows.push_back(std::move(row));
  }
  co_return rows;
}

}  // namespace sms_smpp
