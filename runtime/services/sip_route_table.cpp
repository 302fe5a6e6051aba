#include "runtime/services/sip_route_table.h"

#include <algorithm>
#include <set>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

using service::SipDomain;
using service::SipRoute;
using service::SipRouteTest;
using service::SipTrunk;

constexpr std::size_t kMaxEntries = 250;
constexpr std::size_t kMaxFqdn = 249;
constexpr std::size_t kMaxRouteName = 256;
constexpr std::size_t kMaxDescription = 1024;

/// Two labels or more, none with a hyphen at its ends, the last one not a number (which an address would have).
bool is_fqdn(std::string_view name) {
  if (name.empty() || name.size() > kMaxFqdn) return false;
  const std::vector<std::string_view> labels = split(name, '.');
  if (labels.size() < 2) return false;
  for (const std::string_view label : labels) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; }))
      return false;
  }
  return !std::all_of(labels.back().begin(), labels.back().end(), is_digit);
}

void check_trunk(const SipTrunk& trunk) {
  if (!is_fqdn(trunk.fqdn))
    throw unprocessable("InvalidTrunkFqdn", "'" + trunk.fqdn.substr(0, 80) + "' is no fully qualified domain name", "trunks");
  if (trunk.sip_signaling_port < 1 || trunk.sip_signaling_port > 65535)
    throw unprocessable("InvalidTrunkSipSignalingPort",
                        "the port of " + trunk.fqdn + " must be 1 to 65535, not " + std::to_string(trunk.sip_signaling_port),
                        "trunks." + trunk.fqdn + ".sipSignalingPort");
  if (trunk.privacy_header && *trunk.privacy_header != "id" && *trunk.privacy_header != "none" && *trunk.privacy_header != "user")
    throw unprocessable("InvalidTrunkPrivacyHeader", "'" + trunk.privacy_header->substr(0, 40) + "' is none of id, none, user",
                        "trunks." + trunk.fqdn + ".privacyHeader");
  if (trunk.ip_address_version && *trunk.ip_address_version != "ipv4" && *trunk.ip_address_version != "ipv6")
    throw unprocessable("InvalidTrunkIpAddressVersion",
                        "'" + trunk.ip_address_version->substr(0, 40) + "' is neither ipv4 nor ipv6",
                        "trunks." + trunk.fqdn + ".ipAddressVersion");
}

void check_route(SipRoute& route, std::size_t index, const std::vector<SipTrunk>& trunks) {
  const std::string where = "routes[" + std::to_string(index) + "]";
  if (route.name.empty() || route.name.size() > kMaxRouteName)
    throw unprocessable("InvalidRouteName", "a route needs a name of 1 to 256 characters", where + ".name");
  if (route.description && route.description->size() > kMaxDescription)
    throw unprocessable("InvalidRouteDescription", "the description of '" + route.name + "' has more than 1024 characters",
                        where + ".description");
  if (route.number_pattern.empty())
    throw unprocessable("InvalidRouteNumberPattern", "the route '" + route.name + "' has no number pattern",
                        where + ".numberPattern");
  if (route.trunks.size() > kMaxEntries)
    throw unprocessable("InvalidRouteTrunk", "the route '" + route.name + "' has more than 250 trunks", where + ".trunks");
  std::set<std::string_view> seen;
  for (std::string& name : route.trunks) {
    name = to_lower(name);
    const auto is_it = [&](const SipTrunk& trunk) { return trunk.fqdn == name; };
    if (std::none_of(trunks.begin(), trunks.end(), is_it))
      throw unprocessable("MissingTrunk",
                          "the route '" + route.name + "' goes to '" + name.substr(0, 80) + "', which is no trunk",
                          where + ".trunks");
    if (!seen.insert(name).second)
      throw unprocessable("RouteWithDuplicatedTrunk", "the route '" + route.name + "' names the trunk " + name + " twice",
                          where + ".trunks");
  }
}

template <class T, class Name>
void sort_unique(std::vector<T>& items, Name name, const char* inner_code, const char* what) {
  std::sort(items.begin(), items.end(), [&](const T& a, const T& b) { return name(a) < name(b); });
  for (std::size_t i = 1; i < items.size(); ++i)
    if (name(items[i]) == name(items[i - 1]))
      throw unprocessable(inner_code, std::string("the ") + what + " " + name(items[i]) + " is there twice",
                          std::string(what) + "s");
  if (items.size() > kMaxEntries)
    throw unprocessable(inner_code, std::string("there can be at most 250 ") + what + "s", std::string(what) + "s");
}

void check_number(std::string_view number) {
  const std::string_view digits = number.starts_with('+') ? number.substr(1) : number;
  if (digits.empty() || digits.size() > 24 || !std::all_of(digits.begin(), digits.end(), is_digit))
    throw Error(ErrorCode::kInvalidArgument,
                "'" + std::string(number.substr(0, 40)) + "' is no phone number: 1 to 24 digits with an optional '+'",
                "targetPhoneNumber");
}

}  // namespace

Error unprocessable(std::string inner_code, std::string message, std::string target) {
  Error error(ErrorCode::kInvalidArgument, std::move(message), std::move(target));
  error.http_status = 422;
  error.service_code = "UnprocessableConfiguration";
  error.details["innerCode"] = std::move(inner_code);
  return error;
}

SipRouteTable::SipRouteTable(service::SipConfiguration routing) : routing_(std::move(routing)) {
  for (SipTrunk& trunk : routing_.trunks) {
    trunk.fqdn = to_lower(trunk.fqdn);
    check_trunk(trunk);
  }
  sort_unique(
      routing_.trunks, [](const SipTrunk& t) { return t.fqdn; }, "InvalidTrunkFqdn", "trunk");
  for (SipDomain& domain : routing_.domains) {
    domain.domain = to_lower(domain.domain);
    if (!is_fqdn(domain.domain))
      throw unprocessable("InvalidDomain", "'" + domain.domain.substr(0, 80) + "' is no domain name", "domains");
  }
  sort_unique(
      routing_.domains, [](const SipDomain& d) { return d.domain; }, "InvalidDomain", "domain");
  if (routing_.routes.size() > kMaxEntries) throw unprocessable("DuplicatedRoute", "there can be at most 250 routes", "routes");
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < routing_.routes.size(); ++i) {
    SipRoute& route = routing_.routes[i];
    check_route(route, i, routing_.trunks);
    if (!names.insert(route.name).second)
      throw unprocessable("DuplicatedRoute", "there are two routes named '" + route.name + "'",
                          "routes[" + std::to_string(i) + "].name");
    try {
      patterns_.emplace_back(route.number_pattern);
    } catch (const Error& error) {
      throw unprocessable("InvalidRouteNumberPattern", error.message, "routes[" + std::to_string(i) + "].numberPattern");
    }
  }
}

const SipTrunk* SipRouteTable::find_trunk(std::string_view fqdn) const {
  const std::string name = to_lower(fqdn);
  const auto it = std::find_if(routing_.trunks.begin(), routing_.trunks.end(), [&](const SipTrunk& t) { return t.fqdn == name; });
  return it == routing_.trunks.end() ? nullptr : &*it;
}

/// The longest domain that the name is or lies below.
const SipDomain* SipRouteTable::domain_of(std::string_view fqdn) const {
  const SipDomain* best = nullptr;
  for (const SipDomain& domain : routing_.domains) {
    const std::string_view name = domain.domain;
    const bool below =
        fqdn == name || (fqdn.size() > name.size() && fqdn.ends_with(name) && fqdn[fqdn.size() - name.size() - 1] == '.');
    if (below && (!best || best->domain.size() < name.size())) best = &domain;
  }
  return best;
}

SipRouteTest SipRouteTable::route(std::string_view number, Time now) const {
  check_number(number);
  SipRouteTest test;
  test.decision.subject = number;
  const auto step = [&](std::string rule, std::string outcome, std::string value, std::string detail) {
    DecisionStep line;
    line.rule = std::move(rule);
    line.outcome = std::move(outcome);
    line.value = std::move(value);
    if (!detail.empty()) line.detail = std::move(detail);
    line.at = now;
    test.decision.steps.push_back(std::move(line));
  };
  for (std::size_t i = 0; i < routing_.routes.size(); ++i) {
    const SipRoute& route = routing_.routes[i];
    if (!patterns_[i].matches(number)) {
      step("route.match", "skip", route.name, "the number does not match " + route.number_pattern);
      continue;
    }
    step("route.match", "pass", route.name, "the number matches " + route.number_pattern);
    test.matching_routes.push_back(route);
    if (route.trunks.empty()) step("route.trunks", "skip", route.name, "the route has no trunks");
    for (const std::string& name : route.trunks) {
      const SipTrunk& trunk = *find_trunk(name);
      const SipDomain* domain = domain_of(name);
      const bool there = std::any_of(test.trunks.begin(), test.trunks.end(), [&](const SipTrunk& t) { return t.fqdn == name; });
      if (!trunk.enabled) {
        step("trunk.enabled", "skip", name, "the trunk is off");
      } else if (domain && !domain->enabled) {
        step("domain.enabled", "skip", name, "the domain " + domain->domain + " is off");
      } else if (!there) {
        step("trunk.pick", "pick", name, "port " + std::to_string(trunk.sip_signaling_port));
        test.trunks.push_back(trunk);
      }
    }
  }
  if (test.trunks.empty())
    step("route.found", "reject", std::string(number),
         test.matching_routes.empty() ? "no route matches the number" : "no route that matches has a trunk that is on");
  return test;
}

}  // namespace trunkline
