// Recordings as files: written while they last, found again afterwards, and by the next process.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/async/worker.h"
#include "runtime/calls/call_core.h"
#include "runtime/calls/recording_folder.h"
#include "runtime/calls/recording_mp3.h"
#include "runtime/calls/recording_timeline.h"

namespace trunkline::calls {

enum class RecordingFormat { kWav, kMp3 };

/// What is known of a recording beside its sound.
struct RecordingFacts {
  ResourcePtr resource;
  std::string id;
  std::string document_id;
  std::string server_call_id;
  std::string correlation_id;
  std::string callback_uri;
  Time started_at;
  Time ended_at;
  bool mixed = true;
  RecordingFormat format = RecordingFormat::kWav;  // MP3 is mixed
  std::string end_reason;
  std::vector<std::string> channels;  // raw ids
  std::uint64_t frames = 0;
};

/// Of the names of its files.
inline std::string_view extension_of(RecordingFormat format) { return format == RecordingFormat::kMp3 ? ".mp3" : ".wav"; }

/// A finished file. Reading is [any-thread].
struct RecordedFile {
  std::string metadata;  // JSON
  std::uint64_t size = 0;
  RecordingFormat format = RecordingFormat::kWav;
  OpenFilePtr file;  // null: `content` is it, as rows of older versions have it
  std::string content;

  /// Throws as OpenFile, and kDataLoss when the file is shorter than it was.
  std::string read(std::uint64_t at, std::size_t count) const;
};

/// The file of one recording under way.
class RecordingWriter {
 public:
  /// Slices that wait for the disk, half a second each; then the recording ends.
  static constexpr int kMostWaiting = 120;
  /// Less space on the disk ends it, too: others need some.
  static constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{256} << 20;
  static constexpr std::size_t kMaxChannels = 5;

  RecordingWriter(RecordingFolder& folder, const RecordingFacts& facts);

  // The I/O thread's. All throw as OpenFile.
  void create();
  /// Goes on with what an earlier process wrote, if anything. Returns its frames.
  std::uint64_t reopen();
  void write(const RecordingSlice& slice);
  /// Returns the bytes of the finished file.
  std::uint64_t finish(std::uint64_t frames, std::size_t channels);
  void discard();
  /// The finished file has its row: what it was made of goes.
  void settle();
  /// That are safely in the file.
  std::uint64_t frames() const { return track_ ? track_->written() : frames_; }

  const std::string& final_name() const { return final_name_; }
  const std::string& name() const { return name_; }

  std::atomic<int> waiting{0};  // slices
  bool failed = false;          // the I/O thread's

 private:
  std::size_t frame_bytes() const { return stride_ * 2; }
  void write_mp3(const RecordingSlice& slice);
  std::uint64_t finish_mp3(std::uint64_t frames);
  std::uint64_t spread(std::uint64_t frames, std::size_t channels);

  RecordingFolder& folder_;
  const RecordingFormat format_;
  const std::string final_name_;
  const std::string name_;  // while it is written
  const std::size_t stride_;
  OpenFilePtr file_;
  std::unique_ptr<Mp3Track> track_;  // of an MP3 file that is being written
  std::uint64_t frames_ = 0;
  std::vector<std::uint8_t> bytes_;
};
using RecordingWriterPtr = std::shared_ptr<RecordingWriter>;

/// Files, their rows, and the thread that writes them. Nothing waits for it but stop(). [any-thread] but for what is marked.
class RecordingFiles {
 public:
  static constexpr Duration kKept = std::chrono::hours{24};
  /// The disk does not take it; called on a thread of the executor.
  using OnFailed = std::function<void(const std::string& recording_id, const Error& error)>;

  RecordingFiles(ServiceContext& context, CallNotices& notices, OnFailed on_failed)
      : context_(context), notices_(notices), on_failed_(std::move(on_failed)) {}

  /// Finishes what an earlier process has left. [lifecycle]
  void recover(const ResourceService& resources);
  /// Waits for what is being written. [lifecycle]
  void stop();

  RecordingWriterPtr begin(const RecordingFacts& facts);
  void write(const RecordingWriterPtr& writer, const RecordingFacts& facts, RecordingSlice slice);
  /// Its channels are others now.
  void update(const RecordingFacts& facts);
  /// Ends the file, and tells Event Grid.
  void finish(RecordingWriterPtr writer, RecordingSlice last, RecordingFacts facts);
  /// Its resource is gone.
  void discard(RecordingWriterPtr writer);

  /// Throws kNotFound.
  RecordedFile open(const Resource& resource, std::string_view document_id);
  Task<void> drop(ResourcePtr resource, std::string document_id);

 private:
  void post(UniqueFunction<void()> fn);
  RecordingFolder& folder_of(store::Database& database);
  void keep(const RecordingWriterPtr& writer, const RecordingFacts& facts, std::uint64_t bytes);
  void lose(const RecordingWriterPtr& writer, const RecordingFacts& facts, const Error& error);
  void release(const RecordingWriterPtr& writer);
  void sweep(store::Database& database);

  ServiceContext& context_;
  CallNotices& notices_;
  const OnFailed on_failed_;
  std::mutex mutex_;  // guards folders_
  std::map<store::Database*, std::unique_ptr<RecordingFolder>> folders_;
  std::set<std::string, std::less<>> writing_;  // names that rows may not know yet; the I/O thread's
  bool stopped_ = false;
  std::atomic<bool> used_{false};  // there is a thread
  Worker worker_;
};

void copy_recordings(store::Session& session, const Resource& from, const Resource& to);
void drop_recordings(store::Session& session, const Resource& resource);

}  // namespace trunkline::calls
