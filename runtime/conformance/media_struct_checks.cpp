// Sources and calls of another size than ours, for a media provider.
#include "runtime/conformance/media_client.h"
#include "runtime/conformance/raw_call.h"

namespace trunkline::conformance {
namespace {

struct RawSource {
  tl_media_play_source source{};
  tl_media_audio_format format{};
};

RawSource text_source(CheckContext& kit, Subject& subject) {
  const media::AudioFormat format = first_format(subject);
  RawSource raw;
  raw.format = {static_cast<tl_media_codec>(format.codec), format.sample_rate_hz, format.channels, format.frame_ms};
  raw.source.kind = TL_MEDIA_PLAY_SOURCE_TEXT;
  raw.source.as.text = abi::text(kit.input.quirks.media.text);
  return raw;
}

/// Renders, and closes the stream unread. True: there was one.
bool render_with(CheckContext& kit, Subject& subject, const tl_call* call, const RawSource& source, const std::string& what) {
  const tl_iface target = subject->interface(media::MediaProviderClient::kInterfaceId);
  RawDone& raw = RawDone::make(kit);
  static_cast<const tl_media_provider*>(target.vtbl)
      ->render(target.self, call, &source.source, &source.format, &RawDone::complete<tl_stream>, &raw);
  await_meaning(kit, raw, "render with " + what);
  kit.require(raw.error || raw.stream.vtbl, "render with " + what + ": it gave neither an error nor a stream");
  if (raw.stream.vtbl) raw.stream.vtbl->close(raw.stream.self);
  return raw.stream.vtbl != nullptr;
}

void with_call(CheckContext& kit, const CallShape& shape) {
  Subject subject = kit.open();
  const ShapedCall call(kit.host, shape);
  render_with(kit, subject, call.get(), text_source(kit, subject), shape.name);
  kit.close(subject);
}

void unknown_source(CheckContext& kit) {
  constexpr std::int32_t kFromTheFuture = 9999;
  Subject subject = kit.open();
  RawSource source = text_source(kit, subject);
  source.source.kind = kFromTheFuture;
  source.source.as.reserved[0] = source.source.as.reserved[1] = ~std::uint64_t{0};
  kit.require(!render_with(kit, subject, nullptr, source, "a source of a kind from the future"),
              "it renders a source of a kind that it cannot know");
  kit.close(subject);
}

void large_source(CheckContext& kit) {
  Subject subject = kit.open();
  RawSource source = text_source(kit, subject);
  const Bytes samples(640);
  tl_media_audio_source sound{};
  sound.struct_size = sizeof sound;
  sound.format = source.format;
  sound.samples = {samples.data(), samples.size()};
  const Sized<tl_media_audio_source> larger(sound, sizeof sound + 48);
  source.source.kind = TL_MEDIA_PLAY_SOURCE_AUDIO;
  source.source.as.audio = larger.get();
  render_with(kit, subject, nullptr, source, "sound from a newer host");
  tl_media_ssml_source document{};
  document.struct_size = sizeof document;
  document.document = abi::text("<speak>hello</speak>");
  const Sized<tl_media_ssml_source> larger_document(document, sizeof document + 48);
  source.source.kind = TL_MEDIA_PLAY_SOURCE_SSML;
  source.source.as.ssml = larger_document.get();
  render_with(kit, subject, nullptr, source, "SSML from a newer host");
  kit.close(subject);
}

}  // namespace

std::vector<Check> media_struct_checks(const std::string& prefix) {
  std::vector<Check> all;
  add_capability_checks(all, std::string(media::MediaProviderClient::kInterfaceId), &tl_media_provider::capabilities,
                        &RawDone::complete<tl_media_capabilities>);
  for (const CallShape& shape : kCallShapes)
    all.push_back({prefix + "render_" + shape.name, [&shape](CheckContext& kit) { with_call(kit, shape); }});
  all.push_back({prefix + "unknown_source", unknown_source});
  all.push_back({prefix + "large_source", large_source});
  return all;
}

}  // namespace trunkline::conformance
