// Changes the sample rate of sound that comes in pieces.
#pragma once
#include <memory>
#include <span>

#include "runtime/calls/sound.h"

namespace trunkline::calls {

/// To kSampleRate, one channel. One thread.
class Resampler {
 public:
  /// Throws kInvalidArgument for rates of which there is no sound.
  explicit Resampler(int from_rate);
  ~Resampler();
  Resampler(const Resampler&) = delete;

  /// Appends what `samples` are at the new rate. What is made of the first samples begins with the first of them.
  void push(std::span<const std::int16_t> samples, Samples& out);
  /// The end of the sound, which the filter still holds.
  void finish(Samples& out);

 private:
  struct State;
  const int from_rate_;
  std::unique_ptr<State> state_;  // null: the rates are the same
};

}  // namespace trunkline::calls
