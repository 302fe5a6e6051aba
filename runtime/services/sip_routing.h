// SIP trunks, domains and routes of resources.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/services/resource_service.h"
#include "runtime/services/sip_route_table.h"

namespace trunkline {

/// [any-thread] Durable; the table of each resource is kept in memory, so that a call is routed without I/O.
class SipRoutingService final : public ResourceParticipant {
 public:
  using TablePtr = std::shared_ptr<const SipRouteTable>;
  /// Changes a configuration; may run more than once, and throw.
  using Change = std::function<void(service::SipConfiguration&)>;

  explicit SipRoutingService(ServiceContext& context) : context_(context) {}

  /// Never null. What a user agent keeps for a call stays as it was when the routes change.
  TablePtr table(const Resource& resource) const;
  /// Errors: those of SipRouteTable, and what `change` throws; then nothing has changed.
  Task<TablePtr> update(ResourcePtr resource, Change change);
  /// The routes of `routing` when given, else those of the resource. Errors: kInvalidArgument.
  service::SipRouteTest test(const Resource& resource, std::string_view number) const;
  service::SipRouteTest test(service::SipConfiguration routing, std::string_view number) const;

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
  void on_added(const ResourcePtr& resource, const ResourcePtr& from) override;
  void on_dropped(const ResourcePtr& resource) override;

 private:
  struct Entry {
    TablePtr table;
    std::uint64_t ticket = 0;  // of the commit it came from
  };

  ServiceContext& context_;
  mutable std::mutex mutex_;  // guards the tables; never held across I/O
  std::unordered_map<std::int64_t, Entry> tables_;
};

}  // namespace trunkline
