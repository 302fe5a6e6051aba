// An MP3 file that grows while a recording lasts.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/calls/mp3.h"
#include "runtime/calls/recording_folder.h"

namespace trunkline::calls {

/// Whatever there is of the file can be played, from its first frame on; how long it is says its first frame, once it is
/// finished. The I/O thread's. Every call throws as OpenFile.
class Mp3Track {
 public:
  /// The file is empty.
  explicit Mp3Track(OpenFilePtr file);

  void sound(std::span<const std::int16_t> samples);
  void silence(std::uint64_t count);
  /// Puts what was made of them so far into the file.
  void write();
  /// What was given so far, in samples.
  std::uint64_t given() const { return given_; }
  /// How many of them are in the file.
  std::uint64_t written() const { return samples_in_file(size_); }
  /// No sound comes any more, and what there is of it is to be in the file.
  void finish();

  /// Cuts a file to `samples` and what is in it, and says so in its first frame. Returns its bytes. Also for what an earlier
  /// process left.
  static std::uint64_t seal(OpenFile& file, std::uint64_t samples);
  /// How much sound is in so many bytes.
  static std::uint64_t samples_in_file(std::uint64_t bytes);

 private:
  void repeat_silence(std::uint64_t frames);

  const OpenFilePtr file_;
  Mp3Encoder encoder_;
  std::uint64_t given_ = 0;
  std::uint64_t size_ = 0;  // of the file
  std::vector<std::uint8_t> frames_;
};

}  // namespace trunkline::calls
