// PocketSphinx, from the system's library, which is loaded when it is used.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/calls/sound.h"

namespace trunkline::calls {

/// Sound is looked at in frames.
inline constexpr Duration kSphinxFrame = std::chrono::milliseconds{10};

/// One decoder with its models: 30 MB, and 70 MB more from the first free() on. One thread. Equal sounds are understood alike,
/// whatever was said before.
class SphinxDecoder {
 public:
  /// In frames from the begin of what was said.
  struct Word {
    std::string text;
    std::int64_t from = 0, to = 0;
  };
  struct Heard {
    std::string text;         // words, or empty
    std::vector<Word> words;  // each of them
    std::int64_t score = 0;   // acoustic, of the whole
    std::int64_t frames = 0;  // of speech
  };

  /// Why there is none, and which packages bring it; nullopt: there is one.
  static std::optional<std::string> trouble(const std::filesystem::path& model);
  /// Throws kFailedPrecondition.
  explicit SphinxDecoder(const std::filesystem::path& model);
  ~SphinxDecoder();
  SphinxDecoder(const SphinxDecoder&) = delete;

  /// Whether the dictionary has it.
  bool knows(const std::string& word);
  /// Exactly one of these, whose words it knows. Empty: it was nothing like them.
  Heard one_of(const Samples& said, const std::vector<std::vector<std::string>>& phrases);
  /// Any words, as the language model expects them. Throws kFailedPrecondition without one.
  Heard free(const Samples& said);
  /// The best that can be made of it with the sounds of the language in any order.
  Heard any_sounds(const Samples& said);

  /// How near words come to what there is to be heard, 0 to 1.
  static double confidence(const Heard& words, const Heard& sounds);

 private:
  struct State;
  Heard decode(const char* search, const Samples& said);
  const std::unique_ptr<State> state_;
};

}  // namespace trunkline::calls
