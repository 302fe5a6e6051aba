// Where programs of this machine look for authorities that they trust.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace trunkline::app {

struct TrustOptions {
  /// PEM file of the authority.
  std::string certificate_file;
  /// Debian's directory for local authorities, and what puts them into the bundle.
  std::string system_directory = "/usr/local/share/ca-certificates";
  std::string update_command = "update-ca-certificates";
  /// Databases of Chromium and of Firefox profiles; empty: those of the user's home.
  std::vector<std::string> nss_databases;
  std::string certutil = "certutil";
  /// Says what would be done, and does nothing.
  bool dry_run = false;
};

/// What became of one place.
struct TrustResult {
  std::string place;  // `system`, or the directory of an NSS database
  /// `installed`, `removed`, `trusted`, `not trusted`, `outdated`, `would install`, `would remove`, `skipped`, `failed`
  std::string state;
  std::string detail;
};

/// Runs a program and waits; gives its exit code, -1 when it cannot be run. Tests have their own.
using RunProgram = std::function<int(const std::vector<std::string>& command)>;
int run_program(const std::vector<std::string>& command);

std::vector<TrustResult> trust_install(const TrustOptions& options, const RunProgram& run = run_program);
std::vector<TrustResult> trust_remove(const TrustOptions& options, const RunProgram& run = run_program);
std::vector<TrustResult> trust_status(const TrustOptions& options, const RunProgram& run = run_program);

}  // namespace trunkline::app
