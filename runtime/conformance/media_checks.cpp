// What a media provider promises: see MediaProvider in bindings/idl/media.tsp, and how its streams behave.
#include <algorithm>
#include <limits>

#include "runtime/conformance/declared_errors.h"
#include "runtime/conformance/media_client.h"

namespace trunkline::conformance {
namespace {

using media::AudioFormat;
using media::AudioFrame;
using media::Codec;
using media::PlaySource;

constexpr int kCodecFromTheFuture = 9999;

bool is_known(Codec codec) { return codec > Codec::kUnknown && codec <= Codec::kOpus; }

void media_capabilities(CheckContext& kit) {
  Subject subject = kit.open();
  const media::MediaCapabilities first = media_client(*subject.instance).capabilities();
  kit.require(!first.formats.empty(), "capabilities have no format");
  for (const AudioFormat& format : first.formats) {
    const std::string what = "format " + format_name(format) + ": ";
    kit.require(is_known(format.codec), what + "the codec is none that this kit knows");
    kit.require(format.sample_rate_hz > 0 && format.frame_ms > 0 && samples_per_frame(format) > 0,
                what + "a frame has no samples");
    kit.require(format.channels == 1 || format.channels == 2, what + "wanted 1 or 2 channels");
  }
  kit.require(first.synthesis || first.voices.empty(), "capabilities have voices, but no synthesis");
  const auto rendered = render(kit, subject, sample_source(kit, subject, first.formats.front()), first.formats.front());
  (void)rendered;
  kit.require(media_client(*subject.instance).capabilities() == first, "capabilities changed while the instance lived");
  kit.close(subject);
}

/// Frames of a source in one format: whole samples, none larger than a frame, none before the one in front of it ends.
void check_frames(const AudioFormat& format, const Frames& frames) {
  const bool pcm = format.codec == Codec::kPcm16, g711 = format.codec == Codec::kPcmu || format.codec == Codec::kPcma;
  const std::size_t unit = static_cast<std::size_t>(format.channels) * (pcm ? 2 : 1);
  std::int64_t next = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const AudioFrame& frame = frames[i];
    const std::string at = format_name(format) + ", frame " + std::to_string(i) + ": ";
    CheckContext::require(frame.position >= next, at + "position is " + std::to_string(frame.position) +
                                                      ", but what came before it reaches to " + std::to_string(next));
    if (i == 0) CheckContext::require(frame.position == 0, at + "position is " + std::to_string(frame.position) + ", wanted 0");
    CheckContext::require(!frame.samples.empty(), at + "it has no samples");
    next = frame.position + 1;
    if (!pcm && !g711) continue;
    CheckContext::require(frame.samples.size() % unit == 0,
                          at + std::to_string(frame.samples.size()) + " bytes are no whole number of samples");
    const auto samples = static_cast<std::int64_t>(frame.samples.size() / unit);
    CheckContext::require(samples <= samples_per_frame(format),
                          at + std::to_string(samples) + " samples, the format has " + std::to_string(samples_per_frame(format)));
    next = frame.position + samples;
  }
}

void each_format(CheckContext& kit) {
  Subject subject = kit.open();
  for (const AudioFormat& format : media_client(*subject.instance).capabilities().formats) {
    const Frames frames = value_of(render(kit, subject, sample_source(kit, subject, format), format),
                                   "render in " + format_name(format) + ", which capabilities name,");
    kit.require(!frames.empty(), format_name(format) + ": the stream has no frames");
    check_frames(format, frames);
  }
  kit.close(subject);
}

void sound_from_memory(CheckContext& kit) {
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  if (format.codec != Codec::kPcm16) kit.skip("its first format is not pcm16");
  media::AudioSource sound;
  sound.format = format;
  // Three frames and a half.
  const auto samples = static_cast<std::size_t>(samples_per_frame(format)) * 7 / 2;
  sound.samples = Bytes(samples * static_cast<std::size_t>(format.channels) * 2);
  for (std::size_t i = 0; i < sound.samples.size(); ++i) sound.samples[i] = static_cast<std::uint8_t>(i * 7);
  const auto result = render(kit, subject, PlaySource::of_audio(sound), format);
  if (!result.ok()) {
    const ErrorCode code = result.error().code;
    if (code == ErrorCode::kUnimplemented || code == ErrorCode::kInvalidArgument)
      kit.skip("it takes no sound: " + result.error().message);
    kit.fail("sound in its own format: " + error_name(code) + ": " + result.error().message);
  }
  check_frames(format, result.value());
  Bytes heard;
  for (const AudioFrame& frame : result.value()) heard.insert(heard.end(), frame.samples.begin(), frame.samples.end());
  kit.require(heard.size() >= sound.samples.size(),
              "of " + std::to_string(sound.samples.size()) + " bytes of sound " + std::to_string(heard.size()) + " came back");
  kit.require(std::equal(sound.samples.begin(), sound.samples.end(), heard.begin()),
              "sound in its own format did not come back as it was given");
  kit.close(subject);
}

// Nobody is surprised by how many frames there are, nor by when: read one by one it is the same sound.
void one_by_one(CheckContext& kit) {
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  const PlaySource source = sample_source(kit, subject, format);
  const Frames at_once = value_of(render(kit, subject, source, format), "render");
  const Frames singly = value_of(render(kit, subject, source, format, 1), "render");
  kit.require(at_once.size() == singly.size(), "read one by one there are " + std::to_string(singly.size()) +
                                                   " frames, read at once " + std::to_string(at_once.size()));
  kit.close(subject);
}

// Two readers do not take frames from each other.
void two_streams(CheckContext& kit) {
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  const PlaySource source = sample_source(kit, subject, format);
  const std::size_t alone = value_of(render(kit, subject, source, format), "render").size();
  FrameStream first = value_of(open_stream(kit, subject, source, format), "render");
  FrameStream second = value_of(open_stream(kit, subject, source, format), "render");
  std::size_t of_first = 0, of_second = 0;
  for (bool on = true; on;) {
    const std::size_t one = value_of(next_frames(kit, first, 1), "next").size();
    const std::size_t other = value_of(next_frames(kit, second, 1), "next").size();
    of_first += one;
    of_second += other;
    on = (one > 0 || other > 0) && of_first <= alone && of_second <= alone;
  }
  kit.require(of_first == alone && of_second == alone, "two streams at once gave " + std::to_string(of_first) + " and " +
                                                           std::to_string(of_second) + " frames, one alone " +
                                                           std::to_string(alone));
  first.close();
  second.close();
  kit.close(subject);
}

// The end is the end, however often it is asked for.
void after_the_end(CheckContext& kit) {
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  FrameStream stream = value_of(open_stream(kit, subject, sample_source(kit, subject, format), format), "render");
  while (!value_of(next_frames(kit, stream, 100), "next").empty()) {
  }
  const auto more = next_frames(kit, stream, 100);
  if (!more.ok()) require_meaning(kit, more.error());
  kit.require(!more.ok() || more.value().empty(), "frames came after the end of the stream");
  stream.close();
  kit.close(subject);
}

/// Leaves a stream with frames in it: closed beside a next() that runs, or before any.
void abandoned(CheckContext& kit, bool reading) {
  constexpr int kTimes = 10;
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  for (int i = 0; i < kTimes; ++i) {
    FrameStream stream = value_of(open_stream(kit, subject, sample_source(kit, subject, format), format), "render");
    auto record = std::make_shared<CallRecord>();
    if (reading)
      stream.start_next(1, [settled = kit.recorder(record)](Result<Frames> result) mutable {
        settled(result.ok() ? nullptr : &result.error());
      });
    stream.close();
    if (reading) kit.await(record, "a next() whose stream was closed");
  }
  kit.close(subject);
}

// The host stops an instance and closes what it reads.
void stop_with_streams(CheckContext& kit) {
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  FrameStream idle = value_of(open_stream(kit, subject, sample_source(kit, subject, format), format), "render");
  FrameStream read = value_of(open_stream(kit, subject, sample_source(kit, subject, format), format), "render");
  auto record = std::make_shared<CallRecord>();
  read.start_next(
      1, [settled = kit.recorder(record)](Result<Frames> result) mutable { settled(result.ok() ? nullptr : &result.error()); });
  subject->begin_stop();
  idle.close();
  read.close();
  kit.await(record, "a next() of an instance that stops");
  kit.host.let_pass(std::chrono::minutes(1));
  kit.require(subject->finish_stop(kit.input.quirks.patience), "stop: did not complete within " +
                                                                   std::to_string(kit.input.quirks.patience.count()) +
                                                                   " ms when its streams had been closed");
  kit.require_good_behaviour();
}

// ---- odd sources and formats ----

void odd_speech(CheckContext& kit, const std::string& text) {
  Subject subject = kit.open();
  if (!media_client(*subject.instance).capabilities().synthesis) kit.skip("capabilities say that it does not speak");
  const AudioFormat format = first_format(subject);
  auto opened = open_stream(kit, subject, PlaySource::of_text(text), format);
  // A few frames say enough of a long text.
  for (int i = 0; i < 3 && opened.ok(); ++i) {
    const auto frames = next_frames(kit, opened.value(), 10);
    if (!frames.ok()) require_meaning(kit, frames.error());
    if (!frames.ok() || frames.value().empty()) break;
    for (const AudioFrame& frame : frames.value()) kit.require(!frame.samples.empty(), "a frame has no samples");
  }
  if (!opened.ok()) require_meaning(kit, opened.error());
  if (opened.ok()) opened.value().close();
  kit.close(subject);
}

void ssml(CheckContext& kit) {
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  const std::string deep(5000, '<');
  for (const std::string& document :
       {std::string("<speak version=\"1.0\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"en-US\">hello</speak>"),
        std::string("<speak>hello"), std::string(), std::string("<a\0b>", 5), deep}) {
    media::SsmlSource source;
    source.document = document;
    const auto result = render(kit, subject, PlaySource::of_ssml(std::move(source)), format);
    if (result.ok())
      check_frames(format, result.value());
    else
      require_meaning(kit, result.error());
  }
  kit.close(subject);
}

/// Formats that nobody can make sound in: refused, and not with a stream of something else.
void refuses(CheckContext& kit, const std::vector<AudioFormat>& formats) {
  Subject subject = kit.open();
  const AudioFormat good = first_format(subject);
  for (const AudioFormat& format : formats) {
    const auto result = render(kit, subject, sample_source(kit, subject, good), format);
    kit.require(!result.ok(), "wanted invalid_argument, but it gave sound in the format " + format_name(format));
    kit.require(result.error().code == ErrorCode::kInvalidArgument || result.error().code == ErrorCode::kUnimplemented,
                format_name(format) + ": wanted invalid_argument, found " + error_name(result.error().code) + ": " +
                    result.error().message);
  }
  kit.close(subject);
}

void bad_formats(CheckContext& kit) {
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  refuses(kit, {{Codec::kPcm16, 0, 1, 20},
                {Codec::kPcm16, -8000, 1, 20},
                {Codec::kPcm16, 16'000, 0, 20},
                {Codec::kPcm16, 16'000, -1, 20},
                {Codec::kPcm16, 16'000, 99, 20},
                {Codec::kPcm16, 16'000, 1, 0},
                {Codec::kPcm16, 16'000, 1, -20},
                {Codec::kPcm16, kMost, kMost, kMost},
                {}});
}

void unknown_codec(CheckContext& kit) { refuses(kit, {{static_cast<Codec>(kCodecFromTheFuture), 16'000, 1, 20}}); }

void odd_sound(CheckContext& kit) {
  Subject subject = kit.open();
  const AudioFormat format = first_format(subject);
  media::AudioSource empty, odd, alien;
  empty.format = odd.format = format;
  odd.samples = {1, 2, 3};
  alien.format = {static_cast<Codec>(kCodecFromTheFuture), 1, 1, 1};
  alien.samples = Bytes(100);
  for (const media::AudioSource& source : {empty, odd, alien}) {
    const auto result = render(kit, subject, PlaySource::of_audio(source), format);
    if (result.ok())
      check_frames(format, result.value());
    else
      require_meaning(kit, result.error());
  }
  kit.close(subject);
}

// Renders, reads as much as there is at once, and leaves.
struct Reading {
  FrameStream stream;
  Settled done;

  static void begin(FrameStream stream, Settled done) {
    constexpr std::uint32_t kAtOnce = 1000;
    const auto self = std::make_shared<Reading>();
    self->stream = std::move(stream);
    self->done = std::move(done);
    self->stream.start_next(kAtOnce, [self](Result<Frames> frames) {
      self->stream.close();
      self->done(frames.ok() ? nullptr : &frames.error());
    });
  }
};

}  // namespace

std::vector<Check> media_checks(NormalCall& normal) {
  normal = [](CheckContext& kit, plugin::PluginInstance& instance, int, CallOptions options, Settled done) {
    media::MediaCapabilities capabilities;
    try {
      capabilities = media_client(instance).capabilities();
    } catch (const Error& error) {  // it stops
      return done(&error);
    }
    const AudioFormat format =
        capabilities.formats.empty() ? AudioFormat{Codec::kPcm16, 16'000, 1, 20} : capabilities.formats.front();
    PlaySource source = PlaySource::of_text(kit.input.quirks.media.text);
    if (!capabilities.synthesis)
      source = PlaySource::of_audio({format, Bytes(static_cast<std::size_t>(samples_per_frame(format)) * 4)});
    media_client(instance).start_render(std::move(source), format, std::move(options),
                                        [done = std::move(done)](Result<FrameStream> opened) mutable {
                                          if (!opened.ok()) return done(&opened.error());
                                          Reading::begin(std::move(opened).value(), std::move(done));
                                        });
  };
  std::vector<Check> all{{"media.capabilities", media_capabilities},
                         {"media.render.each_format", each_format},
                         {"media.render.sound_from_memory", sound_from_memory},
                         {"media.render.ssml", ssml},
                         {"media.render.odd_sound", odd_sound},
                         {"media.render.bad_formats", bad_formats},
                         {"media.render.unknown_enum", unknown_codec},
                         {"media.stream.one_by_one", one_by_one},
                         {"media.stream.two_at_once", two_streams},
                         {"media.stream.after_the_end", after_the_end},
                         {"media.stream.closed_unread", [](CheckContext& kit) { abandoned(kit, false); }},
                         {"media.stream.closed_while_read", [](CheckContext& kit) { abandoned(kit, true); }},
                         {"media.stream.stop", stop_with_streams}};
  const std::pair<const char*, std::string> texts[] = {{"nul_in_text", std::string("a\0b\0", 4)},
                                                       {"empty_text", ""},
                                                       {"emoji_text", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x82\xac{}[]"},
                                                       {"malformed_utf8", "a\xff\xc3"},
                                                       {"huge_text", std::string(1'000'000, 'x')}};
  for (const auto& [name, text] : texts)
    all.push_back({std::string("media.render.") + name, [text = text](CheckContext& kit) { odd_speech(kit, text); }});
  return all;
}

}  // namespace trunkline::conformance
