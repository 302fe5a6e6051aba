#include "runtime/services/sms_senders.h"

#include <algorithm>

#include "runtime/services/phone_number.h"

namespace trunkline {

void SmsSenderBook::check(const Resource& resource, const std::string& from) const { check_known(resource, from, true); }

void SmsSenderBook::check_known(const Resource& resource, const std::string& from, bool must_send) const {
  auto configured = senders_.find(to_lower(resource.name));
  // A fork may send as whoever it was forked from.
  for (const std::string& ancestor : resource.lineage) {
    if (configured != senders_.end()) break;
    if (const ResourcePtr original = resources_.find_by_id(ancestor)) configured = senders_.find(to_lower(original->name));
  }
  if (!from.empty() && from.front() == '+') {
    if (const auto fault = e164_fault(from); !fault.empty())
      throw Error(ErrorCode::kInvalidArgument, "'" + from.substr(0, 40) + "' is no E.164 number: " + std::string(fault), "from");
    const auto owned = numbers_.find(resource, from);
    if (!owned)
      throw Error(ErrorCode::kUnauthenticated, "the resource '" + resource.name + "' does not own the number " + from, "from");
    if (must_send && (static_cast<int>(owned->sms) & static_cast<int>(service::NumberCapability::kOutbound)) == 0)
      throw Error(
          ErrorCode::kInvalidArgument,
          "the number " + from + " cannot send text messages: its sms capability is '" + std::string(to_rest(owned->sms)) + "'",
          "from");
    return;
  }
  const auto listed = [&](const std::vector<std::string>& allowed) {
    return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) { return a == "*" || iequals(a, from); });
  };
  if (is_short_code(from)) {
    if (configured != senders_.end() && listed(configured->second.short_codes)) return;
    throw Error(ErrorCode::kUnauthenticated, "the resource '" + resource.name + "' has no short code " + from, "from");
  }
  if (is_alphanumeric_sender(from)) {
    if (configured != senders_.end() && listed(configured->second.alphanumeric)) return;
    throw Error(ErrorCode::kUnauthenticated, "the resource '" + resource.name + "' may not send as '" + from + "'", "from");
  }
  throw Error(ErrorCode::kInvalidArgument,
              "'" + from.substr(0, 40) + "' is neither an E.164 number nor a short code nor an alphanumeric sender id", "from");
}

}  // namespace trunkline
