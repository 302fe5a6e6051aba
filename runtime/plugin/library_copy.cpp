#include "runtime/plugin/library_copy.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "runtime/base/encoding.h"
#include "runtime/crypto/hash.h"
#include "trunkline/error.hpp"

namespace trunkline::plugin {

namespace fs = std::filesystem;

LibraryCopy::LibraryCopy(const fs::path& library) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kFailedPrecondition, library.string() + ": " + what, library.string());
  };
  std::ifstream from(library, std::ios::binary);
  if (!from) fail(std::string("cannot be read: ") + std::strerror(errno));
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  if (error) fail("there is no folder for a copy: " + error.message());
  std::string folder = (base / "trunkline-plugin-XXXXXX").string();
  if (!::mkdtemp(folder.data())) fail("no folder for a copy can be made in " + base.string() + ": " + std::strerror(errno));
  path_ = fs::path(folder) / library.filename();
  try {
    std::ofstream to(path_, std::ios::binary);
    crypto::Sha256 digest;
    std::string piece(256 * 1024, '\0');
    do {
      from.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      const std::string_view got(piece.data(), static_cast<std::size_t>(from.gcount()));
      digest.update(got);
      to.write(got.data(), static_cast<std::streamsize>(got.size()));
    } while (from);
    to.close();
    if (!from.eof()) fail("cannot be read to its end");
    if (!to) fail("cannot be copied to " + path_.string());
    hash_ = hex_encode(digest.finish());
  } catch (...) {
    remove();
    throw;
  }
}

LibraryCopy::~LibraryCopy() { remove(); }

void LibraryCopy::remove() noexcept {
  std::error_code ignored;
  fs::remove(path_, ignored);
  fs::remove(path_.parent_path(), ignored);
}

}  // namespace trunkline::plugin
