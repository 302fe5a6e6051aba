// Durable key-value storage of one provider.
#pragma once
#include <span>
#include <string>

#include "runtime/store/database.h"
#include "trunkline/host_provider.hpp"

namespace trunkline::plugin {

/// The table behind it, for the system database. Numbers 60 to 64.
std::span<const store::Migration> plugin_migrations();

class HostStore final : public host::Store {
 public:
  HostStore(store::Database& database, std::string provider) : database_(database), provider_(std::move(provider)) {}
  Task<Bytes> get(Call call, std::string key) override;
  Task<void> put(Call call, std::string key, Bytes value) override;
  Task<void> remove(Call call, std::string key) override;
  Task<std::vector<host::StoreEntry>> list(Call call, std::string prefix, std::int32_t limit) override;

 private:
  store::Database& database_;
  const std::string provider_;
};

}  // namespace trunkline::plugin
