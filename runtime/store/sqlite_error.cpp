#include "runtime/store/sqlite_error.h"

#include <sqlite3.h>

#include <cerrno>
#include <string>

namespace trunkline::store {
namespace {

ErrorCode error_code(int code, int system_errno) {
  if (system_errno == ENOSPC || system_errno == EDQUOT) return ErrorCode::kResourceExhausted;
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      switch (code) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_ROWID:
          return ErrorCode::kAlreadyExists;
        default:
          return ErrorCode::kFailedPrecondition;
      }
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
      return ErrorCode::kUnavailable;
    case SQLITE_CANTOPEN:
      return ErrorCode::kFailedPrecondition;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::kPermissionDenied;
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
      return ErrorCode::kOutOfRange;
    case SQLITE_INTERRUPT:
      return ErrorCode::kCancelled;
    default:
      return ErrorCode::kInternal;
  }
}

// "UNIQUE constraint failed: messages.resource_key, messages.message_id" names the columns after the colon.
std::string_view constraint_of(std::string_view message) {
  constexpr std::string_view kMarker = "constraint failed: ";
  const auto at = message.find(kMarker);
  return at == std::string_view::npos ? std::string_view{} : message.substr(at + kMarker.size());
}

}  // namespace

Error sqlite_error(int code, std::string_view message, std::string_view doing, int system_errno) {
  std::string text(doing);
  if (!text.empty()) text += ": ";
  text += message;
  Error error(error_code(code, system_errno), std::move(text));
  if ((code & 0xff) == SQLITE_CONSTRAINT) error.target = constraint_of(message);
  if ((code & 0xff) == SQLITE_BUSY) error.retryable = true;
  error.details["sqlite_code"] = std::to_string(code);
  return error;
}

Error sqlite_error(sqlite3* connection, int code, const char* sql) {
  Error error = sqlite_error(code, sqlite3_errmsg(connection), "", sqlite3_system_errno(connection));
  if (sql) error.details["sql"] = sql;
  return error;
}

}  // namespace trunkline::store
