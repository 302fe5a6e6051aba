#include "runtime/delivery/dead_letter.h"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "runtime/base/ids.h"
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"
#include "runtime/crypto/hash.h"
#include "runtime/events/event_render.h"

namespace trunkline::delivery {
namespace {

std::string_view last_segment(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// As a name of a file: nothing that leads elsewhere.
std::string safe_name(std::string_view text, bool upper) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    out.push_back(plain ? (upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c) : '_');
  }
  return out.empty() ? "_" : out;
}

/// So that a name in it survives a loss of power.
bool sync_directory(const std::filesystem::path& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  const bool good = ::fsync(directory) == 0;
  return ::close(directory) == 0 && good;
}

/// Complete and durable, or not there.
bool write_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return false;
  const std::string temporary = path.string() + ".part";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  bool good = true;
  while (good && !text.empty()) {
    const ssize_t n = ::write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    good = n >= 0;
    if (good) text.remove_prefix(static_cast<std::size_t>(n));
  }
  good = good && ::fsync(file) == 0;
  good = ::close(file) == 0 && good;
  if (good) std::filesystem::rename(temporary, path, error);
  good = good && !error && sync_directory(path.parent_path());
  if (!good || error) std::filesystem::remove(temporary, error);
  return good && !error;
}

}  // namespace

std::string render_dead_letter(const SubscriptionSpec& spec, const Event& event, const RetryRow& row) {
  const bool cloud = spec.schema == events::EventSchema::kCloudEvents;
  std::string more;
  const auto name = [&](std::string_view member) {
    std::string text(member);
    if (cloud)
      for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    more.append(",\"").append(text).append("\":");
  };
  name("deadLetterReason");
  append_json_string(more, row.reason);
  name("deliveryAttempts");
  more += std::to_string(row.attempts);
  name("lastDeliveryOutcome");
  append_json_string(more, to_text(row.outcome));
  name("publishTime");
  append_json_string(more, events::format_event_time(event.published.value_or(event.time)));
  if (row.last_attempt) {
    name("lastDeliveryAttemptTime");
    append_json_string(more, events::format_event_time(*row.last_attempt));
  }
  std::string out = "[";
  events::append_event(out, spec.schema, event, more);
  out.push_back(']');
  return out;
}

std::string dead_letter_name(const SubscriptionSpec& spec, const Event& event, Time now, const std::string& guid) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const auto hour = std::chrono::floor<std::chrono::hours>(now - day).count();
  char when[64];
  std::snprintf(when, sizeof when, "%d/%u/%u/%d", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(hour));
  return safe_name(last_segment(spec.topic.empty() ? event.topic : spec.topic), false) + "/" + safe_name(spec.name, true) + "/" +
         when + "/" + guid + ".json";
}

std::string dead_letter_guid(std::string_view event_id, const RetryRow& row) {
  const crypto::Digest digest =
      crypto::sha256(std::string(event_id) + "\n" + std::to_string(row.sequence) + "\n" + std::to_string(row.part));
  Uuid guid;
  std::copy_n(digest.begin(), guid.bytes.size(), guid.bytes.begin());
  guid.bytes[6] = static_cast<std::uint8_t>((guid.bytes[6] & 0x0f) | 0x80);  // RFC 9562, version 8
  guid.bytes[8] = static_cast<std::uint8_t>((guid.bytes[8] & 0x3f) | 0x80);
  return guid.str();
}

void DeadLetterWriter::write(const SubscriptionSpec& spec, const Event& event, const RetryRow& row,
                             UniqueFunction<void(std::string)> done) {
  // The same name for a second try: what is there already is replaced and not doubled.
  const std::string name = dead_letter_name(spec, event, row.last_attempt.value_or(event.published.value_or(event.time)),
                                            dead_letter_guid(event.id, row));
  std::string body = render_dead_letter(spec, event, row);
  if (spec.dead_letter.kind == DeadLetterSpec::Kind::kDirectory)
    return done(write_file(std::filesystem::path(spec.dead_letter.where) / name, body) ? "" : "the file cannot be written");
  net::ClientRequest request;
  request.method = "PUT";
  const std::string& base = spec.dead_letter.where;
  const auto query = base.find('?');
  request.url = base.substr(0, query);
  if (!request.url.ends_with('/')) request.url.push_back('/');
  request.url += name;
  if (query != std::string::npos) request.url += base.substr(query);
  request.headers.add("Content-Type", "application/json");
  request.body = std::move(body);
  request.timeout = timeout_;
  if (spec.dead_letter.kind == DeadLetterSpec::Kind::kS3)
    // A store compares with the time of the world, whatever ours says.
    sign_s3(request, spec.dead_letter.s3, std::chrono::system_clock::now());  // NOLINT(trunkline-clock): see above
  http_.start_send(std::move(request), [done = std::move(done)](Result<net::ClientResponse> result) mutable {
    if (!result.ok()) return done(result.error().message);
    const net::ClientResponse& response = result.value();
    const bool good = response.status >= 200 && response.status < 300;
    done(good ? "" : "it answered " + std::to_string(response.status) + " " + utf8_sanitized(response.body.substr(0, 200)));
  });
}

}  // namespace trunkline::delivery
