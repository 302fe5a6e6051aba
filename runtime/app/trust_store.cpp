#include "runtime/app/trust_store.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace trunkline::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSystemName = "trunkline-local-ca.crt";
constexpr const char* kNickname = "Trunkline local CA";

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

fs::path system_file(const TrustOptions& options) { return fs::path(options.system_directory) / kSystemName; }

std::string as_root(const TrustOptions& options, const char* verb) {
  return std::string("needs root: run sudo trunkline trust ") + verb + " --ca-dir " +
         fs::path(options.certificate_file).parent_path().string();
}

/// Chromium's database, and one for each Firefox profile.
std::vector<std::string> databases(const TrustOptions& options) {
  if (!options.nss_databases.empty()) return options.nss_databases;
  std::vector<std::string> found;
  const char* const home = std::getenv("HOME");
  if (!home || !*home) return found;
  std::error_code ec;
  found.push_back((fs::path(home) / ".pki/nssdb").string());
  for (const auto& profile : fs::directory_iterator(fs::path(home) / ".mozilla/firefox", ec))
    if (fs::exists(profile.path() / "cert9.db", ec)) found.push_back(profile.path().string());
  return found;
}

bool has_certutil(const TrustOptions& options, const RunProgram& run) { return run({options.certutil, "-H"}) != -1; }

constexpr const char* kNoCertutil = "certutil is not there (Debian: apt install libnss3-tools); browsers will not trust it";

std::string command_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    const bool plain = word.find_first_of(" ,'\"") == word.npos;
    line += (line.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
  }
  return line;
}

TrustResult install_system(const TrustOptions& options, const RunProgram& run) {
  const fs::path to = system_file(options);
  const auto certificate = read_file(options.certificate_file);
  if (!certificate) return {"system", "failed", "cannot read " + options.certificate_file};
  if (read_file(to) == certificate) return {"system", "trusted", to.string() + " is there already"};
  if (options.dry_run)
    return {"system", "would install",
            "copy " + options.certificate_file + " to " + to.string() + ", run " + options.update_command};
  if (::access(options.system_directory.c_str(), W_OK) != 0)
    return ::geteuid() != 0 ? TrustResult{"system", "failed", as_root(options, "install")}
                            : TrustResult{"system", "failed",
                                          options.system_directory + " is not there (Debian: apt install ca-certificates)"};
  std::ofstream(to, std::ios::binary) << *certificate;
  ::chmod(to.c_str(), 0644);
  if (const int code = run({options.update_command}); code != 0)
    return {"system", "failed", options.update_command + " ended with " + std::to_string(code)};
  return {"system", "installed", to.string() + ", " + options.update_command};
}

TrustResult remove_system(const TrustOptions& options, const RunProgram& run) {
  const fs::path file = system_file(options);
  std::error_code ec;
  if (!fs::exists(file, ec)) return {"system", "not trusted", file.string() + " is not there"};
  if (options.dry_run) return {"system", "would remove", "delete " + file.string() + ", run " + options.update_command};
  if (!fs::remove(file, ec))
    return {"system", "failed", ::geteuid() != 0 ? as_root(options, "remove") : file.string() + ": " + ec.message()};
  // --fresh: links to what is gone go as well.
  if (const int code = run({options.update_command, "--fresh"}); code != 0)
    return {"system", "failed", options.update_command + " ended with " + std::to_string(code)};
  return {"system", "removed", file.string() + ", " + options.update_command};
}

TrustResult install_nss(const TrustOptions& options, const std::string& database, const RunProgram& run) {
  const std::string name = "sql:" + database;
  const std::vector<std::string> add = {options.certutil,        "-A", "-d", name, "-t", "C,,", "-n", kNickname, "-i",
                                        options.certificate_file};
  std::error_code ec;
  const bool exists = fs::exists(fs::path(database) / "cert9.db", ec);
  if (options.dry_run) return {database, "would install", (exists ? "" : "make the database, ") + ("run " + command_line(add))};
  if (!exists) {
    fs::create_directories(database, ec);
    if (ec) return {database, "failed", ec.message()};
    if (run({options.certutil, "-N", "-d", name, "--empty-password"}) != 0) return {database, "failed", "certutil -N failed"};
  }
  run({options.certutil, "-D", "-d", name, "-n", kNickname});  // an older one of the same name
  if (run(add) != 0) return {database, "failed", command_line(add) + " failed"};
  return {database, "installed", command_line(add)};
}

TrustResult remove_nss(const TrustOptions& options, const std::string& database, const RunProgram& run) {
  const std::vector<std::string> drop = {options.certutil, "-D", "-d", "sql:" + database, "-n", kNickname};
  if (run({options.certutil, "-L", "-d", "sql:" + database, "-n", kNickname}) != 0) return {database, "not trusted", ""};
  if (options.dry_run) return {database, "would remove", "run " + command_line(drop)};
  if (run(drop) != 0) return {database, "failed", command_line(drop) + " failed"};
  return {database, "removed", command_line(drop)};
}

}  // namespace

int run_program(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return -1;
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status)) return 128;
  return WEXITSTATUS(status);
}

std::vector<TrustResult> trust_install(const TrustOptions& options, const RunProgram& run) {
  std::vector<TrustResult> results{install_system(options, run)};
  if (!has_certutil(options, run)) {
    results.push_back({"browsers", "skipped", kNoCertutil});
    return results;
  }
  for (const std::string& database : databases(options)) results.push_back(install_nss(options, database, run));
  return results;
}

std::vector<TrustResult> trust_remove(const TrustOptions& options, const RunProgram& run) {
  std::vector<TrustResult> results{remove_system(options, run)};
  if (!has_certutil(options, run)) {
    results.push_back({"browsers", "skipped", kNoCertutil});
    return results;
  }
  for (const std::string& database : databases(options)) results.push_back(remove_nss(options, database, run));
  return results;
}

std::vector<TrustResult> trust_status(const TrustOptions& options, const RunProgram& run) {
  std::vector<TrustResult> results;
  const auto installed = read_file(system_file(options));
  if (!installed)
    results.push_back({"system", "not trusted", ""});
  else if (installed == read_file(options.certificate_file))
    results.push_back({"system", "trusted", system_file(options).string()});
  else
    results.push_back({"system", "outdated", system_file(options).string() + " is another authority; install again"});
  if (!has_certutil(options, run)) {
    results.push_back({"browsers", "skipped", kNoCertutil});
    return results;
  }
  for (const std::string& database : databases(options)) {
    const bool there = run({options.certutil, "-L", "-d", "sql:" + database, "-n", kNickname}) == 0;
    results.push_back({database, there ? "trusted" : "not trusted", ""});
  }
  return results;
}

}  // namespace trunkline::app
