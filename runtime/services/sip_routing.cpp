#include "runtime/services/sip_routing.h"

#include <nlohmann/json.hpp>

#include "runtime/clock/clock.h"

namespace trunkline {
namespace {

using nlohmann::json;
using service::SipConfiguration;
using service::SipDomain;
using service::SipRoute;
using service::SipTrunk;
using store::Row;
using store::Session;
using store::Statement;

const Statement kSelectSipRouting{"SELECT body FROM sip_routing WHERE resource_key = ?"};
const Statement kUpsert{
    "INSERT INTO sip_routing (resource_key, body) VALUES (?, ?) ON CONFLICT (resource_key) DO UPDATE SET body = excluded.body"};
const Statement kCopy{"INSERT INTO sip_routing SELECT ?, body FROM sip_routing WHERE resource_key = ?"};
const Statement kDrop{"DELETE FROM sip_routing WHERE resource_key = ?"};

std::optional<std::string> optional_member(const json& object, const char* member) {
  const auto it = object.find(member);
  return it == object.end() ? std::nullopt : std::optional<std::string>(it->get<std::string>());
}

json to_json(const SipConfiguration& routing, std::uint64_t ticket) {
  json out = {{"ticket", ticket}, {"trunks", json::array()}, {"domains", json::array()}, {"routes", json::array()}};
  for (const SipTrunk& trunk : routing.trunks) {
    json item = {{"fqdn", trunk.fqdn}, {"port", trunk.sip_signaling_port}, {"enabled", trunk.enabled}};
    if (trunk.privacy_header) item["privacy_header"] = *trunk.privacy_header;
    if (trunk.ip_address_version) item["ip_address_version"] = *trunk.ip_address_version;
    out["trunks"].push_back(std::move(item));
  }
  for (const SipDomain& domain : routing.domains)
    out["domains"].push_back({{"domain", domain.domain}, {"enabled", domain.enabled}});
  for (const SipRoute& route : routing.routes) {
    json item = {{"name", route.name}, {"pattern", route.number_pattern}, {"trunks", route.trunks}};
    if (route.description) item["description"] = *route.description;
    out["routes"].push_back(std::move(item));
  }
  return out;
}

struct Stored {
  SipConfiguration routing;
  std::uint64_t ticket = 0;
};

Stored read_row(Session& session, std::int64_t resource_key) {
  Stored stored;
  session.query(kSelectSipRouting, {resource_key}, [&](const Row& row) {
    const json body = json::parse(row.text(0));
    stored.ticket = body.at("ticket");
    for (const json& item : body.at("trunks")) {
      SipTrunk trunk;
      trunk.fqdn = item.at("fqdn");
      trunk.sip_signaling_port = item.at("port");
      trunk.enabled = item.at("enabled");
      trunk.privacy_header = optional_member(item, "privacy_header");
      trunk.ip_address_version = optional_member(item, "ip_address_version");
      stored.routing.trunks.push_back(std::move(trunk));
    }
    for (const json& item : body.at("domains")) stored.routing.domains.push_back({item.at("domain"), item.at("enabled")});
    for (const json& item : body.at("routes")) {
      SipRoute route;
      route.name = item.at("name");
      route.description = optional_member(item, "description");
      route.number_pattern = item.at("pattern");
      route.trunks = item.at("trunks").get<std::vector<std::string>>();
      stored.routing.routes.push_back(std::move(route));
    }
  });
  return stored;
}

}  // namespace

SipRoutingService::TablePtr SipRoutingService::table(const Resource& resource) const {
  static const TablePtr kNone = std::make_shared<const SipRouteTable>();
  const std::lock_guard lock(mutex_);
  const auto it = tables_.find(resource.key);
  return it == tables_.end() ? kNone : it->second.table;
}

Task<SipRoutingService::TablePtr> SipRoutingService::update(ResourcePtr resource, Change change) {
  Entry entry;
  // What it captures outlives the write, which is awaited here; every run starts from what is stored.
  UniqueFunction<void(Session&)> work = [&](Session& session) {
    Stored stored = read_row(session, resource->key);
    change(stored.routing);
    entry.table = std::make_shared<const SipRouteTable>(std::move(stored.routing));
    entry.ticket = stored.ticket + 1;
    session.execute(kUpsert, {resource->key, to_json(entry.table->routing(), entry.ticket).dump()});
  };
  co_await resource->database->write(std::move(work));
  const std::lock_guard lock(mutex_);
  Entry& current = tables_[resource->key];
  // Completions may overtake each other; the youngest commit counts.
  if (current.ticket < entry.ticket) current = entry;
  co_return entry.table;
}

service::SipRouteTest SipRoutingService::test(const Resource& resource, std::string_view number) const {
  return table(resource)->route(number, context_.clock.now());
}

service::SipRouteTest SipRoutingService::test(SipConfiguration routing, std::string_view number) const {
  return SipRouteTable(std::move(routing)).route(number, context_.clock.now());
}

void SipRoutingService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  session.execute(kCopy, {to.key, from.key});
}

void SipRoutingService::drop_rows(Session& session, const Resource& resource) { session.execute(kDrop, {resource.key}); }

void SipRoutingService::on_added(const ResourcePtr& resource, const ResourcePtr&) {
  Stored stored;
  resource->database->read([&](Session& session) { stored = read_row(session, resource->key); });
  if (stored.ticket == 0) return;
  Entry entry{std::make_shared<const SipRouteTable>(std::move(stored.routing)), stored.ticket};
  const std::lock_guard lock(mutex_);
  tables_[resource->key] = std::move(entry);
}

void SipRoutingService::on_dropped(const ResourcePtr& resource) {
  const std::lock_guard lock(mutex_);
  tables_.erase(resource->key);
}

}  // namespace trunkline
