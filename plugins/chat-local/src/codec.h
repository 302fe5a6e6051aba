// The compact form of values in the store: varints and lengths, no names.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"
#include "trunkline/values.hpp"

namespace chat_local {

using trunkline::Bytes;
using trunkline::Properties;
using trunkline::Time;

class Writer {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<std::uint8_t>(value | 0x80));
    bytes_.push_back(static_cast<std::uint8_t>(value));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
  void text(const std::optional<std::string>& value) {
    number(value ? 1 : 0);
    if (value) text(std::string_view(*value));
  }
  /// In microseconds; times before 1970 become 1970.
  void time(Time value) {
    const auto us = std::chrono::floor<std::chrono::microseconds>(value.time_since_epoch()).count();
    number(us < 0 ? 0 : static_cast<std::uint64_t>(us));
  }
  void time(const std::optional<Time>& value) {
    number(value ? 1 : 0);
    if (value) time(*value);
  }
  void map(const Properties& values) {
    number(values.size());
    for (const auto& [key, value] : values) text(std::string_view(key)), text(std::string_view(value));
  }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

/// Throws kDataLoss for bytes that no Writer made.
class Reader {
 public:
  explicit Reader(const Bytes& bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) broken();
      const std::uint8_t byte = *at_++;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    broken();
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > static_cast<std::uint64_t>(end_ - at_)) broken();
    std::string value(reinterpret_cast<const char*>(at_), size);
    at_ += size;
    return value;
  }
  std::optional<std::string> optional_text() { return number() ? std::optional(text()) : std::nullopt; }
  Time time() { return Time{std::chrono::microseconds{static_cast<std::int64_t>(number())}}; }
  std::optional<Time> optional_time() { return number() ? std::optional(time()) : std::nullopt; }
  Properties map() {
    Properties values;
    for (std::uint64_t left = number(); left > 0; --left) {
      std::string key = text();
      values.insert_or_assign(values.end(), std::move(key), text());
    }
    return values;
  }

 private:
  [[noreturn]] static void broken() {
    throw trunkline::Error(trunkline::ErrorCode::kDataLoss, "a stored value of the chat is damaged");
  }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace chat_local
