#include "runtime/services/resource_records.h"

#include <nlohmann/json.hpp>

#include "runtime/base/unix_time.h"

namespace trunkline::resource_records {
namespace {

using nlohmann::json;
using store::Row;
using store::Session;
using store::Statement;

const Statement kSelectAll{
    "SELECT resource_key, name, resource_id, data_location, primary_key, secondary_key, tags, created_unix_us, lineage, "
    "local_auth, arm, changed_unix_us FROM resources ORDER BY resource_key"};
const Statement kInsert{
    "INSERT INTO resources (resource_key, name, resource_id, data_location, primary_key, secondary_key, tags, created_unix_us, "
    "lineage, local_auth, arm, changed_unix_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kUpdate{
    "UPDATE resources SET primary_key = ?, secondary_key = ?, tags = ?, local_auth = ?, arm = ?, changed_unix_us = ? "
    "WHERE resource_key = ?"};
const Statement kDelete{"DELETE FROM resources WHERE resource_key = ?"};
const Statement kRaiseSequence{"UPDATE resource_sequence SET last_key = ? WHERE last_key < ?"};
const Statement kSequence{"SELECT last_key FROM resource_sequence"};
const Statement kSnapshots{
    "SELECT snapshot_key, resource_key, name, created_unix_us FROM resource_snapshots ORDER BY snapshot_key"};
const Statement kInsertSnapshot{
    "INSERT INTO resource_snapshots (snapshot_key, resource_key, name, created_unix_us) VALUES (?, ?, ?, ?)"};
const Statement kDeleteSnapshot{"DELETE FROM resource_snapshots WHERE snapshot_key = ?"};
const Statement kLeftovers{"SELECT resource_key, data_location FROM resource_leftovers"};
const Statement kAddLeftover{
    "INSERT INTO resource_leftovers (resource_key, data_location) VALUES (?, ?) ON CONFLICT (resource_key) DO NOTHING"};
const Statement kRemoveLeftover{"DELETE FROM resource_leftovers WHERE resource_key = ?"};

std::string arm_text(const ArmSettings& arm) {
  json out;
  out["subscription"] = arm.subscription;
  out["resource_group"] = arm.resource_group;
  out["linked_domains"] = arm.linked_domains;
  out["notification_hub_id"] = arm.notification_hub_id;
  out["public_network_access"] = arm.public_network_access;
  out["identity"] = arm.identity;
  return out.dump();
}

ArmSettings parse_arm(std::string_view text) {
  const json in = json::parse(text);
  ArmSettings arm;
  arm.subscription = in.value("subscription", "");
  arm.resource_group = in.value("resource_group", "");
  arm.linked_domains = in.value("linked_domains", std::vector<std::string>{});
  arm.notification_hub_id = in.value("notification_hub_id", "");
  arm.public_network_access = in.value("public_network_access", "Enabled");
  arm.identity = in.value("identity", "");
  return arm;
}

std::shared_ptr<Resource> read_resource(const Row& row) {
  auto resource = std::make_shared<Resource>();
  resource->key = row.integer(0);
  resource->name = row.text(1);
  resource->id = row.text(2);
  resource->data_location = row.text(3);
  resource->primary_key = Secret(std::string(row.text(4)));
  resource->secondary_key = Secret(std::string(row.text(5)));
  resource->tags = json::parse(row.text(6)).get<std::map<std::string, std::string>>();
  resource->created_at = from_unix_us(row.integer(7));
  resource->lineage = json::parse(row.text(8)).get<std::vector<std::string>>();
  resource->local_auth = row.integer(9) != 0;
  resource->arm = parse_arm(row.text(10));
  resource->changed_at = from_unix_us(row.integer(11));
  return resource;
}

}  // namespace

Registry load(Session& session) {
  Registry registry;
  session.query(kSelectAll, {}, [&](const Row& row) { registry.resources.push_back(read_resource(row)); });
  session.query(kSnapshots, {}, [&](const Row& row) {
    registry.snapshots.push_back({row.integer(0), row.integer(1), std::string(row.text(2)), from_unix_us(row.integer(3))});
  });
  session.query(kLeftovers, {}, [&](const Row& row) {
    registry.leftovers.push_back({row.integer(0), std::string(row.text(1))});
  });
  session.query(kSequence, {}, [&](const Row& row) { registry.last_key = row.integer(0); });
  return registry;
}

void insert(Session& session, const Resource& r) {
  session.execute(kInsert, {r.key, r.name, r.id, r.data_location, r.primary_key.reveal(), r.secondary_key.reveal(),
                            json(r.tags).dump(), unix_us(r.created_at), json(r.lineage).dump(), std::int64_t{r.local_auth},
                            arm_text(r.arm), unix_us(r.changed_at)});
  session.execute(kRaiseSequence, {r.key, r.key});
}

void update(Session& session, const Resource& r) {
  session.execute(kUpdate, {r.primary_key.reveal(), r.secondary_key.reveal(), json(r.tags).dump(), std::int64_t{r.local_auth},
                            arm_text(r.arm), unix_us(r.changed_at), r.key});
}

void remove(Session& session, std::int64_t key) { session.execute(kDelete, {key}); }

void insert_snapshot(Session& session, const ResourceSnapshot& s) {
  session.execute(kInsertSnapshot, {s.key, s.resource_key, s.name, unix_us(s.created_at)});
  session.execute(kRaiseSequence, {s.key, s.key});
}

void remove_snapshot(Session& session, std::int64_t key) { session.execute(kDeleteSnapshot, {key}); }

void add_leftover(Session& session, std::int64_t key, std::string_view data_location) {
  session.execute(kAddLeftover, {key, data_location});
  session.execute(kRaiseSequence, {key, key});
}

void remove_leftover(Session& session, std::int64_t key) { session.execute(kRemoveLeftover, {key}); }

}  // namespace trunkline::resource_records
