// How errors cross the boundary. Hand-written, header-only, C++20.
//
// A tl_error belongs to the host: plugins make, read and free it through the functions of tl_host. On the side of the host
// it is a HostError; ErrorHost holds those functions.
#pragma once
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "trunkline/abi.h"
#include "trunkline/error.hpp"

namespace trunkline {

/// What a tl_error is on the side of the host. Decimal forms are kept, because error_get lends texts.
struct HostError {
  Error error;
  std::string code;
  std::string retry_after_ms;
  std::string http_status;
};

/// The error functions of tl_host, and shortcuts for code that is on the side of the host. [any-thread]
class ErrorHost {
 public:
  /// Fills the four error functions; they need no context.
  static void install(tl_host& host) noexcept {
    host.error_new = &error_new;
    host.error_set = &error_set;
    host.error_get = &error_get;
    host.error_free = &error_free;
  }
  static tl_error* make(Error error) {
    auto* made = new HostError{std::move(error), {}, {}, {}};
    refresh(*made);
    return reinterpret_cast<tl_error*>(made);
  }
  /// The error behind a handle, which is freed.
  static Error take(tl_error* error) {
    HostError* made = of(error);
    Error value = std::move(made->error);
    delete made;
    return value;
  }
  static const Error& peek(const tl_error* error) { return of(error)->error; }

  static tl_error* error_new(void*, std::int32_t code, tl_str message) noexcept {
    const bool known = code >= static_cast<std::int32_t>(ErrorCode::kCancelled) &&
                       code <= static_cast<std::int32_t>(ErrorCode::kUnauthenticated);
    return make(Error(known ? static_cast<ErrorCode>(code) : ErrorCode::kUnknown, std::string(text(message))));
  }
  static void error_set(void*, tl_error* error, tl_str key, tl_str value) noexcept {
    if (error) {
      assign(of(error)->error, text(key), text(value));
      refresh(*of(error));
    }
  }
  static tl_str error_get(void*, const tl_error* error, tl_str key) noexcept {
    return error ? read(*of(error), text(key)) : tl_str{};
  }
  static void error_free(void*, tl_error* error) noexcept { delete of(error); }

  /// Sets one of the documented keys; others become details.
  static void assign(Error& error, std::string_view key, std::string_view value) {
    if (key == "target")
      error.target = value;
    else if (key == "provider_code")
      error.provider_code = value;
    else if (key == "service_code")
      error.service_code = value;
    else if (key == "retryable")
      error.retryable = value == "true";
    else if (key == "retry_after_ms")
      error.retry_after = std::chrono::milliseconds(number(value));
    else if (key == "http_status")
      error.http_status = static_cast<std::int32_t>(number(value));
    else
      error.details[std::string(key)] = value;
  }

 private:
  static constexpr std::int64_t kMaxNumber = 1'000'000'000'000;  // 31 years in ms; as nanoseconds it still fits

  static HostError* of(tl_error* error) { return reinterpret_cast<HostError*>(error); }
  static const HostError* of(const tl_error* error) { return reinterpret_cast<const HostError*>(error); }
  static std::string_view text(tl_str s) { return s.data ? std::string_view(s.data, s.size) : std::string_view(); }
  static tl_str lend(const std::string& s) { return s.empty() ? tl_str{} : tl_str{s.data(), s.size()}; }
  static std::int64_t number(std::string_view s) {
    std::int64_t value = 0;
    std::from_chars(s.data(), s.data() + s.size(), value);
    return std::clamp<std::int64_t>(value, 0, kMaxNumber);
  }
  static void refresh(HostError& made) {
    made.code = std::to_string(static_cast<std::int32_t>(made.error.code));
    if (made.error.retry_after) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*made.error.retry_after);
      made.retry_after_ms = std::to_string(wait.count());
    }
    if (made.error.http_status) made.http_status = std::to_string(made.error.http_status);
  }
  static tl_str read(const HostError& made, std::string_view key) {
    const Error& error = made.error;
    if (key == "code") return lend(made.code);
    if (key == "message") return {error.message.data(), error.message.size()};
    if (key == "target") return lend(error.target);
    if (key == "provider_code") return lend(error.provider_code);
    if (key == "service_code") return lend(error.service_code);
    if (key == "retryable") return error.retryable ? tl_str{"true", 4} : tl_str{"false", 5};
    if (key == "retry_after_ms") return lend(made.retry_after_ms);
    if (key == "http_status") return lend(made.http_status);
    const auto found = error.details.find(std::string(key));
    return found == error.details.end() ? tl_str{} : tl_str{found->second.data(), found->second.size()};
  }
};

namespace abi {

/// Makes and reads errors through a host; without one, as the host itself. A small value, copied freely. [any-thread]
class Errors {
 public:
  Errors() = default;
  explicit Errors(const tl_host* host) : host_(host) {}

  /// The caller hands the result over or frees it.
  tl_error* make(const Error& error) const {
    if (is_local()) return ErrorHost::make(error);
    tl_error* made = host_->error_new(host_->ctx, static_cast<std::int32_t>(error.code), text(error.message));
    const auto set = [&](std::string_view key, std::string_view value) {
      host_->error_set(host_->ctx, made, text(key), text(value));
    };
    if (!error.target.empty()) set("target", error.target);
    if (!error.provider_code.empty()) set("provider_code", error.provider_code);
    if (!error.service_code.empty()) set("service_code", error.service_code);
    if (error.retryable) set("retryable", "true");
    if (error.retry_after) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*error.retry_after);
      set("retry_after_ms", std::to_string(wait.count()));
    }
    if (error.http_status) set("http_status", std::to_string(error.http_status));
    for (const auto& [key, value] : error.details) set(key, value);
    return made;
  }

  /// The value of an error, which is freed.
  Error take(tl_error* error) const {
    if (is_local()) return ErrorHost::take(error);
    Error value;
    const auto get = [&](std::string_view key) {
      const tl_str found = host_->error_get(host_->ctx, error, text(key));
      return found.data ? std::string_view(found.data, found.size) : std::string_view();
    };
    std::int32_t code = 0;
    const std::string_view digits = get("code");
    std::from_chars(digits.data(), digits.data() + digits.size(), code);
    value.code = code ? static_cast<ErrorCode>(code) : ErrorCode::kUnknown;
    value.message = get("message");
    for (const char* key : {"target", "provider_code", "service_code", "retryable", "retry_after_ms", "http_status"})
      if (const std::string_view found = get(key); !found.empty()) ErrorHost::assign(value, key, found);
    host_->error_free(host_->ctx, error);
    return value;
  }

  void free(tl_error* error) const {
    if (is_local())
      ErrorHost::error_free(nullptr, error);
    else
      host_->error_free(host_->ctx, error);
  }

 private:
  static tl_str text(std::string_view s) { return {s.data() ? s.data() : "", s.size()}; }
  /// The host is this very module: details need not squeeze through keys.
  bool is_local() const { return !host_ || host_->error_new == &ErrorHost::error_new; }
  const tl_host* host_ = nullptr;
};

}  // namespace abi
}  // namespace trunkline
