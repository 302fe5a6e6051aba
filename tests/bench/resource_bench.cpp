// Create, fork and drop of a resource, beside the transactions that they are made of: SQLite's own commits of as many rows, in
// memory and durable. A test suite makes thousands of resources, so what counts is how many it gets in a second.
#include <sqlite3.h>
#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "runtime/core/runtime.h"
#include "runtime/services/number_service.h"
#include "runtime/services/resource_service.h"

namespace trunkline {
namespace {

/// Commits of one round: create 1; fork 3 (note, rows, registry); drop of both 3 each (registry, rows, note).
constexpr int kCommits = 1 + 3 + 3 + 3;
constexpr int kRows = 20;  // that the fork copies

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void check(int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE) throw std::runtime_error(sqlite3_errstr(code));
}

/// Rounds a second when there is nothing but the commits and the rows.
double floor_rate(const std::string& path, int rounds) {
  sqlite3* db = nullptr;
  check(sqlite3_open(path.c_str(), &db));
  check(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (a BIGINT, b TEXT, c TEXT)", nullptr,
                     nullptr, nullptr));
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < rounds; ++round) {
    for (int commit = 0; commit < kCommits; ++commit) {
      check(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr));
      for (int row = 0; row < (commit == 2 ? kRows : 1); ++row)
        check(sqlite3_exec(db, "INSERT INTO t VALUES (1, 'some name', 'some longer text that stands for the columns')", nullptr,
                           nullptr, nullptr));
      check(sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr));
    }
  }
  const double rate = rounds / seconds_since(start);
  sqlite3_close(db);
  return rate;
}

double rounds_per_second(const std::string& store, int rounds) {
  const auto runtime = Runtime::open(parse_config("log: {level: off}\nstore: " + store + "\nresources: [{name: base}]\n"));
  ResourceService& resources = runtime->resources();
  const ResourcePtr base = resources.get("base");
  for (int i = 0; i < kRows; ++i) {
    service::OwnedNumber number;
    number.number = "+1425555" + std::to_string(1000 + i);
    number.sms = service::NumberCapability::kBoth;
    sync_wait(runtime->numbers().assign(base, number));
  }
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) {
    ResourceSpec spec;
    spec.name = "made";
    sync_wait(resources.create(std::move(spec)));
    sync_wait(resources.fork("base", "copy"));
    sync_wait(resources.drop("made"));
    sync_wait(resources.drop("copy"));
  }
  const double rate = rounds / seconds_since(start);
  runtime->close();
  return rate;
}

void report(const char* what, double ours, double floor) {
  std::printf("%-10s create+fork+drop %9.0f/s  commits alone %9.0f/s  ratio %.2f  %.3f ms a round\n", what, ours, floor,
              ours / floor, 1000 / ours);
}

int run() {
  report("memory", rounds_per_second("{mode: memory}", 2000), floor_rate(":memory:", 2000));
  std::string folder = "resource-bench-XXXXXX";  // beside the build: /tmp may be memory, where nothing is synced
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const std::string path = std::filesystem::absolute(folder).string();
  report("durable", rounds_per_second("{mode: file, path: '" + path + "/store'}", 200), floor_rate(path + "/floor.db", 200));
  std::filesystem::remove_all(path);
  return 0;
}

}  // namespace
}  // namespace trunkline

int main() { return trunkline::run(); }
