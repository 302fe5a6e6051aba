// Where the files of recordings are: one folder for each database, or unnamed temporary files beside one in memory.
#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::calls {

/// An open file. Every call throws kUnavailable, or kResourceExhausted on a full disk. One thread writes; reading is
/// [any-thread].
class OpenFile {
 public:
  explicit OpenFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  OpenFile(const OpenFile&) = delete;
  ~OpenFile();

  void write(std::uint64_t at, std::span<const std::uint8_t> bytes);
  /// Up to bytes.size() bytes; less at the end of the file.
  std::size_t read(std::uint64_t at, std::span<std::uint8_t> bytes) const;
  std::uint64_t size() const;
  void resize(std::uint64_t size);
  void sync();
  /// What the disk has left for us.
  std::uint64_t free_bytes() const;

 private:
  [[noreturn]] void fail(const char* doing) const;
  const int fd_;
  const std::string name_;
};
using OpenFilePtr = std::shared_ptr<OpenFile>;

/// [any-thread]
class RecordingFolder {
 public:
  /// In memory; older files go when there are more.
  static constexpr std::size_t kMostTemporary = 256;
  static constexpr std::uint64_t kMostTemporaryBytes = std::uint64_t{1} << 30;

  /// Empty: temporary files that are gone with the process, however it ends.
  explicit RecordingFolder(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// A new and empty file, or what is there made empty.
  OpenFilePtr create(const std::string& name);
  /// Null: there is none.
  OpenFilePtr open(const std::string& name) const;
  void remove(const std::string& name);
  /// Of an earlier process.
  bool may_have_files() const;
  /// What is not in `kept` goes.
  void sweep(const std::set<std::string, std::less<>>& kept);
  /// It will not grow any more. Temporary files make room: the oldest go.
  void finished(const std::string& name);

 private:
  bool temporary() const { return directory_.empty(); }

  const std::filesystem::path directory_;
  mutable std::mutex mutex_;  // guards what follows; never held across input or output
  std::map<std::string, OpenFilePtr, std::less<>> files_;
  std::deque<std::string> finished_;  // the oldest first
};

}  // namespace trunkline::calls
