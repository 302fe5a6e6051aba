// eSpeak NG, which speaks what flite does not: a program of its own (it is GPL), run for each piece of a text.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/calls/helper_process.h"
#include "runtime/calls/sound.h"

namespace trunkline::calls {

class EspeakVoice {
 public:
  /// A path, or a name that is looked for in PATH.
  explicit EspeakVoice(std::string program, HelperLimits limits = {}) : program_(std::move(program)), limits_(limits) {}

  /// Why it cannot speak, and which package brings it; nullopt: it can. Looks each time, so that it may come while we run.
  std::optional<std::string> trouble() const;

  /// Whether this may be the name of a language, such as de or pt-BR.
  static bool is_locale(std::string_view locale);

  /// Blocks until it is said: call it where nobody waits. The process has ended by then, whatever it did. Errors:
  /// kFailedPrecondition (there is no program), kInvalidArgument (it does not know the language), kDeadlineExceeded,
  /// kResourceExhausted (too much output), kUnavailable (it crashed, or wrote no sound).
  Samples say(std::string_view locale, bool man, double rate, std::string_view text) const;

 private:
  std::filesystem::path find() const;

  const std::string program_;
  const HelperLimits limits_;
};

/// UTF-8 without control characters; empty: nothing to say.
std::string espeakable(std::string_view text);

}  // namespace trunkline::calls
