// What a provider keeps for single communication resources, in the database in which the resource rests.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/store/database.h"
#include "trunkline/host_provider.hpp"

namespace trunkline::plugin {

/// The table behind it, for every database that holds data of resources.
std::span<const store::Migration> resource_store_migrations();

/// Where a resource rests.
struct ResourceStorage {
  store::Database* database = nullptr;
  std::int64_t resource_key = 0;
  std::int64_t epoch = 0;  // another one after the host has put rows back
};
/// By immutable id. Throws kNotFound with the target `resourceId`. [any-thread]
using FindResourceStorage = std::function<ResourceStorage(std::string_view resource_id)>;

inline constexpr std::size_t kMaxStoreBatch = 10'000;                 // puts and removes of one commit
inline constexpr std::size_t kMaxStoreBatchBytes = 16 * 1024 * 1024;  // keys and values of one commit
inline constexpr std::size_t kMaxStoreScanBytes = 8 * 1024 * 1024;

/// Throws kInvalidArgument naming the entry at fault; what passes can be written.
void check_batch(const host::StoreBatch& batch);
/// Makes the changes of a checked batch within the caller's transaction: for services that store a provider's changes together
/// with their own. [writer thread, re-runnable]
void write_batch(store::Session& session, std::int64_t resource_key, std::string_view provider, const host::StoreBatch& batch);
/// All providers' rows of a resource. [writer thread, re-runnable]
void copy_resource_rows(store::Session& session, std::int64_t from_key, std::int64_t to_key);
void drop_resource_rows(store::Session& session, std::int64_t resource_key);

class HostResourceStore final : public host::ResourceStore {
 public:
  HostResourceStore(FindResourceStorage find, std::string provider) : find_(std::move(find)), provider_(std::move(provider)) {}
  Task<Bytes> get(Call call, std::string resource_id, std::string key) override;
  Task<std::vector<host::StoreEntry>> scan(Call call, std::string resource_id, host::StoreRange range) override;
  Task<void> commit(Call call, std::string resource_id, host::StoreBatch batch) override;
  std::int64_t epoch(const Call&, std::string_view resource_id) override { return find_(resource_id).epoch; }

 private:
  const FindResourceStorage find_;
  const std::string provider_;
};

}  // namespace trunkline::plugin
