#include "runtime/store/sqlite_database.h"

#include <pthread.h>

#include <algorithm>
#include <deque>

#include "runtime/store/migrations.h"

namespace trunkline::store {
namespace {

// How long a commit waits for those whose writes were just committed to write again; far below an fsync.
constexpr std::chrono::microseconds kGather{200};
// Completions that one thread runs in a row: those of a large batch are spread over the executor's threads.
constexpr std::ptrdiff_t kCompletionsInARow = 8;
constexpr std::size_t kNever = SIZE_MAX;

// The database whose callback runs on this thread: asking it again from inside would wait for itself.
thread_local const SqliteDatabase* active = nullptr;

class Activation {
 public:
  explicit Activation(const SqliteDatabase* database) : before_(std::exchange(active, database)) {}
  Activation(const Activation&) = delete;
  ~Activation() { active = before_; }

 private:
  const SqliteDatabase* before_;
};

/// A read transaction; it has nothing to commit, so its end cannot fail.
class ReadTransaction {
 public:
  explicit ReadTransaction(SqliteConnection& connection) : connection_(connection) { connection.begin_deferred(); }
  ReadTransaction(const ReadTransaction&) = delete;
  ~ReadTransaction() { connection_.rollback(); }

 private:
  SqliteConnection& connection_;
};

}  // namespace

struct SqliteDatabase::Queue {
  std::mutex mutex;
  std::condition_variable filled;
  std::deque<Request> requests;
  std::size_t wake_at = kNever;  // length at which the writer wants to be woken
  std::size_t deliveries = 0;    // batches whose completions have not all returned
  bool stopping = false;

  void delivered() {
    bool wake = false;
    {
      const std::lock_guard lock(mutex);
      wake = --deliveries == 0 && !requests.empty() && std::exchange(wake_at, kNever) != kNever;
    }
    if (wake) filled.notify_one();
  }
};

struct SqliteDatabase::Listeners {
  struct Entry {
    const Channel* channel;
    KeysFunction on_commit;
  };
  std::mutex mutex;  // held while they run: they only wake others
  std::vector<Entry> entries;

  void tell(const Signals& signals) {
    if (signals.empty()) return;
    const std::lock_guard lock(mutex);
    std::vector<std::int64_t> keys;
    for (Entry& entry : entries) {
      keys.clear();
      for (const auto& [channel, key] : signals)
        if (channel == entry.channel) keys.push_back(key);
      if (!keys.empty()) entry.on_commit(keys);
    }
  }
};

class SqliteDatabase::ReaderLease {
 public:
  explicit ReaderLease(SqliteDatabase& database) : database_(database) {
    {
      std::unique_lock lock(database.readers_mutex_);
      database.reader_returned_.wait(
          lock, [&] { return !database.idle_readers_.empty() || database.readers_ < database.options_.max_readers; });
      if (!database.idle_readers_.empty()) {
        connection_ = std::move(database.idle_readers_.back());
        database.idle_readers_.pop_back();
        return;
      }
      ++database.readers_;
    }
    try {
      connection_ = std::make_unique<SqliteConnection>(database.options_.path, SqliteConnection::Mode::kReader);
    } catch (...) {
      {
        const std::lock_guard lock(database.readers_mutex_);
        --database.readers_;
      }
      database.reader_returned_.notify_one();
      throw;
    }
  }
  ReaderLease(const ReaderLease&) = delete;
  ~ReaderLease() {
    {
      const std::lock_guard lock(database_.readers_mutex_);
      database_.idle_readers_.push_back(std::move(connection_));
    }
    database_.reader_returned_.notify_one();
  }
  SqliteConnection& operator*() const { return *connection_; }

 private:
  SqliteDatabase& database_;
  std::unique_ptr<SqliteConnection> connection_;
};

SqliteDatabase::SqliteDatabase(SqliteDatabaseOptions options, Log& log, Metrics& metrics, Executor& executor, Clock& clock)
    : options_(std::move(options)),
      log_(log),
      executor_(executor),
      clock_(clock),
      queue_(std::make_shared<Queue>()),
      listeners_(std::make_shared<Listeners>()) {
  const MetricLabels labels{{"database", options_.name}};
  commits_ = metrics.counter("trunkline_store_commits_total", "Transactions committed, each with one fsync.", labels);
  writes_ = metrics.counter("trunkline_store_writes_total", "Writes committed.", labels);
  failed_writes_ = metrics.counter("trunkline_store_failed_writes_total", "Writes that ended in an error.", labels);
  batch_size_ = metrics.histogram("trunkline_store_batch_writes", "Writes that shared a commit.", labels,
                                  {1, 2, 4, 8, 16, 32, 64, 128, 256});
  queue_length_ = metrics.gauge("trunkline_store_queue_length", "Writes that waited when the last commit began.", labels);
  writer_ = std::make_unique<SqliteConnection>(options_.path,
                                               in_memory() ? SqliteConnection::Mode::kMemory : SqliteConnection::Mode::kWriter);
  idle_readers_.reserve(options_.max_readers);  // returning one must not throw
  thread_ = std::thread([this]() noexcept {
    pthread_setname_np(pthread_self(), "tl-store");
    run();
  });
}

SqliteDatabase::~SqliteDatabase() {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->stopping = true;
  }
  queue_->filled.notify_one();
  thread_.join();
}

void SqliteDatabase::write(UniqueFunction<void(Session&)> fn, UniqueFunction<void(Result<void>)> done) {
  enqueue({std::move(fn), std::move(done), WorkGuard(executor_.work()), nullptr, false});
}

void SqliteDatabase::enqueue(Request request) {
  bool wake = false;
  {
    const std::lock_guard lock(queue_->mutex);
    if (queue_->requests.size() < options_.max_queue || request.on_writer) {
      const bool urgent = request.on_writer;
      queue_->requests.push_back(std::move(request));
      if (urgent || queue_->requests.size() >= queue_->wake_at) wake = std::exchange(queue_->wake_at, kNever) != kNever;
    } else {
      request.error = std::make_unique<Error>(
          Error(ErrorCode::kResourceExhausted, "too many writes are waiting for database " + options_.name).with_retry());
    }
  }
  if (wake) queue_->filled.notify_one();
  if (!request.error) return;
  failed_writes_.add();
  Batch refused;
  refused.push_back(std::move(request));
  complete(std::move(refused), {});
}

void SqliteDatabase::read(UniqueFunction<void(Session&)> fn) {
  if (active == this) throw Error(ErrorCode::kInternal, "a transaction reads through its session, not through its database");
  const auto run = [&](SqliteConnection& connection) {
    const Activation activation(this);
    const ReadTransaction transaction(connection);
    SqliteSession session(connection, nullptr);
    fn(session);
  };
  if (in_memory()) {
    const std::lock_guard lock(memory_mutex_);
    run(*writer_);
  } else {
    const ReaderLease lease(*this);
    run(*lease);
  }
}

void SqliteDatabase::listen(const Channel& channel, KeysFunction on_commit) {
  const std::lock_guard lock(listeners_->mutex);
  listeners_->entries.push_back({&channel, std::move(on_commit)});
}

void SqliteDatabase::run_and_wait(UniqueFunction<void(Session&)> fn) {
  // No std::promise: it would let two threads share the exception.
  struct {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<Result<void>> result;
  } end;
  Request request;
  request.fn = std::move(fn);
  request.on_writer = true;
  request.done = [&end](Result<void> result) {
    const std::lock_guard lock(end.mutex);
    end.result = std::move(result);
    end.done.notify_one();  // under the lock, or `end` could be gone
  };
  enqueue(std::move(request));
  std::unique_lock lock(end.mutex);
  end.done.wait(lock, [&] { return end.result.has_value(); });
  end.result->value();
}

void SqliteDatabase::migrate(std::span<const Migration> migrations) {
  int ran = 0;
  run_and_wait([&](Session& session) {
    auto& connection = static_cast<SqliteSession&>(session);
    ran = run_migrations(session, migrations, clock_.now_unix_us(), [&](const char* sql) { connection.run_script(sql); });
  });
  if (ran > 0) log_.info("store", "the schema was migrated", {{"database", options_.name}, {"steps", ran}});
}

void SqliteDatabase::flush() {
  run_and_wait([](Session&) {});
}

// ---- writer thread

void SqliteDatabase::run() {
  for (;;) {
    Batch batch = take();
    if (batch.empty()) return;
    Signals signals;
    {
      std::unique_lock lock(memory_mutex_, std::defer_lock);
      if (in_memory()) lock.lock();
      const Activation activation(this);
      commit(batch, signals);
    }
    complete(std::move(batch), std::move(signals));
  }
}

// What arrives during a commit shares the next one. Beyond that a commit waits only for the completions of a batch that is being
// delivered: many of those who get them write again at once, and a commit that begins with the first of them would be nearly
// empty and hold up all others. Empty: the database closes.
SqliteDatabase::Batch SqliteDatabase::take() {
  Queue& queue = *queue_;
  std::unique_lock lock(queue.mutex);
  if (queue.requests.empty() && !queue.stopping) {
    queue.wake_at = 1;
    queue.filled.wait(lock, [&] { return !queue.requests.empty() || queue.stopping; });
  }
  if (last_batch_ > 1 && queue.deliveries > 0 && queue.requests.size() < options_.max_batch && !queue.stopping) {
    queue.wake_at = options_.max_batch;
    queue.filled.wait_for(lock, kGather, [&] { return queue.wake_at == kNever || queue.stopping; });
  }
  queue.wake_at = kNever;
  const std::size_t count = std::min(queue.requests.size(), options_.max_batch);
  queue_length_.set(static_cast<double>(queue.requests.size()));
  last_batch_ = count;
  Batch batch;
  batch.reserve(count);
  const auto end = queue.requests.begin() + static_cast<std::ptrdiff_t>(count);
  std::move(queue.requests.begin(), end, std::back_inserter(batch));
  queue.requests.erase(queue.requests.begin(), end);
  return batch;
}

void SqliteDatabase::commit(Batch& batch, Signals& signals) {
  try {
    if (!run_plainly(batch, signals)) run_guarded(batch, signals);
  } catch (const Error& error) {
    writer_->rollback();
    signals.clear();
    // A constraint that is checked at the end of a transaction has no culprit yet; alone, each write finds out for itself.
    if (error.code == ErrorCode::kFailedPrecondition && batch.size() > 1)
      run_one_by_one(batch, signals);
    else
      fail_rest(batch, error);
  }
  std::size_t failed = 0;
  for (const Request& request : batch)
    if (request.error) ++failed;
  batch_size_.observe(static_cast<double>(batch.size()));
  writes_.add(static_cast<double>(batch.size() - failed));
  if (failed > 0) failed_writes_.add(static_cast<double>(failed));
}

// The fast path: no savepoints. False when a closure failed; it has its error and nothing is changed.
bool SqliteDatabase::run_plainly(Batch& batch, Signals& signals) {
  writer_->begin_immediate();
  SqliteSession session(*writer_, &signals);
  for (Request& request : batch) {
    if (run_closure(request, session)) continue;
    writer_->rollback();
    signals.clear();
    return false;
  }
  commit_transaction();
  return true;
}

// The second run, after a failure: whatever fails now takes only itself back, so a batch never runs more than twice.
void SqliteDatabase::run_guarded(Batch& batch, Signals& signals) {
  if (std::all_of(batch.begin(), batch.end(), [](const Request& r) { return r.error != nullptr; })) return;
  writer_->begin_immediate();
  SqliteSession session(*writer_, &signals);
  for (Request& request : batch) {
    if (request.error) continue;
    const std::size_t told = signals.size();
    writer_->savepoint();
    if (run_closure(request, session)) {
      writer_->release_savepoint();
      continue;
    }
    // SQLite gives up a whole transaction for a full or broken disk: that is an error of all.
    if (!writer_->in_transaction()) throw *request.error;
    writer_->rollback_to_savepoint();
    signals.resize(told);
  }
  commit_transaction();
}

void SqliteDatabase::run_one_by_one(Batch& batch, Signals& signals) {
  for (Request& request : batch) {
    if (request.error) continue;
    const std::size_t told = signals.size();
    try {
      writer_->begin_immediate();
      SqliteSession session(*writer_, &signals);
      if (run_closure(request, session)) {
        commit_transaction();
        continue;
      }
    } catch (const Error& error) {
      request.error = std::make_unique<Error>(error);
    }
    writer_->rollback();
    signals.resize(told);
  }
}

bool SqliteDatabase::run_closure(Request& request, SqliteSession& session) {
  try {
    request.fn(session);
    // A closure may swallow the error that made SQLite roll back; going on would write outside any transaction.
    if (writer_->in_transaction()) return true;
    request.error = std::make_unique<Error>(ErrorCode::kAborted, "the transaction ended before its closure did");
  } catch (...) {
    request.error = std::make_unique<Error>(current_error());
  }
  return false;
}

void SqliteDatabase::commit_transaction() {
  writer_->commit();
  commits_.add();
}

void SqliteDatabase::fail_rest(Batch& batch, const Error& error) {
  log_.error("store", "a commit failed", {{"database", options_.name}, {"error", error.message}, {"writes", batch.size()}});
  for (Request& request : batch)
    if (!request.error) request.error = std::make_unique<Error>(error);
}

void SqliteDatabase::complete(Batch batch, Signals signals) {
  // migrate and flush may have been called on the executor's only thread, so they cannot wait for it.
  for (Request& request : batch)
    if (request.on_writer) finish(request);
  std::erase_if(batch, [](const Request& request) { return !request.done; });
  if (batch.empty() && signals.empty()) return;
  std::sort(signals.begin(), signals.end());
  signals.erase(std::unique(signals.begin(), signals.end()), signals.end());
  const auto deliver = [this](Batch part, Signals told) {
    {
      const std::lock_guard lock(queue_->mutex);
      ++queue_->deliveries;
    }
    executor_.post([part = std::move(part), told = std::move(told), listeners = listeners_, queue = queue_]() mutable {
      listeners->tell(told);  // first: it only wakes others, while a completion may take its time
      for (Request& request : part) finish(request);
      queue->delivered();
    });
  };
  auto rest = batch.begin();
  while (batch.end() - rest > kCompletionsInARow) {
    const auto end = rest + kCompletionsInARow;
    deliver(Batch(std::move_iterator(rest), std::move_iterator(end)), std::exchange(signals, {}));
    rest = end;
  }
  batch.erase(batch.begin(), rest);
  deliver(std::move(batch), std::move(signals));
}

void SqliteDatabase::finish(Request& request) {
  request.fn.reset();  // what it borrows may end with what waits for done
  Result<void> result;
  if (request.error) result = std::move(*request.error);
  request.done(std::move(result));
  request.done.reset();
  request.work = WorkGuard();
}

}  // namespace trunkline::store
