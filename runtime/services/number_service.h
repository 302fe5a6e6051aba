// Phone numbers of resources: a sandbox inventory to search, buy and release.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/base/strings.h"
#include "runtime/services/number_plan.h"
#include "runtime/services/number_words.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

/// A long-running operation of the numbers API; ours have always ended by the time they are answered.
struct NumberOperation {
  std::string id;
  std::string type;    // search, purchase, releasePhoneNumber, updatePhoneNumberCapabilities, reservationPurchase
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

/// What a number is used for.
enum class NumberUse { kCall, kText };
enum class NumberDirection { kInbound, kOutbound };

/// How long a search or a reservation holds its numbers.
inline constexpr Duration kNumberHoldTime = std::chrono::minutes{15};

/// [any-thread] Ownership is kept in memory and written through, so that a send or a call can check its sender without I/O.
class NumberService final : public ResourceParticipant {
 public:
  NumberService(ServiceContext& context, ResourceService& resources);

  /// Finds numbers and holds them for 15 minutes. Errors: kInvalidArgument, kResourceExhausted, and those of `offer_for`.
  Task<HeldNumbers> search(ResourcePtr resource, service::NumberQuery query);
  /// Errors: kNotFound.
  HeldNumbers get_search(const Resource& resource, std::string_view search_id);
  /// Errors: kNotFound, kFailedPrecondition (expired, bought already, owned by now), kInvalidArgument (resale clause refused).
  Task<std::vector<service::OwnedNumber>> purchase(ResourcePtr resource, std::string search_id, bool agree_to_not_resell);
  /// Errors: kNotFound.
  Task<void> release(ResourcePtr resource, std::string number);
  /// Errors: kNotFound, kInvalidArgument (more than its kind can do).
  Task<service::OwnedNumber> update_capabilities(ResourcePtr resource, std::string number,
                                                 std::optional<service::NumberCapability> calling,
                                                 std::optional<service::NumberCapability> sms);
  /// Adds a number without buying it: seeds of the configuration.
  Task<void> assign(ResourcePtr resource, service::OwnedNumber number);

  std::vector<service::OwnedNumber> list(const Resource& resource) const;
  std::optional<service::OwnedNumber> find(const Resource& resource, std::string_view number) const;
  /// Errors: kNotFound.
  service::OwnedNumber get(const Resource& resource, std::string_view number) const;
  /// The one place that says whether a resource may use a number so: calls ask here, before anything rings. `target` is the
  /// member that named it. Errors: kUnauthenticated (owned by nobody or another resource), kInvalidArgument (its capabilities).
  void require(const Resource& resource, std::string_view number, NumberUse use, NumberDirection direction,
               const std::string& target) const;
  /// Some resource of this runtime owns it.
  bool is_on_net(std::string_view number) const;
  /// The resource that owns a number; the oldest one when forks share it. Null when nobody does.
  ResourcePtr owner_of(std::string_view number) const;

  /// The offer that fits a query. Errors: kInvalidArgument; with http_status 404 for an unknown country.
  static const NumberOffer& offer_for(const service::NumberQuery& query);
  /// Numbers that nobody owns or holds, without holding them. `prefixes`: digits after the `+`; empty: any. Errors: as offer_for.
  std::vector<std::string> available(const service::NumberQuery& query, std::span<const std::string> prefixes,
                                     std::size_t limit) const;
  /// Holds a number for a resource; false: somebody owns or holds it.
  bool hold(const Resource& resource, const std::string& number, Time until);
  /// Of a hold of this resource; without one nothing happens.
  void extend(const Resource& resource, const std::string& number, Time until);
  void let_go(const Resource& resource, const std::string& number);
  /// Makes numbers the resource's, in one transaction with `also`. Errors: kFailedPrecondition when one is owned by now.
  Task<void> own(ResourcePtr resource, std::vector<service::OwnedNumber> numbers, UniqueFunction<void(store::Session&)> also);

  Task<std::string> record_operation(ResourcePtr resource, std::string type, std::string resource_location);
  /// Errors: kNotFound.
  NumberOperation get_operation(const Resource& resource, std::string_view id);

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
  void on_added(const ResourcePtr& resource, const ResourcePtr& from) override;
  void on_dropped(const ResourcePtr& resource) override;

 private:
  using Owned = std::map<std::string, service::OwnedNumber, std::less<>>;
  struct OfResource {
    Owned numbers;
    std::uint64_t ticket = 0;  // of the read it came from
  };
  struct HoldOf {
    std::int64_t resource_key = 0;
    Time until;
  };
  class Claim;

  bool is_taken(const std::string& number, Time now) const;  // mutex_ held
  std::vector<std::string> pick(const service::NumberQuery& query, std::span<const std::string> prefixes, std::size_t limit,
                                Time now) const;  // mutex_ held
  void reload(const Resource& resource);
  void disown(std::int64_t resource_key, OfResource& of_resource);  // mutex_ held

  ServiceContext& context_;
  ResourceService& resources_;
  mutable std::shared_mutex mutex_;  // guards what follows; never held across I/O
  std::unordered_map<std::int64_t, OfResource> owned_;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::string, std::vector<std::int64_t>, StringHash, std::equal_to<>> owners_;
  std::unordered_map<std::string, HoldOf, StringHash, std::equal_to<>> holds_;
  std::unordered_set<std::string> claimed_;  // being bought right now
};

/// The resource has no such number.
Error number_not_found(std::string_view number);
/// Throws kInvalidArgument naming `phoneNumber`, and why it is no E.164 number.
void check_e164(std::string_view number, const char* target = "phoneNumber");

}  // namespace trunkline
