// Rows of phone numbers: what is owned, searches and operations.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/number_service.h"
#include "runtime/services/resource.h"

namespace trunkline::number_records {

using Owned = std::map<std::string, service::OwnedNumber, std::less<>>;

void insert_number(store::Session& session, std::int64_t resource_key, const service::OwnedNumber& number);
/// False: there is no such number.
bool delete_number(store::Session& session, std::int64_t resource_key, const std::string& number);
bool update_number(store::Session& session, std::int64_t resource_key, const service::OwnedNumber& number);
Owned read_numbers(store::Session& session, std::int64_t resource_key);

void insert_search(store::Session& session, std::int64_t resource_key, const HeldNumbers& held);
std::optional<HeldNumbers> find_search(store::Session& session, std::int64_t resource_key, std::string_view search_id);
/// False: they were bought already.
bool mark_bought(store::Session& session, std::int64_t resource_key, const std::string& search_id);
/// Numbers that searches hold at `now`, with the end of that.
std::vector<std::pair<std::string, Time>> read_holds(store::Session& session, std::int64_t resource_key, Time now);

/// Forgets what is older than a month, too.
void insert_operation(store::Session& session, std::int64_t resource_key, const NumberOperation& operation);
std::optional<NumberOperation> find_operation(store::Session& session, std::int64_t resource_key, std::string_view id);

void copy_rows(store::Session& session, std::int64_t from_key, std::int64_t to_key);
void drop_rows(store::Session& session, std::int64_t resource_key);

}  // namespace trunkline::number_records
