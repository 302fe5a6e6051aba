// What SQLite leaves to its user: directories, file modes, one process at a time.
#pragma once
#include <filesystem>

namespace trunkline::store {

/// Keeps other processes away from a database while it lives; the kernel lets go when the process dies. SQLite's own locks only
/// last for a transaction, and two runtimes over one database would send everything twice.
class FileLock {
 public:
  /// Locks `<database>.lock`. Throws kFailedPrecondition when someone else has it.
  explicit FileLock(const std::filesystem::path& database);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  int fd_;
};

/// Creates `directory` and what is above it, readable by us alone, so that it survives a power cut.
void create_directory_durably(const std::filesystem::path& directory);
/// Creates the file if it is missing, readable by us alone: it will hold messages of people.
void create_private_file(const std::filesystem::path& file);
/// Makes the names of new files in `directory` durable.
void sync_directory(const std::filesystem::path& directory);

}  // namespace trunkline::store
