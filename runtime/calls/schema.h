// The tables of calls: connections under way and recordings. Number 80 is ours; released steps never change.
#pragma once
#include <span>

#include "runtime/store/database.h"

namespace trunkline::calls {

/// For every database that holds data of resources.
std::span<const store::Migration> call_migrations();

}  // namespace trunkline::calls
