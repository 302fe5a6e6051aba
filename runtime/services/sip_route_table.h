// The routes of one resource to its SIP trunks, checked and ready to be asked. What a SIP user agent goes by.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/number_pattern.h"
#include "trunkline/service.hpp"

namespace trunkline {

/// Immutable: a change makes a new one. [any-thread]
class SipRouteTable {
 public:
  SipRouteTable() = default;
  /// Errors: kInvalidArgument with service code `UnprocessableConfiguration` and the documented code of the rule that was broken
  /// as details["innerCode"].
  explicit SipRouteTable(service::SipConfiguration routing);

  /// Trunks and domains by name; routes in order.
  const service::SipConfiguration& routing() const { return routing_; }
  /// Where a call to this number goes. Every route is tried, in order; the trunks of those that match follow each other, each
  /// once, without those that are off or whose domain is. `number`: digits with an optional `+`, else kInvalidArgument.
  service::SipRouteTest route(std::string_view number, Time now) const;
  /// Null when there is none. Without regard to case.
  const service::SipTrunk* find_trunk(std::string_view fqdn) const;

 private:
  const service::SipDomain* domain_of(std::string_view fqdn) const;

  service::SipConfiguration routing_;
  std::vector<NumberPattern> patterns_;  // of the routes
};

/// The error of a rule: 422, `UnprocessableConfiguration`.
Error unprocessable(std::string inner_code, std::string message, std::string target);

}  // namespace trunkline
