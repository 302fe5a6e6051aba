// The rows of consent: who opted out now, and the ledger of how that came about. Only SQL and digests.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/database.h"
#include "trunkline/service.hpp"

namespace trunkline::sms_consent_records {

/// Both are views for the call.
bool is_opted_out(store::Session& session, std::int64_t resource_key, std::string_view sender, std::string_view recipient);
/// False: it was so already.
bool set_opted_out(store::Session& session, std::int64_t resource_key, std::string_view sender, std::string_view recipient,
                   service::ConsentSource source, std::int64_t at_us);
/// False: it was so already.
bool clear_opted_out(store::Session& session, std::int64_t resource_key, std::string_view sender, std::string_view recipient);
/// By sender and recipient, behind `after`; `sender` absent: of all.
std::vector<service::OptOut> list(store::Session& session, std::int64_t resource_key, const std::optional<std::string>& sender,
                                  std::string_view after_sender, std::string_view after_recipient, std::int32_t limit);

/// Adds a line; sequence and digest are set here. `at` has microseconds.
void append(store::Session& session, std::int64_t resource_key, service::ConsentEntry entry);
/// Oldest first, behind `after`; `recipient` absent: of all.
std::vector<service::ConsentEntry> history(store::Session& session, std::int64_t resource_key,
                                           const std::optional<std::string>& recipient, std::int64_t after, std::int32_t limit);
/// SHA-256, in hex, over the digest before and every member of the line.
std::string digest_of(std::string_view digest_before, const service::ConsentEntry& entry);

void copy_rows(store::Session& session, std::int64_t from, std::int64_t to);
void drop_rows(store::Session& session, std::int64_t resource_key);

}  // namespace trunkline::sms_consent_records
