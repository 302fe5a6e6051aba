// Internal to the resource service: who may do what at the same time.
#pragma once
#include <mutex>
#include <string>

#include "runtime/services/resource_service.h"

namespace trunkline {

/// Throws kInvalidArgument unless it has 1 to 63 letters, digits, `-` and `_`. `what`: of what kind.
void check_resource_name(std::string_view name, const char* what);

/// Keeps others from changing a resource, or from taking a name, while something is done with it. What is under way when one
/// arrives is not waited for: the newcomer is told to try again.
class ResourceService::Hold {
 public:
  enum class Kind { kName, kChange, kCopy };

  Hold(ResourceService& service, const std::string& name, Kind kind) : service_(&service), name_(to_lower(name)), kind_(kind) {
    const std::unique_lock lock(service.mutex_);
    const bool exists = service.by_name_.contains(name_);
    if (kind == Kind::kName && exists) throw exists_already(name);
    if (kind != Kind::kName && !exists) throw missing(name);
    const auto found = service.in_use_.find(name_);
    const Use other = found == service.in_use_.end() ? Use{} : found->second;
    if (kind == Kind::kName && other.changing) throw exists_already(name);
    if (other.changing || (kind == Kind::kChange && other.copying > 0))
      throw Error(ErrorCode::kAborted, "another operation on the resource '" + name + "' is under way; try again", "name")
          .with_service_code("AnotherOperationInProgress");
    Use& use = service.in_use_[name_];
    if (kind == Kind::kCopy)
      ++use.copying;
    else
      use.changing = true;
    if (exists) resource_ = service.by_name_.find(name_)->second;
  }
  Hold(const Hold&) = delete;
  ~Hold() {
    const std::unique_lock lock(service_->mutex_);
    const auto it = service_->in_use_.find(name_);
    if (kind_ == Kind::kCopy)
      --it->second.copying;
    else
      it->second.changing = false;
    if (!it->second.changing && it->second.copying == 0) service_->in_use_.erase(it);
  }
  /// As it was when the hold began. Null for a name.
  const ResourcePtr& resource() const { return resource_; }

  static Error exists_already(const std::string& name) {
    return Error(ErrorCode::kAlreadyExists, "a resource named '" + name + "' exists already", "name");
  }
  static Error missing(std::string_view name) {
    return Error(ErrorCode::kNotFound, "there is no resource named '" + std::string(name) + "'", "resource");
  }

 private:
  ResourceService* service_;
  std::string name_;
  Kind kind_;
  ResourcePtr resource_;
};

}  // namespace trunkline
