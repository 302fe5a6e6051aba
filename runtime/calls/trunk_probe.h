// Asking SIP trunks whether they are there.
#pragma once
#include <optional>
#include <string>

#include "runtime/services/context.h"
#include "trunkline/pstn.hpp"
#include "trunkline/task.hpp"

namespace trunkline::calls {

/// What the trunk said to the first provider that has it, or why it could not be asked. Nullopt: no provider sends calls over
/// trunks.
Task<std::optional<pstn::TrunkProbe>> probe_trunk(ServiceContext& context, pstn::DialTrunk trunk);

}  // namespace trunkline::calls
