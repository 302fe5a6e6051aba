#include <algorithm>

#include "runtime/calls/recording_files.h"

namespace trunkline::calls {
namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void put_samples(std::span<const std::int16_t> samples, std::vector<std::uint8_t>& out) {
  out.resize(samples.size() * 2);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto value = static_cast<std::uint16_t>(samples[i]);
    out[2 * i] = static_cast<std::uint8_t>(value);
    out[2 * i + 1] = static_cast<std::uint8_t>(value >> 8);
  }
}

}  // namespace

// How many channels an unmixed one will have is known at its end, so all have room until then.
RecordingWriter::RecordingWriter(RecordingFolder& folder, const RecordingFacts& facts)
    : folder_(folder),
      format_(facts.format),
      final_name_(facts.document_id + std::string(extension_of(facts.format))),
      name_(facts.mixed ? final_name_ : facts.document_id + ".part"),
      stride_(facts.mixed ? 1 : kMaxChannels) {}

void RecordingWriter::create() {
  file_ = folder_.create(name_);
  if (format_ == RecordingFormat::kMp3)
    track_ = std::make_unique<Mp3Track>(file_);
  else
    file_->write(0, bytes_of(wav_header(stride_, 0)));
}

std::uint64_t RecordingWriter::reopen() {
  file_ = folder_.open(name_);
  const std::uint64_t size = file_ ? file_->size() : 0;
  if (format_ == RecordingFormat::kMp3) return frames_ = Mp3Track::samples_in_file(size);
  return frames_ = size > kWavHeaderBytes ? (size - kWavHeaderBytes) / frame_bytes() : 0;
}

void RecordingWriter::write(const RecordingSlice& slice) {
  if (file_->free_bytes() < kLeastFreeBytes)
    throw Error(ErrorCode::kResourceExhausted, "less than 256 MiB are left on the disk of the recordings", "recording");
  if (track_) return write_mp3(slice);
  mix_slice(slice, stride_, [this](std::int64_t frame, const Samples& block) {
    put_samples(block, bytes_);
    file_->write(kWavHeaderBytes + static_cast<std::uint64_t>(frame) * frame_bytes(), bytes_);
  });
  for (const RecordingSlice::Part& part : slice.parts)
    frames_ = std::max(frames_, static_cast<std::uint64_t>(part.frame + (part.to - part.from)));
}

void RecordingWriter::write_mp3(const RecordingSlice& slice) {
  const auto silence_until = [this](std::int64_t frame) {
    if (const auto until = static_cast<std::uint64_t>(frame); until > track_->given()) track_->silence(until - track_->given());
  };
  mix_slice(slice, 1, [&](std::int64_t frame, const Samples& block) {
    silence_until(frame);
    track_->sound(block);
  });
  for (const RecordingSlice::Part& part : slice.parts) silence_until(part.frame + (part.to - part.from));
  track_->write();
}

std::uint64_t RecordingWriter::finish_mp3(std::uint64_t frames) {
  // After a failure there is what there is.
  if (track_ && !failed) {
    if (frames > track_->given()) track_->silence(frames - track_->given());
    track_->finish();
  }
  const std::uint64_t size = Mp3Track::seal(*file_, frames);
  file_->sync();
  folder_.finished(final_name_);
  return size;
}

std::uint64_t RecordingWriter::finish(std::uint64_t frames, std::size_t channels) {
  if (!file_) throw Error(ErrorCode::kUnavailable, "the file could not be made", "recording");
  if (format_ == RecordingFormat::kMp3) return finish_mp3(frames);
  const std::uint64_t size = kWavHeaderBytes + frames * frame_bytes();
  file_->resize(size);
  if (name_ != final_name_) return spread(frames, channels);
  file_->write(0, bytes_of(wav_header(stride_, frames)));
  file_->sync();
  folder_.finished(final_name_);
  return size;
}

/// From the channels that there was room for to those that there are.
std::uint64_t RecordingWriter::spread(std::uint64_t frames, std::size_t channels) {
  constexpr std::size_t kFrames = 4096;
  channels = std::clamp<std::size_t>(channels, 1, stride_);
  const OpenFilePtr out = folder_.create(final_name_);
  out->write(0, bytes_of(wav_header(channels, frames)));
  const std::size_t wanted = channels * 2;
  std::vector<std::uint8_t> all(kFrames * frame_bytes());
  bytes_.resize(kFrames * wanted);
  for (std::uint64_t at = 0; at < frames; at += kFrames) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kFrames, frames - at));
    const std::size_t got = file_->read(kWavHeaderBytes + at * frame_bytes(), std::span(all).first(count * frame_bytes()));
    std::fill(all.begin() + static_cast<std::ptrdiff_t>(got), all.end(), std::uint8_t{0});
    for (std::size_t i = 0; i < count; ++i) std::copy_n(all.data() + i * frame_bytes(), wanted, bytes_.data() + i * wanted);
    out->write(kWavHeaderBytes + at * wanted, std::span(bytes_).first(count * wanted));
  }
  out->sync();
  // The other one stays until the row is there: it is what the next process would begin with.
  folder_.finished(final_name_);
  return kWavHeaderBytes + frames * wanted;
}

void RecordingWriter::discard() {
  track_.reset();
  file_.reset();
  folder_.remove(name_);
  folder_.remove(final_name_);
}

void RecordingWriter::settle() {
  track_.reset();
  file_.reset();
  if (name_ != final_name_) folder_.remove(name_);
}

std::string RecordedFile::read(std::uint64_t at, std::size_t count) const {
  if (!file) return content.substr(std::min<std::uint64_t>(at, content.size()), count);
  std::string out(count, '\0');
  const std::size_t got = file->read(at, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  if (got != count) throw Error(ErrorCode::kDataLoss, "the file of the recording is shorter than it was", "documentId");
  return out;
}

}  // namespace trunkline::calls
