// Runs the numbered steps of the schema and remembers which have run.
#pragma once
#include <span>

#include "runtime/base/function.h"
#include "runtime/store/database.h"

namespace trunkline::store {

/// Brings the database of `session` up to `migrations`; `run_script` runs several statements in the same transaction. Returns how
/// many steps ran. Throws kFailedPrecondition and changes nothing when the database is not one that these steps can have made.
int run_migrations(Session& session, std::span<const Migration> migrations, std::int64_t now_unix_us,
                   UniqueFunction<void(const char* sql)> run_script);

}  // namespace trunkline::store
