#include "runtime/store/sqlite_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "trunkline/error.hpp"

namespace trunkline::store {
namespace {

[[noreturn]] void fail(const char* doing, const std::filesystem::path& path, int error = errno) {
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(full ? ErrorCode::kResourceExhausted : ErrorCode::kFailedPrecondition,
              std::string(doing) + " " + path.string() + ": " + std::generic_category().message(error), path.string());
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

FileLock::FileLock(const std::filesystem::path& database) {
  const std::filesystem::path path = database.string() + ".lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) fail("open", path);
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  ::close(fd_);
  if (error != EWOULDBLOCK) fail("lock", path, error);
  throw Error(ErrorCode::kFailedPrecondition, database.string() + " is in use by another runtime", database.string());
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

void create_directory_durably(const std::filesystem::path& directory) {
  if (directory.empty() || std::filesystem::is_directory(directory)) return;
  const std::filesystem::path parent = directory.parent_path();
  create_directory_durably(parent);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail("create", directory);
  if (!std::filesystem::is_directory(directory)) fail("create", directory, ENOTDIR);
  sync_directory(parent);
}

void create_private_file(const std::filesystem::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) fail("open", file);
}

void sync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? "." : directory;
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) fail("open", path);
  if (::fsync(fd.get()) != 0 && errno != EINVAL) fail("sync", path);  // EINVAL: a file system that has no need of it
}

}  // namespace trunkline::store
