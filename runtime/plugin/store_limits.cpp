#include "runtime/plugin/store_limits.h"

#include <string>

#include "trunkline/error.hpp"

namespace trunkline::plugin {

void check_store_key(std::string_view key, std::string_view name, bool may_be_empty) {
  if (key.empty() && !may_be_empty)
    throw Error(ErrorCode::kInvalidArgument, std::string(name) + ": found none, wanted 1 to 512 bytes", std::string(name));
  if (key.size() > kMaxStoreKey)
    throw Error(ErrorCode::kInvalidArgument,
                std::string(name) + ": found " + std::to_string(key.size()) + " bytes, wanted at most 512", std::string(name));
}

void check_store_value(std::size_t bytes, std::string_view name) {
  if (bytes > kMaxStoreValue)
    throw Error(ErrorCode::kInvalidArgument,
                std::string(name) + ": found " + std::to_string(bytes) + " bytes, wanted at most 1 MiB", std::string(name));
}

void check_store_limit(std::int32_t limit, std::string_view name) {
  if (limit < 1 || limit > kMaxStoreList)
    throw Error(ErrorCode::kInvalidArgument,
                std::string(name) + ": found " + std::to_string(limit) + ", wanted 1 to " + std::to_string(kMaxStoreList),
                std::string(name));
}

}  // namespace trunkline::plugin
