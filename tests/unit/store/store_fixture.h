// A store with everything it stands on.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/store/sqlite_store.h"

namespace trunkline::store {

/// A directory that goes away with its owner.
class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "trunkline-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  TempDirectory(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline LogOptions silent() {
  LogOptions options;
  options.level = LogLevel::kOff;
  return options;
}

struct Surroundings {
  Log log{silent()};
  Metrics metrics;
  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};

  std::unique_ptr<Store> open(StoreOptions options) {
    return make_sqlite_store(std::move(options), log, metrics, executor, clock);
  }
  std::unique_ptr<Store> open_memory() {
    StoreOptions options;
    options.memory = true;
    return open(std::move(options));
  }
  std::unique_ptr<Store> open_directory(const std::filesystem::path& directory) {
    StoreOptions options;
    options.directory = directory;
    return open(std::move(options));
  }

  /// The value of one time series, such as `trunkline_store_commits_total{database="data"}`.
  double metric(const std::string& series) const {
    const std::string text = "\n" + metrics.expose();
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }
  double commits(const std::string& database = "data") const {
    return metric("trunkline_store_commits_total{database=\"" + database + "\"}");
  }
};

/// The code of the error that `f` throws; kUnknown with a failed expectation when it throws none.
template <class F>
Error error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

}  // namespace trunkline::store
