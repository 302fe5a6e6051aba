// How services call providers.
#pragma once
#include "runtime/services/resource.h"
#include "trunkline/call.hpp"

namespace trunkline {

inline CallOptions on_behalf_of(const Resource& resource) {
  CallOptions options;
  options.resource = resource.name;
  return options;
}

}  // namespace trunkline
