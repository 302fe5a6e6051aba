// Identifiers and the randomness they are made of.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {

/// 128 bits in network order, printed as 8-4-4-4-12 lower-case hex.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  std::string str() const;
  /// Any version, either case, without braces; nullopt when malformed.
  static std::optional<Uuid> parse(std::string_view text);
  auto operator<=>(const Uuid&) const = default;
};

/// Fills `out` from the operating system's generator. For keys and whatever else must not be guessed.
void random_bytes(std::span<std::uint8_t> out);

/// Where identifiers come from: the operating system, or a seed, so that a run can be repeated. Never make keys from a seeded
/// one. Owned by the runtime. [any-thread]
class IdSource {
 public:
  /// Unpredictable.
  IdSource() = default;
  /// The same ids in the same order for the same seed.
  explicit IdSource(std::uint64_t seed) : seeded_(true), state_(seed) {}
  IdSource(const IdSource&) = delete;

  bool seeded() const noexcept { return seeded_; }
  void fill(std::span<std::uint8_t> out);
  std::uint64_t next();
  /// Uniform in [0, bound); bound must not be 0.
  std::uint64_t next_below(std::uint64_t bound);
  Uuid uuid4();
  /// RFC 9562 version 7: sorts by creation, strictly increasing within this source even when `now` stands still or steps back.
  Uuid uuid7(Time now);

 private:
  void fill_locked(std::span<std::uint8_t> out);

  std::mutex mutex_;
  const bool seeded_ = false;
  std::uint64_t state_ = 0;
  std::array<std::uint8_t, 512> pool_{};  // one system call serves many ids
  std::size_t pool_used_ = sizeof(pool_);
  std::uint64_t last_v7_ms_ = 0;
  std::uint32_t last_v7_counter_ = 0;
};

}  // namespace trunkline
