// Limits that both storages of providers share.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trunkline::plugin {

inline constexpr std::size_t kMaxStoreKey = 512;
inline constexpr std::size_t kMaxStoreValue = 1024 * 1024;
inline constexpr std::int32_t kMaxStoreList = 1000;

/// Throw kInvalidArgument that names `name`.
void check_store_key(std::string_view key, std::string_view name, bool may_be_empty = false);
void check_store_value(std::size_t bytes, std::string_view name);
void check_store_limit(std::int32_t limit, std::string_view name);

}  // namespace trunkline::plugin
