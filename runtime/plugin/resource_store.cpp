#include "runtime/plugin/resource_store.h"

#include <optional>

#include "runtime/plugin/store_limits.h"

namespace trunkline::plugin {
namespace {

constexpr store::Migration kRowMigrations[] = {
    {61, "plugin_rows", R"sql(
CREATE TABLE plugin_rows (
  resource_key BIGINT NOT NULL,
  provider     TEXT NOT NULL,
  key          TEXT NOT NULL,
  value        BLOB NOT NULL,
  PRIMARY KEY (resource_key, provider, key)
) WITHOUT ROWID;
)sql"},
};

const store::Statement kGetRow{"SELECT value FROM plugin_rows WHERE resource_key = ? AND provider = ? AND key = ?"};
const store::Statement kPutRow{
    "INSERT INTO plugin_rows (resource_key, provider, key, value) VALUES (?, ?, ?, ?) ON CONFLICT (resource_key, provider, key) "
    "DO UPDATE SET value = excluded.value"};
const store::Statement kRemoveRow{"DELETE FROM plugin_rows WHERE resource_key = ? AND provider = ? AND key = ?"};
const store::Statement kScanUp{
    "SELECT key, value FROM plugin_rows WHERE resource_key = ? AND provider = ? AND key >= ? ORDER BY key LIMIT ?"};
const store::Statement kScanUpTo{
    "SELECT key, value FROM plugin_rows WHERE resource_key = ? AND provider = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"};
const store::Statement kScanDown{
    "SELECT key, value FROM plugin_rows WHERE resource_key = ? AND provider = ? AND key >= ? ORDER BY key DESC LIMIT ?"};
const store::Statement kScanDownFrom{
    "SELECT key, value FROM plugin_rows WHERE resource_key = ? AND provider = ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT "
    "?"};
const store::Statement kCopy{
    "INSERT INTO plugin_rows (resource_key, provider, key, value) SELECT ?, provider, key, value FROM plugin_rows WHERE "
    "resource_key = ?"};
const store::Statement kDrop{"DELETE FROM plugin_rows WHERE resource_key = ?"};

std::string element(std::string_view list, std::size_t index, std::string_view member = {}) {
  std::string name(list);
  name.append("[").append(std::to_string(index)).append("]");
  if (!member.empty()) name.append(".").append(member);
  return name;
}

}  // namespace

std::span<const store::Migration> resource_store_migrations() { return kRowMigrations; }

void check_batch(const host::StoreBatch& batch) {
  if (batch.puts.size() + batch.removes.size() > kMaxStoreBatch)
    throw Error(ErrorCode::kInvalidArgument,
                "batch: found " + std::to_string(batch.puts.size() + batch.removes.size()) + " changes, wanted at most " +
                    std::to_string(kMaxStoreBatch),
                "batch");
  std::size_t bytes = 0;
  // Names of elements are only made for what is refused.
  const auto fits = [](std::string_view key) { return !key.empty() && key.size() <= kMaxStoreKey; };
  for (std::size_t i = 0; i < batch.puts.size(); ++i) {
    const host::StoreEntry& put = batch.puts[i];
    if (!fits(put.key)) check_store_key(put.key, element("batch.puts", i, "key"));
    if (put.value.size() > kMaxStoreValue) check_store_value(put.value.size(), element("batch.puts", i, "value"));
    bytes += put.key.size() + put.value.size();
  }
  for (std::size_t i = 0; i < batch.removes.size(); ++i)
    if (!fits(batch.removes[i])) check_store_key(batch.removes[i], element("batch.removes", i));
  if (bytes > kMaxStoreBatchBytes)
    throw Error(ErrorCode::kInvalidArgument, "batch: found " + std::to_string(bytes) + " bytes, wanted at most 16 MiB", "batch");
}

void write_batch(store::Session& session, std::int64_t resource_key, std::string_view provider, const host::StoreBatch& batch) {
  for (const std::string& key : batch.removes) session.execute(kRemoveRow, {resource_key, provider, key});
  for (const host::StoreEntry& entry : batch.puts)
    session.execute(kPutRow, {resource_key, provider, entry.key, std::span<const std::uint8_t>(entry.value)});
}

void copy_resource_rows(store::Session& session, std::int64_t from_key, std::int64_t to_key) {
  session.execute(kCopy, {to_key, from_key});
}

void drop_resource_rows(store::Session& session, std::int64_t resource_key) { session.execute(kDrop, {resource_key}); }

Task<Bytes> HostResourceStore::get(Call, std::string resource_id, std::string key) {
  check_store_key(key, "key");
  const ResourceStorage storage = find_(resource_id);
  std::optional<Bytes> value;
  storage.database->read([&](store::Session& session) {
    session.query(kGetRow, {storage.resource_key, provider_, key}, [&](const store::Row& row) {
      const auto bytes = row.blob(0);
      value.emplace(bytes.begin(), bytes.end());
    });
  });
  if (!value) throw Error(ErrorCode::kNotFound, "no value is stored under this key", "key");
  co_return std::move(*value);
}

Task<std::vector<host::StoreEntry>> HostResourceStore::scan(Call, std::string resource_id, host::StoreRange range) {
  check_store_key(range.from, "range.from", true);
  check_store_key(range.to, "range.to", true);
  check_store_limit(range.limit, "range.limit");
  const ResourceStorage storage = find_(resource_id);
  std::vector<host::StoreEntry> entries;
  storage.database->read([&](store::Session& session) {
    std::size_t bytes = 0;
    entries.clear();
    auto each = [&](const store::Row& row) {
      const auto value = row.blob(1);
      if (!entries.empty() && bytes + value.size() > kMaxStoreScanBytes) return false;
      bytes += value.size();
      entries.push_back({std::string(row.text(0)), Bytes(value.begin(), value.end())});
      return true;
    };
    if (range.to.empty())
      session.query(range.descending ? kScanDown : kScanUp, {storage.resource_key, provider_, range.from, range.limit}, each);
    else
      session.query(range.descending ? kScanDownFrom : kScanUpTo,
                    {storage.resource_key, provider_, range.from, range.to, range.limit}, each);
  });
  co_return entries;
}

Task<void> HostResourceStore::commit(Call, std::string resource_id, host::StoreBatch batch) {
  check_batch(batch);
  const ResourceStorage storage = find_(resource_id);
  // The function may run again, so it owns what it writes.
  auto write = [key = storage.resource_key, provider = provider_, batch = std::move(batch)](store::Session& session) {
    write_batch(session, key, provider, batch);
  };
  co_await storage.database->write(std::move(write));
}

}  // namespace trunkline::plugin
