// What is to be said, and by whom: plain text, and documents in SSML.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::calls {

/// Whose voice a text asks for.
struct VoiceWish {
  enum class Kind { kAny, kFemale, kMale };
  std::string name;    // such as en-US-JennyNeural; empty: any of this kind and locale
  std::string locale;  // such as en-GB; empty: en-US
  Kind kind = Kind::kAny;

  bool operator==(const VoiceWish&) const = default;
};

/// Said in one go, in one voice.
struct SpeechPart {
  std::string text;  // UTF-8
  VoiceWish voice;
  double rate = 1.0;        // 0.5 to 2; 2: twice as fast
  Duration pause_after{0};  // silence
};

/// Elements: speak, voice, lang, break, prosody (rate), p, s, sub, say-as (telephone, digits, characters, spell-out). Of others
/// the text is said; audio is refused. `voice` is whose turn it is where the document names none. Throws kInvalidArgument: what
/// is no XML or has a document type, another root, more than 1000 elements or 32 in each other, or bad attributes.
std::vector<SpeechPart> read_ssml(std::string_view document, const VoiceWish& voice);

}  // namespace trunkline::calls
