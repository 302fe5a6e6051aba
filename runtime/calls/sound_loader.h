// Turns what is to be played into sound.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/calls/requests.h"
#include "runtime/calls/result.h"
#include "runtime/calls/sound.h"

namespace trunkline {
class Executor;
namespace net {
class HttpSender;
}
}  // namespace trunkline

namespace trunkline::calls {

class SpeechEngine;

struct LoadedSounds {
  std::vector<Sound> sounds;
  std::optional<CallResult> trouble;  // with the source at `failed`
  std::size_t failed = 0;
};

/// Fetches files, one after another, and has texts spoken; without `speech` words become tones. Calls `done` once on a thread of
/// the executor, never from inside.
void load_sounds(Executor& executor, net::HttpSender& http, SpeechEngine* speech, std::vector<PlaySource> sources,
                 UniqueFunction<void(LoadedSounds)> done);

}  // namespace trunkline::calls
