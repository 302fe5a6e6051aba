// Random numbers that are the same on every machine: what std's distributions give differs between standard libraries.
#pragma once
#include <cstdint>
#include <string_view>

#include "trunkline/error.hpp"

namespace email_sandbox {

/// SplitMix64 (Steele, Lea, Flood 2014). A state made of seed, resource and mail number gives every mail its own stream, so its
/// fate does not depend on what other resources do at the same time.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t world, std::uint64_t mail) : state_(mix(mix(seed ^ kGolden) ^ mix(world)) ^ mail) {}

  /// In [0, 1), with all 53 bits that a double has.
  double uniform() { return static_cast<double>(mix(state_ += kGolden) >> 11) * 0x1.0p-53; }
  /// In [0, max].
  trunkline::Duration up_to(trunkline::Duration max) {
    return trunkline::Duration{static_cast<std::int64_t>(uniform() * static_cast<double>(max.count() + 1))};
  }

  static std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  /// FNV-1a.
  static std::uint64_t hash(std::string_view text) {
    std::uint64_t h = 0xcbf29ce484222325u;
    for (const unsigned char c : text) h = (h ^ c) * 0x100000001b3u;
    return h;
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;
  std::uint64_t state_;
};

}  // namespace email_sandbox
