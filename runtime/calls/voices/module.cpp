#include <flite/flite.h>

#include <array>
#include <csetjmp>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "runtime/calls/voices/voices.h"

// The header of a voice is not installed.
extern "C" {
cst_voice* register_cmu_us_slt(const char* folder);
cst_voice* register_cmu_us_rms(const char* folder);
cst_voice* register_cmu_us_awb(const char* folder);
}

namespace {

using Wave = std::unique_ptr<cst_wave, decltype(&delete_wave)>;

/// Flite is C that keeps its state in the process: one thread at a time, under the mutex.
class Flite {
 public:
  static Flite& get() {
    static Flite flite;
    return flite;
  }

  Wave say(int voice, const char* text, double rate, int sample_rate_hz) {
    const std::lock_guard lock(mutex_);
    cst_voice* chosen = voices_[static_cast<std::size_t>(voice)];
    feat_set_float(chosen->features, "duration_stretch", static_cast<float>(1 / rate));
    // The voices draw noise from rand(). Equal texts are to sound alike, and whoever else draws is not to notice us.
    std::array<char, 128> state{};
    char* theirs = initstate(1, state.data(), state.size());
    Wave wave(say_or_null(text, chosen), delete_wave);
    setstate(theirs);
    if (wave && wave->sample_rate != sample_rate_hz) cst_wave_resample(wave.get(), sample_rate_hz);
    return wave;
  }

 private:
  Flite() {
    flite_init();
    voices_ = {register_cmu_us_slt(nullptr), register_cmu_us_rms(nullptr), register_cmu_us_awb(nullptr)};
  }

  /// Without a place to jump to, an error of flite ends the process. Nothing in here has a destructor.
  static cst_wave* say_or_null(const char* text, cst_voice* voice) {
    std::jmp_buf escape;
    cst_errjmp = &escape;
    cst_wave* volatile wave = nullptr;
    if (setjmp(escape) == 0) wave = flite_text_to_wave(text, voice);  // NOLINT(cert-err52-cpp): how flite tells errors
    cst_errjmp = nullptr;
    return wave;
  }

  std::mutex mutex_;
  std::array<cst_voice*, 3> voices_{};
};

}  // namespace

bool trunkline_voices_say(int voice, const char* text, double rate, int sample_rate_hz, void* context,
                          void (*take)(void* context, const short* samples, std::size_t count)) {
  if (voice < 0 || voice > 2) return false;
  const Wave wave = Flite::get().say(voice, text, rate, sample_rate_hz);
  if (!wave) return false;
  take(context, wave->samples, static_cast<std::size_t>(wave->num_samples));
  return true;
}
