#include "runtime/conformance/media_client.h"

namespace trunkline::conformance {
namespace {

std::size_t bytes_per_sample(media::Codec codec) {
  switch (codec) {
    case media::Codec::kPcm16:
      return 2;
    case media::Codec::kPcmu:
    case media::Codec::kPcma:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

std::string format_name(const media::AudioFormat& format) {
  static constexpr std::string_view kNames[] = {"unknown", "pcm16", "pcmu", "pcma", "opus"};
  const auto at = static_cast<std::size_t>(format.codec);
  return (at < std::size(kNames) ? std::string(kNames[at]) : "codec " + std::to_string(at)) + " " +
         std::to_string(format.sample_rate_hz) + " Hz, " + std::to_string(format.channels) + " channels, " +
         std::to_string(format.frame_ms) + " ms";
}

std::int64_t samples_per_frame(const media::AudioFormat& format) {
  return static_cast<std::int64_t>(format.sample_rate_hz) * format.frame_ms / 1000;
}

Result<FrameStream> open_stream(CheckContext& kit, Subject& subject, media::PlaySource source, media::AudioFormat format) {
  CallOptions options;
  options.resource = "kit";
  return call<FrameStream>(kit, "render", [&](auto done) {
    media_client(*subject.instance).start_render(std::move(source), format, std::move(options), std::move(done));
  });
}

Result<Frames> next_frames(CheckContext& kit, FrameStream& stream, std::uint32_t max) {
  auto frames = call<Frames>(kit, "next", [&](auto done) { stream.start_next(max, std::move(done)); });
  if (frames.ok())
    kit.require(frames.value().size() <= max, "next(" + std::to_string(max) + ") gave " + std::to_string(frames.value().size()) +
                                                  " frames: the reader says how many it can take");
  return frames;
}

Result<Frames> render(CheckContext& kit, Subject& subject, media::PlaySource source, media::AudioFormat format,
                      std::uint32_t at_once) {
  constexpr std::size_t kMostFrames = 200'000;
  auto opened = open_stream(kit, subject, std::move(source), format);
  if (!opened.ok()) return opened.error();
  FrameStream stream = std::move(opened).value();
  Frames all;
  for (;;) {
    auto some = next_frames(kit, stream, at_once);
    if (!some.ok()) return some.error();
    if (some.value().empty()) return all;
    all.insert(all.end(), some.value().begin(), some.value().end());
    kit.require(all.size() <= kMostFrames, "the stream has no end: " + std::to_string(all.size()) + " frames so far");
  }
}

media::AudioFormat first_format(Subject& subject) {
  const auto formats = media_client(*subject.instance).capabilities().formats;
  CheckContext::require(!formats.empty(), "capabilities have no format");
  return formats.front();
}

media::PlaySource sample_source(CheckContext& kit, Subject& subject, const media::AudioFormat& format) {
  if (media_client(*subject.instance).capabilities().synthesis) return media::PlaySource::of_text(kit.input.quirks.media.text);
  media::AudioSource sound;
  sound.format = format;
  sound.samples = Bytes(static_cast<std::size_t>(format.sample_rate_hz) * static_cast<std::size_t>(format.channels) *
                        std::max<std::size_t>(1, bytes_per_sample(format.codec)));
  return media::PlaySource::of_audio(std::move(sound));
}

}  // namespace trunkline::conformance
