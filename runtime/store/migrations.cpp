#include "runtime/store/migrations.h"

#include <cstdio>
#include <map>
#include <string>

namespace trunkline::store {
namespace {

constexpr const char* kCreate =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_unix_us BIGINT NOT NULL, checksum TEXT NOT NULL)";
const Statement kApplied{"SELECT number, name, checksum FROM schema_migrations ORDER BY number"};
const Statement kRecord{"INSERT INTO schema_migrations (number, name, applied_unix_us, checksum) VALUES (?, ?, ?, ?)"};

struct Applied {
  std::string name;
  std::string checksum;
};

// FNV-1a: it guards against a step edited by mistake, not against an attacker, who could change the table as well.
std::string checksum(std::string_view sql) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : sql) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::string label(std::int64_t number, std::string_view name) {
  return "migration " + std::to_string(number) + " (" + std::string(name) + ")";
}

void check_order(std::span<const Migration> migrations) {
  int last = 0;
  for (const Migration& m : migrations) {
    if (m.number <= last)
      throw Error(ErrorCode::kInternal, label(m.number, m.name) + " does not come after number " + std::to_string(last));
    last = m.number;
  }
}

}  // namespace

int run_migrations(Session& session, std::span<const Migration> migrations, std::int64_t now_unix_us,
                   UniqueFunction<void(const char* sql)> run_script) {
  check_order(migrations);
  run_script(kCreate);
  std::map<std::int64_t, Applied> applied;
  session.query(kApplied, {}, [&](const Row& row) {
    applied[row.integer(0)] = {std::string(row.text(1)), std::string(row.text(2))};
  });

  int ran = 0;
  for (const Migration& m : migrations) {
    const std::string wanted = checksum(m.sql);
    if (const auto found = applied.find(m.number); found != applied.end()) {
      if (found->second.checksum != wanted)
        throw Error(ErrorCode::kFailedPrecondition,
                    label(m.number, m.name) + " is not the step that this database has run: its checksum is " + wanted +
                        ", the database has " + found->second.checksum + " (" + found->second.name + ")");
      applied.erase(found);
      continue;
    }
    try {
      run_script(m.sql);
    } catch (Error& error) {
      error.message = label(m.number, m.name) + " failed: " + error.message;
      throw;
    }
    session.execute(kRecord, {m.number, m.name, now_unix_us, wanted});
    ++ran;
  }
  if (!applied.empty()) {
    const auto& [number, step] = *applied.rbegin();
    throw Error(ErrorCode::kFailedPrecondition, "the database comes from a newer program: it has run " +
                                                    label(number, step.name) + ", which this program does not know");
  }
  return ran;
}

}  // namespace trunkline::store
