#include "runtime/calls/recording_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace trunkline::calls {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const char* doing, const std::string& name, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE;
  throw Error(full ? ErrorCode::kResourceExhausted : ErrorCode::kUnavailable,
              std::string(doing) + " " + name + ": " + std::generic_category().message(error), "recording");
}

int open_temporary() {
  const fs::path folder = fs::temp_directory_path();
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return fd;
  std::string name = (folder / "trunkline-XXXXXX").string();  // a file system that does not know unnamed files
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

OpenFile::~OpenFile() { ::close(fd_); }

void OpenFile::fail(const char* doing) const { refuse(doing, name_, errno); }

void OpenFile::write(std::uint64_t at, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0) {
      if (errno == EINTR) continue;
      fail("write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    at += static_cast<std::uint64_t>(done);
  }
}

std::size_t OpenFile::read(std::uint64_t at, std::span<std::uint8_t> bytes) const {
  std::size_t all = 0;
  while (all < bytes.size()) {
    const ssize_t got = ::pread(fd_, bytes.data() + all, bytes.size() - all, static_cast<off_t>(at + all));
    if (got < 0) {
      if (errno == EINTR) continue;
      fail("read");
    }
    if (got == 0) break;
    all += static_cast<std::size_t>(got);
  }
  return all;
}

std::uint64_t OpenFile::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) fail("look at");
  return static_cast<std::uint64_t>(status.st_size);
}

void OpenFile::resize(std::uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) fail("resize");
}

void OpenFile::sync() {
  if (::fsync(fd_) != 0) fail("sync");
}

std::uint64_t OpenFile::free_bytes() const {
  struct statvfs disk {};
  if (::fstatvfs(fd_, &disk) != 0) fail("look at the disk of");
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

OpenFilePtr RecordingFolder::create(const std::string& name) {
  int fd = -1;
  if (temporary()) {
    fd = open_temporary();
  } else {
    std::error_code ignored;  // open() says what is wrong
    if (fs::create_directories(directory_, ignored)) fs::permissions(directory_, fs::perms::owner_all, ignored);
    fd = ::open((directory_ / name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  }
  if (fd < 0) refuse("create", name, errno);
  auto file = std::make_shared<OpenFile>(fd, name);
  if (temporary()) {
    const std::lock_guard lock(mutex_);
    files_.insert_or_assign(name, file);
  }
  return file;
}

OpenFilePtr RecordingFolder::open(const std::string& name) const {
  if (temporary()) {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(name);
    return found == files_.end() ? nullptr : found->second;
  }
  const int fd = ::open((directory_ / name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0) return std::make_shared<OpenFile>(fd, name);
  if (errno == ENOENT) return nullptr;
  refuse("open", name, errno);
}

void RecordingFolder::remove(const std::string& name) {
  OpenFilePtr last;  // closed without the mutex
  if (temporary()) {
    const std::lock_guard lock(mutex_);
    if (const auto found = files_.find(name); found != files_.end()) {
      last = std::move(found->second);
      files_.erase(found);
      std::erase(finished_, name);
    }
    return;
  }
  ::unlink((directory_ / name).c_str());
}

bool RecordingFolder::may_have_files() const {
  std::error_code none;
  return !temporary() && fs::exists(directory_, none);
}

void RecordingFolder::sweep(const std::set<std::string, std::less<>>& kept) {
  std::vector<std::string> gone;
  if (temporary()) {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, file] : files_)
      if (!kept.contains(name)) gone.push_back(name);
  } else {
    std::error_code none;  // no folder, no files
    for (fs::directory_iterator at(directory_, none), end; !none && at != end; at.increment(none))
      if (std::string name = at->path().filename().string(); !kept.contains(name)) gone.push_back(std::move(name));
  }
  for (const std::string& name : gone) remove(name);
}

void RecordingFolder::finished(const std::string& name) {
  if (!temporary()) return;
  std::vector<std::pair<std::string, OpenFilePtr>> files;
  {
    const std::lock_guard lock(mutex_);
    finished_.push_back(name);
    for (const std::string& one : finished_)
      if (const auto found = files_.find(one); found != files_.end()) files.emplace_back(one, found->second);
  }
  std::uint64_t bytes = 0;
  for (const auto& [one, file] : files) bytes += file->size();
  std::size_t count = files.size();
  for (const auto& [one, file] : files) {
    if (count-- <= kMostTemporary && bytes <= kMostTemporaryBytes) return;
    if (one != name) remove(one);
    bytes -= std::min(bytes, file->size());
  }
}

}  // namespace trunkline::calls
