// As whom a resource may send text messages.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/services/number_service.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

/// Who besides owned numbers may be a sender; from the configuration.
struct SmsSenders {
  std::vector<std::string> alphanumeric;  // "*": any
  std::vector<std::string> short_codes;
};

/// [any-thread] once the senders are set.
class SmsSenderBook {
 public:
  SmsSenderBook(ResourceService& resources, NumberService& numbers) : resources_(resources), numbers_(numbers) {}

  /// [lifecycle]
  void set(const std::string& resource_name, SmsSenders senders) { senders_[to_lower(resource_name)] = std::move(senders); }
  /// Errors: kInvalidArgument (no sender, or a number that cannot send), kUnauthenticated (not the resource's).
  void check(const Resource& resource, const std::string& from) const;
  /// The same for a sender that people write to: a number that only receives will do.
  void check_owned(const Resource& resource, const std::string& sender) const { check_known(resource, sender, false); }

 private:
  void check_known(const Resource& resource, const std::string& from, bool must_send) const;

  ResourceService& resources_;
  NumberService& numbers_;
  std::unordered_map<std::string, SmsSenders, StringHash, std::equal_to<>> senders_;  // written before start only
};

}  // namespace trunkline
