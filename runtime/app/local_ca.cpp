#include "runtime/app/local_ca.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace trunkline::app {
namespace {

namespace fs = std::filesystem;

constexpr auto kRenewBefore = std::chrono::hours{24 * 30};

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Whole or not at all: another process may start at the same moment.
void write_file(const fs::path& path, std::string_view text, mode_t mode) {
  const fs::path temporary = path.string() + "." + std::to_string(::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) written = ::close(fd) == 0 && written;
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0)
    throw Error(ErrorCode::kFailedPrecondition, "cannot write " + path.string() + ": " + std::strerror(errno), "listen.ca_dir");
}

}  // namespace

std::string default_ca_directory() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) return (fs::path(data) / "trunkline/ca").string();
  const char* home = std::getenv("HOME");
  return (fs::path(home && *home ? home : ".") / ".local/share/trunkline/ca").string();
}

LocalCa open_local_ca(const std::string& directory, Time now) {
  const fs::path folder(directory.empty() ? default_ca_directory() : directory);
  const fs::path certificate = folder / "ca.pem";
  const fs::path key = folder / "ca-key.pem";
  const auto certificate_text = read_file(certificate);
  const auto key_text = read_file(key);
  if (certificate_text && key_text) {
    auto authority = crypto::CertificateAuthority::from_pem({*certificate_text, Secret(*key_text)});
    // Others could make certificates that this machine's user trusts.
    ::chmod(key.c_str(), 0600);
    if (authority.valid_at(now + kRenewBefore)) return {std::move(authority), certificate.string()};
  }
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (ec) throw Error(ErrorCode::kFailedPrecondition, "cannot create " + folder.string() + ": " + ec.message(), "listen.ca_dir");
  auto authority = crypto::CertificateAuthority::create("Trunkline local CA", now);
  const crypto::PemIdentity pem = authority.pem();
  write_file(key, pem.private_key.reveal(), 0600);
  write_file(certificate, pem.certificate, 0644);
  return {std::move(authority), certificate.string()};
}

}  // namespace trunkline::app
