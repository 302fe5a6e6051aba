#include "runtime/conformance/heap.h"

#include <dlfcn.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace trunkline::conformance {

std::size_t heap_bytes() {
  // The program `trunkline` has jemalloc, which has no mallinfo2: that would go on to speak of the heap of the C library.
  using Control = int (*)(const char* name, void* old_value, std::size_t* old_size, void* new_value, std::size_t new_size);
  static const auto control = reinterpret_cast<Control>(::dlsym(RTLD_DEFAULT, "mallctl"));
  std::uint64_t epoch = 1;  // its figures are of the last time that somebody wrote here
  std::size_t bytes = 0, size = sizeof bytes;
  if (control && control("thread.tcache.flush", nullptr, nullptr, nullptr, 0) == 0 &&
      control("epoch", nullptr, nullptr, &epoch, sizeof epoch) == 0 && control("stats.allocated", &bytes, &size, nullptr, 0) == 0)
    return bytes;
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
