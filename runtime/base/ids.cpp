#include "runtime/base/ids.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/base/encoding.h"

namespace trunkline {
namespace {

constexpr std::array<std::size_t, 4> kDashes{8, 13, 18, 23};
constexpr std::uint32_t kV7CounterLimit = 1u << 12;

void set_version(Uuid& id, int version) {
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | version << 4);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
}

// SplitMix64: tiny, full period, good enough for ids that need not resist guessing.
std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

}  // namespace

std::string Uuid::str() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<char, 36> text;
  char* to = text.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    *to++ = kDigits[bytes[i] >> 4];
    *to++ = kDigits[bytes[i] & 15];
  }
  return {text.data(), text.size()};
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::find(kDashes.begin(), kDashes.end(), i) == kDashes.end())
      hex.push_back(text[i]);
    else if (text[i] != '-')
      return std::nullopt;
  }
  const auto raw = hex_decode(hex);
  if (!raw) return std::nullopt;
  Uuid id;
  std::memcpy(id.bytes.data(), raw->data(), id.bytes.size());
  return id;
}

void random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      throw Error(ErrorCode::kInternal, std::string("getrandom: ") + std::strerror(errno));
    }
    out = out.subspan(static_cast<std::size_t>(n));
  }
}

void IdSource::fill_locked(std::span<std::uint8_t> out) {
  if (seeded_) {
    for (std::size_t i = 0; i < out.size(); i += 8) {
      const std::uint64_t word = splitmix(state_);
      for (std::size_t j = i; j < std::min(i + 8, out.size()); ++j) out[j] = static_cast<std::uint8_t>(word >> 8 * (j - i));
    }
    return;
  }
  if (out.size() > pool_.size()) return random_bytes(out);
  if (pool_.size() - pool_used_ < out.size()) {
    random_bytes(pool_);
    pool_used_ = 0;
  }
  std::memcpy(out.data(), pool_.data() + pool_used_, out.size());
  std::memset(pool_.data() + pool_used_, 0, out.size());  // nothing handed out stays in memory
  pool_used_ += out.size();
}

void IdSource::fill(std::span<std::uint8_t> out) {
  const std::lock_guard lock(mutex_);
  fill_locked(out);
}

std::uint64_t IdSource::next() {
  std::array<std::uint8_t, 8> raw;
  fill(raw);
  std::uint64_t value;
  std::memcpy(&value, raw.data(), sizeof(value));
  return value;
}

std::uint64_t IdSource::next_below(std::uint64_t bound) {
  const std::uint64_t skip = -bound % bound;  // drops the values that would favour small results
  for (;;) {
    const std::uint64_t value = next();
    if (value >= skip) return value % bound;
  }
}

Uuid IdSource::uuid4() {
  Uuid id;
  fill(id.bytes);
  set_version(id, 4);
  return id;
}

Uuid IdSource::uuid7(Time now) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::uint64_t wanted = ms > 0 ? static_cast<std::uint64_t>(ms) : 0;
  Uuid id;
  const std::lock_guard lock(mutex_);
  fill_locked(id.bytes);
  if (wanted > last_v7_ms_) {
    last_v7_ms_ = wanted;
    last_v7_counter_ = id.bytes[7];  // a random start, far from the limit
  } else if (++last_v7_counter_ == kV7CounterLimit) {
    ++last_v7_ms_;  // runs ahead of the clock rather than out of order
    last_v7_counter_ = 0;
  }
  for (int i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(last_v7_ms_ >> 8 * (5 - i));
  id.bytes[6] = static_cast<std::uint8_t>(last_v7_counter_ >> 8);
  id.bytes[7] = static_cast<std::uint8_t>(last_v7_counter_);
  set_version(id, 7);
  return id;
}

}  // namespace trunkline
