#include "runtime/diagnostics/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/diagnostics/redact.h"
#include "trunkline/error.hpp"

namespace trunkline {
namespace {

constexpr std::size_t kQueueLines = 512;  // a full queue makes writers wait: no line is lost

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

// Wall-clock time, not the runtime's: the log tells when people could have seen something, also while a virtual clock stands.
std::string timestamp() {
  const auto wall = std::chrono::system_clock::now();  // NOLINT(trunkline-clock): see above
  const auto now = std::chrono::floor<std::chrono::milliseconds>(wall);
  std::string text = format_rfc3339(std::chrono::time_point_cast<Duration>(now));
  if (text.size() == 20) text.insert(19, ".000");  // fixed width, so that columns line up
  return text;
}

template <class T>
void append_number(std::string& out, T value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

// One line stays one line, whatever the text holds; quotes only where a reader needs them.
void append_text_value(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f;
  });
  if (plain)
    out += text;
  else
    append_json_string(out, text);
}

void append_message(std::string& out, std::string_view text) {
  const bool plain =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  if (plain) {
    out += text;
    return;
  }
  std::string quoted;
  append_json_string(quoted, text);
  out.append(quoted, 1, quoted.size() - 2);
}

}  // namespace

struct Log::Impl {
  explicit Impl(const LogOptions& options) : json(options.json) {
    spdlog::sink_ptr sink;
    if (options.path.empty())
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.path);
    pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
    logger = std::make_shared<spdlog::async_logger>("trunkline", std::move(sink), pool, spdlog::async_overflow_policy::block);
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    logger->set_level(spdlog::level::trace);  // Log::enabled has decided already
    logger->flush_on(spdlog::level::trace);
  }

  void format(std::string& line, LogLevel level, std::string_view component, std::string_view message,
              std::initializer_list<LogField> fields) const;

  const bool json;
  // The pool goes first: its destructor writes what is queued and joins the thread, so that the logger and its file are never
  // released while that thread holds them.
  std::shared_ptr<spdlog::async_logger> logger;
  std::shared_ptr<spdlog::details::thread_pool> pool;
};

void Log::Impl::format(std::string& line, LogLevel level, std::string_view component, std::string_view message,
                       std::initializer_list<LogField> fields) const {
  std::string clean;
  append_redacted(clean, message);
  if (json) {
    line += R"({"time":")" + timestamp() + R"(","level":")";
    line += level_name(level);
    line += R"(","component":)";
    append_json_string(line, component);
    line += R"(,"message":)";
    append_json_string(line, clean);
  } else {
    line += timestamp();
    line += ' ';
    line += level_name(level);
    line.append(8 - level_name(level).size(), ' ');
    line += component;
    line += ": ";
    append_message(line, clean);
  }
  for (const LogField& field : fields) {
    if (json) {
      line += ',';
      append_json_string(line, field.key);
      line += ':';
    } else {
      line += ' ';
      append_text_value(line, field.key);
      line += '=';
    }
    std::visit(
        [&](auto value) {
          using T = decltype(value);
          if constexpr (std::is_same_v<T, bool>) {
            line += value ? "true" : "false";
          } else if constexpr (std::is_same_v<T, std::string_view>) {
            clean.clear();
            if (names_secret(field.key))
              clean = kRedacted;
            else
              append_redacted(clean, value);
            json ? append_json_string(line, clean) : append_text_value(line, clean);
          } else if constexpr (std::is_same_v<T, double>) {
            if (std::isfinite(value))
              append_number(line, value);
            else
              line += "null";  // JSON has no infinity
          } else {
            append_number(line, value);
          }
        },
        field.value);
  }
  if (json) line += '}';
}

Log::Log(LogOptions options) : level_(options.level) {
  if (level_ == LogLevel::kOff) return;  // no thread, no file
  try {
    impl_ = std::make_unique<Impl>(options);
  } catch (const spdlog::spdlog_ex& e) {
    throw Error(ErrorCode::kInvalidArgument, std::string("cannot open the log: ") + e.what(), "log.file");
  }
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view component, std::string_view message, std::initializer_list<LogField> fields) {
  if (!impl_ || !enabled(level) || level == LogLevel::kOff) return;
  std::string line;
  line.reserve(160);
  impl_->format(line, level, component, message, fields);
  impl_->logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace trunkline
