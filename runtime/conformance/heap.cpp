#include "runtime/conformance/heap.h"

#include <malloc.h>

#include <algorithm>
#include <limits>

namespace trunkline::conformance {

std::size_t heap_bytes() { return ::mallinfo2().uordblks; }

double least_growth(int rounds, const std::function<void()>& round) {
  constexpr int kMeasurements = 3;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kMeasurements && least > 0; ++i) {
    const std::size_t before = heap_bytes();
    for (int done = 0; done < rounds; ++done) round();
    const std::size_t after = heap_bytes();
    least = std::min(least, after > before ? static_cast<double>(after - before) / rounds : 0.0);
  }
  return least;
}

}  // namespace trunkline::conformance
