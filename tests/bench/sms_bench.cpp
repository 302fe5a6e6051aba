// sms.send through the whole service (validated, routed, durable, recorded, delivered, event published), as a ratio to the raw
// group-commit rate of the rows it leaves: SQLite, WAL, synchronous=FULL, batches of 64, the same tables.
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/core/runtime.h"
#include "runtime/events/event_log.h"
#include "runtime/services/resource_service.h"
#include "runtime/services/schema.h"
#include "runtime/services/sms_service.h"

namespace {

using namespace trunkline;
using Seconds = std::chrono::duration<double>;

constexpr int kMessages = 20'000;
constexpr int kInFlight = 256;
constexpr int kBatch = 64;
constexpr int kRounds = 3;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

void run_sql(sqlite3* db, const char* sql) {
  char* problem = nullptr;
  if (sqlite3_exec(db, sql, nullptr, nullptr, &problem) != SQLITE_OK) {
    std::fprintf(stderr, "%s\n", problem);
    std::exit(1);
  }
}

/// Messages a second when only their rows are written: the message, its two later states, its event.
double floor_rate(const std::filesystem::path& directory) {
  sqlite3* db = nullptr;
  sqlite3_open((directory / "floor.db").c_str(), &db);
  run_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  for (const store::Migration& step : resource_migrations()) run_sql(db, step.sql);
  for (const store::Migration& step : event_migrations()) run_sql(db, step.sql);
  sqlite3_stmt *message = nullptr, *sent = nullptr, *delivered = nullptr, *event = nullptr;
  sqlite3_prepare_v2(db,
                     "INSERT INTO sms_messages (resource_key, message_id, inbound, sender, recipient, body, state, reason, "
                     "segments, wants_report, decision, "
                     "created_us, updated_us) VALUES (1, ?, 0, '+14255550100', '+14255550123', 'hello', 1, 0, 1, 1, ?, ?, ?)",
                     -1, &message, nullptr);
  sqlite3_prepare_v2(db,
                     "UPDATE sms_messages SET state = 2, provider = 'sim', decision = decision || ?, updated_us = ? WHERE "
                     "resource_key = 1 AND message_id = ?",
                     -1, &sent, nullptr);
  sqlite3_prepare_v2(
      db, "UPDATE sms_messages SET state = 3, decision = decision || ?, updated_us = ? WHERE resource_key = 1 AND message_id = ?",
      -1, &delivered, nullptr);
  sqlite3_prepare_v2(
      db,
      "INSERT INTO events (resource_key, id, type, subject, topic, time_unix_us, data_version, data, traceparent) VALUES (1, ?, "
      "'Microsoft.Communication.SMSDeliveryReportReceived', '/phonenumber/14255550100', ?, ?, '1.0', ?, '')",
      -1, &event, nullptr);
  if (!message || !sent || !delivered || !event) {
    std::fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    std::exit(1);
  }
  const std::string accepted(320, 'd'), handed(420, 'd'), reported(100, 'd'), topic(130, 't'), data(360, 'j');
  const auto text = [](sqlite3_stmt* s, int at, const std::string& value) {
    sqlite3_bind_text(s, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  };
  const auto step = [&](sqlite3_stmt* s) {
    if (sqlite3_step(s) != SQLITE_DONE) std::fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    sqlite3_reset(s);
  };
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kMessages; i += kBatch) {
    run_sql(db, "BEGIN IMMEDIATE");
    for (int j = i; j < i + kBatch; ++j) {
      char id[64];
      std::snprintf(id, sizeof id, "Outgoing_01900000-0000-7000-8000-%012d_1", j);
      const std::string message_id = id;
      text(message, 1, message_id);
      text(message, 2, accepted);
      sqlite3_bind_int64(message, 3, j);
      sqlite3_bind_int64(message, 4, j);
      step(message);
      text(sent, 1, handed);
      sqlite3_bind_int64(sent, 2, j);
      text(sent, 3, message_id);
      step(sent);
      text(delivered, 1, reported);
      sqlite3_bind_int64(delivered, 2, j);
      text(delivered, 3, message_id);
      step(delivered);
      text(event, 1, message_id);
      text(event, 2, topic);
      sqlite3_bind_int64(event, 3, j);
      text(event, 4, data);
      step(event);
    }
    run_sql(db, "COMMIT");
  }
  const double rate = kMessages / seconds_since(start);
  for (sqlite3_stmt* s : {message, sent, delivered, event}) sqlite3_finalize(s);
  sqlite3_close(db);
  return rate;
}

struct Rates {
  double accepted;
  double delivered;
};

Rates service_rate(const std::filesystem::path& directory) {
  const std::string yaml = "log: {level: warning}\nstore: {mode: file, path: '" + directory.string() +
                           "'}\n"
                           "providers: [{name: sim, plugin: sms-sandbox, config: {latency_ms: 0}}]\n"
                           "resources: [{name: bench, numbers: [{number: '+14255550100', sms: both}]}]\n";
  const auto runtime = Runtime::open(parse_config(yaml));
  const ResourcePtr resource = runtime->resources().default_resource();
  const auto reports = runtime->events().subscribe(*resource->database, resource->key, {}, 0);
  std::atomic<int> started{0}, finished{0};
  std::function<void()> next = [&] {
    if (started.fetch_add(1) >= kMessages) return;
    SmsSubmission submission;
    submission.from = "+14255550100";
    submission.text = "hello";
    submission.wants_report = true;
    submission.to.push_back({"+14255550123", {}});
    spawn(runtime->sms().send(resource, std::move(submission)), [&](Result<std::vector<service::SmsSendOutcome>> result) {
      if (!result || !result.value()[0].successful) std::abort();
      if (finished.fetch_add(1) + 1 == kMessages) finished.notify_one();
      next();
    });
  };
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kInFlight; ++i) next();
  for (int now = finished; now < kMessages; now = finished) finished.wait(now);
  const double accepted = kMessages / seconds_since(start);
  for (int seen = 0; seen < kMessages;) seen += static_cast<int>(sync_wait(reports->next(1000)).size());
  const double delivered = kMessages / seconds_since(start);
  runtime->close();
  return {accepted, delivered};
}

}  // namespace

int main() {
  const auto root = std::filesystem::temp_directory_path() / ("trunkline-sms-bench-" + std::to_string(getpid()));
  for (int round = 0; round < kRounds; ++round) {
    const auto folder = root / std::to_string(round);
    std::filesystem::create_directories(folder);
    const Rates rates = service_rate(folder / "data");  // first: what it sets for SQLite then holds for both
    const double floor = floor_rate(folder);
    std::printf("floor %8.0f msg/s   accepted %8.0f msg/s (ratio %.2f)   delivered and published %8.0f msg/s (ratio %.2f)\n",
                floor, rates.accepted, rates.accepted / floor, rates.delivered, rates.delivered / floor);
    std::filesystem::remove_all(folder);
  }
  std::filesystem::remove_all(root);
}
