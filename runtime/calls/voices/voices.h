// What the module of the voices offers. C, for it is looked up by name.
#pragma once
#include <cstddef>

/// File name of the module.
inline constexpr char kVoicesModule[] = "trunkline-voices.so";

extern "C" {
/// Speaks `text` with voice 0 (slt), 1 (rms) or 2 (awb) at `rate` times its usual speed, and calls `take` once, before it
/// returns, with what was said: 16 bit, mono, `sample_rate_hz`. False: flite could not. One text at a time in a process; others
/// wait. No exceptions. [any-thread]
__attribute__((visibility("default"))) bool trunkline_voices_say(int voice, const char* text, double rate, int sample_rate_hz,
                                                                 void* context,
                                                                 void (*take)(void* context, const short* samples,
                                                                              std::size_t count));
}
