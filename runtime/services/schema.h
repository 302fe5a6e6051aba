// The tables of the services. Numbers 20 to 59 belong here (60 and above are the plugins'); released
// steps never change.
#pragma once
#include <span>

#include "runtime/store/database.h"

namespace trunkline {

/// For the system database.
std::span<const store::Migration> system_migrations();
/// For every database that holds data of resources.
std::span<const store::Migration> resource_migrations();

}  // namespace trunkline
