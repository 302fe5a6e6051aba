#include "runtime/clock/system_time.h"

namespace trunkline {

Time system_time_now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

}  // namespace trunkline
