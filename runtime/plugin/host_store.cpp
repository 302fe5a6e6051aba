#include "runtime/plugin/host_store.h"

#include "runtime/plugin/store_limits.h"

namespace trunkline::plugin {
namespace {

constexpr store::Migration kMigrations[] = {
    {60, "plugin_kv", R"sql(
CREATE TABLE plugin_kv (
  provider TEXT NOT NULL,
  key      TEXT NOT NULL,
  value    BLOB NOT NULL,
  PRIMARY KEY (provider, key)
);
)sql"},
};

const store::Statement kGet{"SELECT value FROM plugin_kv WHERE provider = ? AND key = ?"};
const store::Statement kPut{
    "INSERT INTO plugin_kv (provider, key, value) VALUES (?, ?, ?) ON CONFLICT (provider, key) DO UPDATE SET value = "
    "excluded.value"};
const store::Statement kRemove{"DELETE FROM plugin_kv WHERE provider = ? AND key = ?"};
const store::Statement kList{"SELECT key, value FROM plugin_kv WHERE provider = ? AND key >= ? ORDER BY key LIMIT ?"};

Bytes copy(std::span<const std::uint8_t> bytes) { return Bytes(bytes.begin(), bytes.end()); }

}  // namespace

std::span<const store::Migration> plugin_migrations() { return kMigrations; }

Task<Bytes> HostStore::get(Call, std::string key) {
  check_store_key(key, "key");
  std::optional<Bytes> value;
  database_.read([&](store::Session& session) {
    session.query(kGet, {provider_, key}, [&](const store::Row& row) { value = copy(row.blob(0)); });
  });
  if (!value) throw Error(ErrorCode::kNotFound, "no value is stored under this key", "key");
  co_return std::move(*value);
}

Task<void> HostStore::put(Call, std::string key, Bytes value) {
  check_store_key(key, "key");
  check_store_value(value.size(), "value");
  // The function may run again, so it owns what it writes.
  auto write = [provider = provider_, key = std::move(key), value = std::move(value)](store::Session& session) {
    session.execute(kPut, {provider, key, std::span<const std::uint8_t>(value)});
  };
  co_await database_.write(std::move(write));
}

Task<void> HostStore::remove(Call, std::string key) {
  check_store_key(key, "key");
  auto write = [provider = provider_, key = std::move(key)](store::Session& session) {
    session.execute(kRemove, {provider, key});
  };
  co_await database_.write(std::move(write));
}

Task<std::vector<host::StoreEntry>> HostStore::list(Call, std::string prefix, std::int32_t limit) {
  check_store_key(prefix, "prefix", true);
  check_store_limit(limit, "limit");
  std::vector<host::StoreEntry> entries;
  database_.read([&](store::Session& session) {
    entries.clear();
    session.query(kList, {provider_, prefix, limit}, [&](const store::Row& row) {
      const std::string_view key = row.text(0);
      if (!key.starts_with(prefix)) return false;  // keys come in order
      entries.push_back({std::string(key), copy(row.blob(1))});
      return true;
    });
  });
  co_return entries;
}

}  // namespace trunkline::plugin
