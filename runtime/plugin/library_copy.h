// A copy of a plugin's library that nobody else changes.
#pragma once
#include <filesystem>
#include <string>

namespace trunkline::plugin {

/// What is loaded in place of a file that may be replaced while the runtime runs: the dynamic linker takes a file that it knows
/// by its name or its inode for loaded, and writing into a file that is mapped changes the code that runs. In a folder of its own
/// below TMPDIR, which only this user may enter; both go with the object.
class LibraryCopy {
 public:
  /// Throws kFailedPrecondition when the file cannot be read or the copy cannot be written.
  explicit LibraryCopy(const std::filesystem::path& library);
  LibraryCopy(const LibraryCopy&) = delete;
  ~LibraryCopy();

  const std::filesystem::path& path() const { return path_; }
  /// SHA-256 of what was copied, hexadecimal.
  const std::string& hash() const { return hash_; }

 private:
  void remove() noexcept;

  std::filesystem::path path_;
  std::string hash_;
};

}  // namespace trunkline::plugin
