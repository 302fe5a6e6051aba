// Phone numbers of resources: a sandbox inventory to search, buy and release.
#pragma once
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/services/number_plan.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

/// A long-running operation of the numbers API; ours have always ended by the time they are answered.
struct NumberOperation {
  std::string id;
  std::string type;    // search, purchase, releasePhoneNumber, updatePhoneNumberCapabilities
  std::string status;  // succeeded, failed
  std::string resource_location;
  Time created_at;
};

struct HeldNumbers {
  service::NumberSearch search;
  service::NumberQuery query;
  bool no_resell = false;
  bool purchased = false;
};

/// [any-thread] Ownership is kept in memory and written through, so that a send can check its sender without I/O.
class NumberService final : public ResourceParticipant {
 public:
  NumberService(ServiceContext& context, ResourceService& resources);

  /// Finds numbers and holds them for 15 minutes. Errors: kInvalidArgument, kNotFound (country, type, area code).
  Task<HeldNumbers> search(ResourcePtr resource, service::NumberQuery query);
  /// Errors: kNotFound.
  HeldNumbers get_search(const Resource& resource, std::string_view search_id);
  /// Errors: kNotFound, kFailedPrecondition (expired, bought already, resale clause refused).
  Task<std::vector<service::OwnedNumber>> purchase(ResourcePtr resource, std::string search_id, bool agree_to_not_resell);
  /// Errors: kNotFound.
  Task<void> release(ResourcePtr resource, std::string number);
  /// Errors: kNotFound.
  Task<service::OwnedNumber> update_capabilities(ResourcePtr resource, std::string number,
                                                 std::optional<service::NumberCapability> calling,
                                                 std::optional<service::NumberCapability> sms);
  /// Adds a number without buying it: seeds of the configuration.
  Task<void> assign(ResourcePtr resource, service::OwnedNumber number);

  std::vector<service::OwnedNumber> list(const Resource& resource) const;
  std::optional<service::OwnedNumber> find(const Resource& resource, std::string_view number) const;
  /// Some resource of this runtime owns it.
  bool is_on_net(std::string_view number) const;
  /// The resource that owns a number; the oldest one when forks share it. Null when nobody does.
  ResourcePtr owner_of(std::string_view number) const;

  Task<std::string> record_operation(ResourcePtr resource, std::string type, std::string resource_location);
  /// Errors: kNotFound.
  NumberOperation get_operation(const Resource& resource, std::string_view id);

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
  void on_added(const ResourcePtr& resource, const ResourcePtr& from) override;
  void on_dropped(const ResourcePtr& resource) override;
  void on_restored(const ResourcePtr& resource) override;

 private:
  using Owned = std::map<std::string, service::OwnedNumber, std::less<>>;
  struct OfResource {
    Owned numbers;
    std::uint64_t ticket = 0;  // of the read it came from
  };

  bool is_taken(const std::string& number, Time now) const;  // mutex_ held
  void reload(const Resource& resource);
  void disown(std::int64_t resource_key, OfResource& of_resource);  // mutex_ held

  ServiceContext& context_;
  ResourceService& resources_;
  mutable std::shared_mutex mutex_;  // guards what follows; never held across I/O
  std::unordered_map<std::int64_t, OfResource> owned_;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::string, std::vector<std::int64_t>, StringHash, std::equal_to<>> owners_;
  std::unordered_map<std::string, Time, StringHash, std::equal_to<>> held_until_;
};

/// REST words of the enumerations; parse gives nullopt for others.
std::string_view to_rest(service::NumberType type);
std::string_view to_rest(service::NumberCapability capability);
std::optional<service::NumberType> parse_number_type(std::string_view word);
std::optional<service::NumberCapability> parse_number_capability(std::string_view word);

}  // namespace trunkline
