// Tones, and how much of them is in a sound. 16 kHz.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

namespace trunkline::testing {

/// How strong a frequency is in a sound, of 1.
inline double strength_of(std::span<const std::int16_t> sound, double hz) {
  double real = 0, imaginary = 0, energy = 1;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / 16000;
    real += sound[i] * std::cos(angle);
    imaginary += sound[i] * std::sin(angle);
    energy += static_cast<double>(sound[i]) * sound[i];
  }
  return 2 * (real * real + imaginary * imaginary) / (energy * static_cast<double>(sound.size()));
}

inline std::vector<std::int16_t> tone_of(double hz, int milliseconds, double loudness = 8000) {
  std::vector<std::int16_t> sound(16 * static_cast<std::size_t>(milliseconds));
  for (std::size_t i = 0; i < sound.size(); ++i)
    sound[i] = static_cast<std::int16_t>(loudness * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / 16000));
  return sound;
}

/// The same of bytes as they go to providers: 16 bits, the low ones first.
inline double strength_of(const std::vector<std::uint8_t>& bytes, double hz) {
  std::vector<std::int16_t> sound(bytes.size() / 2);
  for (std::size_t i = 0; i < sound.size(); ++i) sound[i] = static_cast<std::int16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
  return strength_of(std::span<const std::int16_t>(sound), hz);
}

inline std::vector<std::uint8_t> tone_bytes(double hz, int milliseconds) {
  std::vector<std::uint8_t> bytes;
  for (const std::int16_t sample : tone_of(hz, milliseconds)) {
    bytes.push_back(static_cast<std::uint8_t>(sample));
    bytes.push_back(static_cast<std::uint8_t>(sample >> 8));
  }
  return bytes;
}

}  // namespace trunkline::testing
