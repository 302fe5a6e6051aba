// Sound as the checks of media providers ask for it.
#pragma once
#include <string>
#include <vector>

#include "runtime/conformance/check.h"
#include "runtime/conformance/one_call.h"
#include "trunkline/media_client.hpp"

namespace trunkline::conformance {

using FrameStream = StreamClient<media::AudioFrame>;
using Frames = std::vector<media::AudioFrame>;

inline media::MediaProviderClient media_client(plugin::PluginInstance& instance) {
  return {instance.interface(media::MediaProviderClient::kInterfaceId), instance.calls()};
}

/// What is told of a format in a report: `pcm16 16000 Hz, 1 channel, 20 ms`.
std::string format_name(const media::AudioFormat& format);
/// Samples of one frame, of one channel; 0: the format has none.
std::int64_t samples_per_frame(const media::AudioFormat& format);

/// Opens a stream. Fails the check when the call never ends.
Result<FrameStream> open_stream(CheckContext& kit, Subject& subject, media::PlaySource source, media::AudioFormat format);
/// 1 to `max` frames; none: the end.
Result<Frames> next_frames(CheckContext& kit, FrameStream& stream, std::uint32_t max);
/// Opens a stream and reads it to its end. Fails the check when there is none within reason.
Result<Frames> render(CheckContext& kit, Subject& subject, media::PlaySource source, media::AudioFormat format,
                      std::uint32_t at_once = 100);
/// The first format of the capabilities. Fails the check when there is none.
media::AudioFormat first_format(Subject& subject);
/// What the provider takes: the text of the quirks where it speaks, else a second of sound in `format`.
media::PlaySource sample_source(CheckContext& kit, Subject& subject, const media::AudioFormat& format);

}  // namespace trunkline::conformance
