// Errors and results of the C++ SDK, shared by plugins, the runtime and the bindings. Hand-written, header-only, C++20.
#pragma once
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace trunkline {

using Duration = std::chrono::nanoseconds;
/// A point in time on the runtime's clock, UTC.
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Why an operation failed. Mirrors Trunkline.ErrorCode in bindings/idl/common.tsp (the generated header asserts it).
enum class ErrorCode : std::int32_t {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

/// The one error model: the same members in C, C++, Python, Node.js and HTTP.
class Error : public std::exception {
 public:
  Error() = default;
  Error(ErrorCode code, std::string message) : code(code), message(std::move(message)) {}
  Error(ErrorCode code, std::string message, std::string target)
      : code(code), message(std::move(message)), target(std::move(target)) {}

  const char* what() const noexcept override { return message.c_str(); }

  Error& with_target(std::string value) & {
    target = std::move(value);
    return *this;
  }
  Error&& with_target(std::string value) && {
    target = std::move(value);
    return std::move(*this);
  }
  Error&& with_provider_code(std::string value) && {
    provider_code = std::move(value);
    return std::move(*this);
  }
  Error&& with_http_status(std::int32_t value) && {
    http_status = value;
    return std::move(*this);
  }
  Error&& with_service_code(std::string value) && {
    service_code = std::move(value);
    return std::move(*this);
  }
  /// Trying again after `wait` can help.
  Error&& with_retry(Duration wait = Duration{0}) && {
    retryable = true;
    retry_after = wait;
    return std::move(*this);
  }

  ErrorCode code = ErrorCode::kUnknown;
  std::string message;
  /// The field, header or object at fault, such as `smsRecipients[3].to`.
  std::string target;
  bool retryable = false;
  std::optional<Duration> retry_after;
  /// The carrier's own code.
  std::string provider_code;
  /// Status that a REST door should answer; 0: derived from `code`.
  std::int32_t http_status = 0;
  /// Error code on the wire of a REST door, such as `PhoneNumberNotFound`; empty: derived from `code`.
  std::string service_code;
  std::map<std::string, std::string> details;
};

/// A value or an Error. The callback form of every operation ends in one.
template <class T>
class Result {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  Result() : state_(std::in_place_index<0>) {}
  Result(Value value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return std::get<1>(state_); }
  /// Throws the error when there is no value.
  Value& value() & {
    check();
    return std::get<0>(state_);
  }
  const Value& value() const& {
    check();
    return std::get<0>(state_);
  }
  Value&& value() && {
    check();
    return std::move(std::get<0>(state_));
  }

 private:
  void check() const {
    if (state_.index() == 1) throw std::get<1>(state_);
  }
  std::variant<Value, Error> state_;
};

/// The exception in flight as an Error; call it inside a catch block.
inline Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return {ErrorCode::kInternal, error.what()};
  } catch (...) {
    return {ErrorCode::kInternal, "an exception that is no std::exception"};
  }
}

}  // namespace trunkline
