// The frames of media and transcription sockets, as documented.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/calls/sound.h"
#include "runtime/net/websocket_client.h"

namespace trunkline::calls {

class Transcript;

inline constexpr Duration kFrame = std::chrono::milliseconds{20};

/// Something that was said. Times count from the begin of the transcription.
struct TranscriptPart {
  struct Word {
    std::string text;
    Duration offset{0};
    Duration lasts{0};
  };
  std::string text;
  double confidence = 1;
  Duration offset{0};
  Duration lasts{0};
  std::vector<Word> words;  // none: each takes as long as any other
  bool final = true;        // false: they are still speaking
};

/// What a connection sends to its socket. Guarded by CallCore::mutex.
class MediaStream {
 public:
  /// Somebody's sound that is on.
  struct Voice {
    std::uint64_t sounding = 0;
    std::string raw_id;  // empty: a prompt
    Sound sound;
    std::size_t at = 0;
    std::shared_ptr<Samples> live;  // what somebody says right now: the same as `sound`, and it grows
    std::int64_t loudness = 0;      // mean square; rises at once and falls slowly
  };

  std::shared_ptr<net::WebSocketClient> socket;
  bool open = false;
  bool over = false;  // before the socket was there
  Time opened_at;
  std::uint64_t timer = 0;
  std::vector<Voice> voices;
  Samples incoming;  // what the application wants to be heard, and was not yet
  // Of a transcription.
  std::shared_ptr<Transcript> transcript;  // of voices
  std::optional<std::string> deaf;         // why none can be understood

  /// The next 20 ms of all voices together, at 16 kHz. True: somebody is heard.
  bool mix_frame(Samples& frame);
  /// Of the next 20 ms: the loudest participants, the loudest first, at most so many.
  std::vector<const Voice*> loudest(std::size_t most);
  /// A piece of what somebody says right now.
  void add_live(std::uint64_t sounding, const std::string& raw_id, const Sound& piece);
  /// Moves every voice on by 20 ms; those that are over go.
  void advance();
};

std::string audio_metadata(std::string_view subscription_id, int sample_rate);
/// `raw_id` empty: the mix. `frame` is at 16 kHz and goes out at `sample_rate`.
std::string audio_data(const Samples& frame, int sample_rate, Time at, std::string_view raw_id, bool silent);
std::string dtmf_data(char digit);
std::string transcription_metadata(std::string_view subscription_id, std::string_view locale, std::string_view connection_id,
                                   std::string_view correlation_id);
std::string transcription_data(const TranscriptPart& part, std::string_view raw_id);

/// What an application sends: sound, or that nothing more of it is to be heard.
struct IncomingFrame {
  bool stop = false;
  Samples samples;
};
/// nullopt: something else, or malformed.
std::optional<IncomingFrame> parse_incoming(std::string_view text, int sample_rate);

}  // namespace trunkline::calls
