// The voices of flite, which speak English.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "runtime/calls/sound.h"
#include "runtime/calls/speech_text.h"

namespace trunkline::calls {

enum class FliteVoice { kSlt, kRms, kAwb };  // a woman and a man of the United States, a man of Scotland

/// Who says something: a voice of flite, or espeak-ng in another language.
struct Speaker {
  std::optional<FliteVoice> flite;
  std::string locale;
  bool man = false;
};

std::string_view name_of_voice(FliteVoice voice);
/// By its own name (slt, rms, awb), or like the voice or the kind and locale that are asked for. Throws kInvalidArgument for
/// names and locales that are none.
Speaker choose_speaker(const VoiceWish& wish);
/// The same of flite alone: by its own name (slt, rms, awb), or like the voice or the kind and locale that are asked for. Throws
/// kInvalidArgument for languages other than English, and for names that are none.
FliteVoice choose_voice(const VoiceWish& wish);
/// What flite reads of a text: ASCII, without accents and control characters. Empty: nothing in it can be said.
std::string speakable(std::string_view text);
/// Equal for equal arguments. Takes a hundredth to a thirtieth of the time that it lasts, of a core, and no more than one thread
/// of the process at a time: call it where nobody waits. Throws kInternal; kFailedPrecondition without the module of the voices.
Samples say(FliteVoice voice, const std::string& speakable_text, double rate);

}  // namespace trunkline::calls
