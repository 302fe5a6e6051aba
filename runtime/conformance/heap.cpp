#include "runtime/conformance/heap.h"

#include <dlfcn.h>
#include <malloc.h>

#include <algorithm>
#include <limits>

namespace trunkline::conformance {

std::size_t heap_bytes() {
  // The program `trunkline` has tcmalloc, which has no mallinfo2: that would go on to speak of the heap of the C library.
  using Ask = int (*)(const char* property, std::size_t* value);
  static const auto ask = reinterpret_cast<Ask>(::dlsym(RTLD_DEFAULT, "MallocExtension_GetNumericProperty"));
  std::size_t bytes = 0;
  if (ask && ask("generic.current_allocated_bytes", &bytes)) return bytes;
  return ::mallinfo2().uordblks;
}

double least_growth(int rounds, double allowed, const std::function<void()>& round) {
  constexpr int kMeasurements = 8;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kMeasurements && least > allowed; ++i) {
    const std::size_t before = heap_bytes();
    for (int done = 0; done < rounds; ++done) round();
    const std::size_t after = heap_bytes();
    least = std::min(least, after > before ? static_cast<double>(after - before) / rounds : 0.0);
  }
  return least;
}

}  // namespace trunkline::conformance
