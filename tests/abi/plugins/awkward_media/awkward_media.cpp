// A synthesiser that says one beep for each letter, and sins as its configuration says. tests/integration/test_plugin_kit.py
// checks that the conformance kit finds each sin, in the check that is meant for it and in no other.
#include <atomic>
#include <cstdlib>
#include <stop_token>

#include "tests/abi/plugins/sin.h"
#include "trunkline/media_provider.hpp"
#include "trunkline/plugin.hpp"

namespace {

using namespace trunkline;
using media::AudioFormat;
using media::AudioFrame;
using media::Codec;

constexpr auto kThinks = std::chrono::milliseconds(5);  // on the host's clock, before the first frame
constexpr std::size_t kMostFrames = 10'000;
constexpr int kMostUnread = 3;  // streams of an instance that are left so, before it sins

std::size_t bytes_per_sample(const AudioFormat& format) { return format.codec == Codec::kPcm16 ? 2 : 1; }
std::size_t bytes_per_frame(const AudioFormat& format) {
  return static_cast<std::size_t>(format.sample_rate_hz / 1000 * format.frame_ms) * bytes_per_sample(format);
}

/// Those of an instance.
struct Streams {
  std::atomic<int> open{0}, unread{0};
};

/// Sound that is there already, frame by frame.
class Sound final : public StreamSource<AudioFrame> {
 public:
  Sound(Host host, const Sin& sin, Streams& streams, AudioFormat format, Bytes samples)
      : clock_(host.clock()), sin_(sin), streams_(streams), format_(format), samples_(std::move(samples)) {
    ++streams_.open;
  }
  ~Sound() override { end(); }

  Task<std::vector<AudioFrame>> next(std::uint32_t max) override {
    asked_ = true;
    if (at_ == 0 && !samples_.empty()) {
      CallOptions options;
      if (!(sin_ == "ignores_close")) options.stop = closed_.get_token();
      co_await clock_.sleep(kThinks, std::move(options));
    }
    if (sin_ == "ignores_close" && closed_.stop_requested()) co_await never();
    if (sin_ == "asks_for_nobody" && max > 1) max = 1;
    if (sin_ == "gives_more_than_asked" && max == 1) max = 3;
    std::vector<AudioFrame> out;
    while (out.size() < max && at_ < samples_.size()) out.push_back(frame());
    if (sin_ == "goes_on_after_the_end" && out.empty() && ended_)
      out.push_back(AudioFrame{static_cast<std::int64_t>(at_), {0, 0}});
    ended_ = ended_ || out.empty();
    co_return out;
  }
  void close() override {
    if (!asked_ && streams_.unread.fetch_add(1) > kMostUnread && sin_ == "crashes_when_closed_unread") std::abort();
    end();
    closed_.request_stop();
  }

 private:
  AudioFrame frame() {
    const std::size_t size = std::min(bytes_per_frame(format_), samples_.size() - at_);
    AudioFrame frame;
    frame.position = static_cast<std::int64_t>(at_ / bytes_per_sample(format_));
    const auto begin = samples_.begin() + static_cast<std::ptrdiff_t>(at_);
    frame.samples = Bytes(begin, begin + static_cast<std::ptrdiff_t>(size));
    at_ += size;
    if (format_.codec == Codec::kPcmu) {  // the second format: nothing but its own check uses it
      if (sin_ == "counts_frames") frame.position = static_cast<std::int64_t>(at_ / bytes_per_frame(format_) / 2);
      if (sin_ == "frames_of_any_size") frame.samples.resize(frame.samples.size() * 2);
    }
    return frame;
  }

  void end() {
    if (!std::exchange(counted_out_, true)) --streams_.open;
  }

  const host::ClockClient clock_;
  const Sin& sin_;
  Streams& streams_;
  const AudioFormat format_;
  const Bytes samples_;
  std::size_t at_ = 0;
  bool ended_ = false;
  bool counted_out_ = false;
  std::atomic<bool> asked_{false};
  std::stop_source closed_;
};

class AwkwardVoice final : public media::MediaProvider {
 public:
  AwkwardVoice(Host host, std::string_view config) : host_(host), sin_(config) {}

  Task<void> stop() {
    if (sin_ == "waits_for_nobody" && streams_.open > 0) co_await never();
  }

  media::MediaCapabilities capabilities(const Call&) override {
    media::MediaCapabilities out;
    out.formats = {{Codec::kPcm16, 16'000, 1, 20}, {Codec::kPcmu, 8'000, 1, 20}};
    out.synthesis = true;
    out.voices["en-US"] = "beep";
    if (sin_ == "changes_capabilities") out.voices["en-US"] += std::to_string(asked_.fetch_add(1));
    return out;
  }

  Task<std::unique_ptr<StreamSource<AudioFrame>>> render(Call, media::PlaySource source, AudioFormat format) override {
    check(format);
    if (sin_ == "never_answers") co_await never();
    Bytes samples = samples_of(source, format);
    co_return std::make_unique<Sound>(host_, sin_, streams_, format, std::move(samples));
  }

 private:
  void check(const AudioFormat& format) const {
    const bool known = format.codec == Codec::kPcm16 || format.codec == Codec::kPcmu;
    const bool shaped = format.sample_rate_hz >= 8'000 && format.sample_rate_hz <= 48'000 && format.channels == 1 &&
                        format.frame_ms >= 10 && format.frame_ms <= 60;
    if (known && (shaped || (sin_ == "takes_any_shape" && format.channels > 1))) return;
    if (shaped && sin_ == "takes_any_codec") return;
    throw Error(ErrorCode::kInvalidArgument, "format: none that is made here", "format");
  }
  Bytes samples_of(const media::PlaySource& source, const AudioFormat& format) const {
    if (const std::string* text = source.text()) {
      if (sin_ == "internal_on_empty_text" && text->empty()) throw Error(ErrorCode::kInternal, "assert");
      return beeps(text->size(), format);
    }
    if (const media::SsmlSource* ssml = source.ssml()) {
      const bool well_formed = ssml->document.starts_with("<speak") && ssml->document.ends_with("</speak>");
      if (!well_formed)
        throw Error(sin_ == "internal_on_bad_ssml" ? ErrorCode::kInternal : ErrorCode::kInvalidArgument, "ssml: not well-formed",
                    "source");
      return beeps(5, format);
    }
    if (const media::AudioSource* sound = source.audio()) {
      const bool odd = sound->samples.size() % bytes_per_sample(format) != 0;
      if (odd && sin_ == "crashes_on_odd_sound") std::abort();
      if (odd || !(sound->format == format)) throw Error(ErrorCode::kInvalidArgument, "source: sound of another shape", "source");
      Bytes samples = sound->samples;
      if (sin_ == "loses_the_tail") samples.resize(samples.size() / bytes_per_frame(format) * bytes_per_frame(format));
      return samples;
    }
    if (sin_ == "takes_any_source") return beeps(1, format);
    throw Error(ErrorCode::kInvalidArgument, "source: of a kind that is not known here", "source");
  }
  static Bytes beeps(std::size_t letters, const AudioFormat& format) {
    return Bytes(std::min(letters, kMostFrames) * bytes_per_frame(format), 0x55);
  }

  const Host host_;
  const Sin sin_;
  std::atomic<int> asked_{0};
  Streams streams_;
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(AwkwardVoice)
