// SQLite's result codes in our error model.
#pragma once
#include <string_view>

#include "trunkline/error.hpp"

struct sqlite3;

namespace trunkline::store {

/// `code` may be extended; `message` is SQLite's. `doing` begins our message, such as "open /var/lib/trunkline/data.db".
/// A violated constraint is named in `target` (`messages.message_id` or the constraint's own name).
Error sqlite_error(int code, std::string_view message, std::string_view doing, int system_errno = 0);
/// The error that the connection reported last; `sql` goes to details["sql"].
Error sqlite_error(sqlite3* connection, int code, const char* sql);

}  // namespace trunkline::store
