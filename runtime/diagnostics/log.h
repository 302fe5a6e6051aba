// Structured log: one line an event, as text or JSON, written by one thread.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/base/secret.h"

namespace trunkline {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// One member of a log line. A Secret prints as "[redacted]"; so does any text whose key names a secret (see redact.h).
struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const Secret&) : key(k), value(std::string_view("[redacted]")) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) LogField(std::string_view k, T v)
      : key(k), value(static_cast<std::int64_t>(v)) {}
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;
  /// File to append to; empty: standard error.
  std::string path;
};

/// [any-thread] Owned by the runtime; no global logger exists.
class Log {
 public:
  explicit Log(LogOptions options = {});
  ~Log();
  bool enabled(LogLevel level) const noexcept { return level >= level_; }
  void write(LogLevel level, std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {});
  void debug(std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kDebug)) write(LogLevel::kDebug, component, message, fields);
  }
  void info(std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kInfo)) write(LogLevel::kInfo, component, message, fields);
  }
  void warning(std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kWarning)) write(LogLevel::kWarning, component, message, fields);
  }
  void error(std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kError)) write(LogLevel::kError, component, message, fields);
  }

 private:
  struct Impl;
  LogLevel level_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
