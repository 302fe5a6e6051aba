#include "runtime/calls/sound_loader.h"

#include <memory>

#include "runtime/async/executor.h"
#include "runtime/calls/mp3.h"
#include "runtime/calls/speech_engine.h"
#include "runtime/net/http_sender.h"

namespace trunkline::calls {
namespace {

constexpr Duration kDownloadPatience = std::chrono::seconds{10};
constexpr std::size_t kMaxBytes = 32 * 1024 * 1024;
/// Of an MP3 file, in one go on a thread that others wait for: some 8 seconds of sound, 10 ms of work.
constexpr std::size_t kMp3Step = 64 * 1024;

class Loader : public std::enable_shared_from_this<Loader> {
 public:
  Loader(Executor& executor, net::HttpSender& http, SpeechEngine* speech, std::vector<PlaySource> sources,
         UniqueFunction<void(LoadedSounds)> done)
      : executor_(executor), http_(http), speech_(speech), sources_(std::move(sources)), done_(std::move(done)) {}

  void go_on() {
    while (loaded_.sounds.size() < sources_.size()) {
      const PlaySource& source = sources_[loaded_.sounds.size()];
      if (source.kind == PlaySource::Kind::kFile) return fetch(source.uri);
      if (speech_) return have_spoken(source);
      loaded_.sounds.push_back(speak(source.text, speaking_time(source.text)));
    }
    done_(std::move(loaded_));
  }

 private:
  void fetch(const std::string& uri) {
    net::ClientRequest request;
    request.url = uri;
    request.timeout = kDownloadPatience;
    request.max_response_bytes = kMaxBytes;
    http_.start_send(std::move(request),
                     [self = shared_from_this()](Result<net::ClientResponse> result) { self->fetched(std::move(result)); });
  }

  void fetched(Result<net::ClientResponse> result) {
    if (!result.ok()) return fail(sub_code::kDownloadFailed, result.error().message);
    const net::ClientResponse& response = result.value();
    if (response.status != 200)
      return fail(sub_code::kDownloadFailed, "the server of the file answered " + std::to_string(response.status));
    try {
      if (looks_like_mp3(response.body)) {
        decoding_ = std::make_unique<Decoding>();
        decoding_->file = std::move(result).value().body;
        return decode_some();
      }
      loaded_.sounds.push_back(decode_wav(response.body));
    } catch (const Error& error) {
      return fail(sub_code::kBadFile, error.message);
    }
    go_on();
  }

  /// A long file takes a second of a core.
  void decode_some() {
    try {
      const std::string_view rest = std::string_view(decoding_->file).substr(decoding_->at);
      decoding_->decoder.feed(rest.substr(0, kMp3Step));
      if (rest.size() > kMp3Step) {
        decoding_->at += kMp3Step;
        return executor_.post([self = shared_from_this()] { self->decode_some(); });
      }
      loaded_.sounds.push_back(decoding_->decoder.finish());
    } catch (const Error& error) {
      return fail(sub_code::kBadFile, error.message);
    }
    decoding_.reset();
    go_on();
  }

  void have_spoken(const PlaySource& source) {
    try {
      std::vector<SpeechPart> parts;
      if (source.ssml.empty())
        parts.push_back({source.text, source.voice, 1.0, Duration{0}});
      else
        parts = read_ssml(source.ssml, source.voice);
      speech_->speak(parts, [self = shared_from_this()](Result<Sound> sound) { self->spoken(std::move(sound)); });
    } catch (const Error& error) {
      fail_speech(error);
    }
  }

  void spoken(Result<Sound> sound) {
    if (!sound.ok()) return fail_speech(sound.error());
    loaded_.sounds.push_back(std::move(sound).value());
    go_on();
  }

  /// As Azure says of its speech service.
  void fail_speech(const Error& error) {
    int code = 500;
    if (error.code == ErrorCode::kInvalidArgument) code = 400;
    if (error.code == ErrorCode::kResourceExhausted) code = 429;
    fail(sub_code::kSpeechRefused, error.message, code);
  }

  void fail(int sub_code, std::string why, int code = 400) {
    loaded_.failed = loaded_.sounds.size();
    loaded_.trouble = failure(code, sub_code, std::move(why));
    done_(std::move(loaded_));
  }

  /// An MP3 file.
  struct Decoding {
    std::string file;
    std::size_t at = 0;
    Mp3Decoder decoder;
  };

  Executor& executor_;
  net::HttpSender& http_;
  SpeechEngine* const speech_;
  const std::vector<PlaySource> sources_;
  UniqueFunction<void(LoadedSounds)> done_;
  LoadedSounds loaded_;
  std::unique_ptr<Decoding> decoding_;
};

}  // namespace

void load_sounds(Executor& executor, net::HttpSender& http, SpeechEngine* speech, std::vector<PlaySource> sources,
                 UniqueFunction<void(LoadedSounds)> done) {
  auto loader = std::make_shared<Loader>(executor, http, speech, std::move(sources), std::move(done));
  executor.post([loader = std::move(loader)] { loader->go_on(); });
}

}  // namespace trunkline::calls
