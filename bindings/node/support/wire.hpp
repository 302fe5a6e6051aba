// How values cross between JavaScript and C++.
//
// A packet is an array of 8-byte slots and one string. Handing over one string and one buffer costs the same for one value or
// a thousand, where an object built or read property by property through Node-API costs a call for each. Both sides write and
// read in the order of the interface definition:
//
//   boolean, enum, int32, uint32, float64   one slot, a double
//   int64, uint64                           one slot, the integer's bits
//   utcDateTime, duration                   one slot, a double of milliseconds
//   string, json                            its length in UTF-16 units; the characters are appended to the packet's string
//   bytes                                   its length; the bytes follow, filled up to whole slots
//   optional                                0, or 1 and the value
//   model                                   its fields
//   list, map                               the count; the elements, or keys and values in turn
//   union                                   the variant's number, 0 for one that is not known; its value
//
// Nothing here touches Node-API, so completions are written on the thread they arrive on. The JavaScript half is
// node/trunkline/lib/wire.cjs.
#pragma once
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/text.hpp"
#include "trunkline/error.hpp"

namespace trunkline::node {

/// Reads a packet that JavaScript wrote. Borrows it.
class Reader {
 public:
  Reader(const std::uint64_t* slots, std::size_t count, std::u16string_view text) : slots_(slots), count_(count), text_(text) {}

  double number() { return std::bit_cast<double>(slot()); }
  std::int64_t integer() { return static_cast<std::int64_t>(slot()); }
  std::size_t count() { return static_cast<std::size_t>(number()); }
  std::string string() {
    const std::size_t length = count();
    if (length > text_.size()) throw malformed();
    const std::u16string_view units = text_.substr(0, length);
    text_.remove_prefix(length);
    return to_utf8(units);
  }
  std::vector<std::uint8_t> bytes() {
    const std::size_t length = count(), slots = (length + 7) / 8;
    if (slots > count_ - at_) throw malformed();
    const auto* first = reinterpret_cast<const std::uint8_t*>(slots_ + at_);
    at_ += slots;
    return {first, first + length};
  }

 private:
  static Error malformed() { return {ErrorCode::kInternal, "a call from JavaScript is cut short"}; }
  std::uint64_t slot() {
    if (at_ >= count_) throw malformed();
    return slots_[at_++];
  }

  const std::uint64_t* slots_;
  std::size_t count_;
  std::size_t at_ = 0;
  std::u16string_view text_;
};

/// Writes a packet for JavaScript.
class Writer {
 public:
  void number(double value) { slots_.push_back(std::bit_cast<std::uint64_t>(value)); }
  void integer(std::int64_t value) { slots_.push_back(static_cast<std::uint64_t>(value)); }
  void string(std::string_view value) {
    const Appended appended = append_utf8(text_, value);
    ascii_ = ascii_ && appended.ascii;
    number(static_cast<double>(appended.units));
  }
  void bytes(const std::uint8_t* data, std::size_t size) {
    number(static_cast<double>(size));
    const std::size_t at = slots_.size();
    slots_.resize(at + (size + 7) / 8);
    if (size > 0) std::memcpy(slots_.data() + at, data, size);
  }

  const std::vector<std::uint64_t>& slots() const { return slots_; }
  const std::string& text() const { return text_; }
  /// The text has one byte for each UTF-16 unit.
  bool ascii() const { return ascii_; }

 private:
  std::vector<std::uint64_t> slots_;
  std::string text_;
  bool ascii_ = true;
};

constexpr double kNanosecondsPerMillisecond = 1e6;

// read(reader, value) and write(writer, value) for what every interface is made of; the generated *_wire.hpp add models,
// enums and unions. All are found by argument-dependent lookup on the Reader or Writer.

template <class T>
requires std::is_arithmetic_v<T>
void read(Reader& in, T& value) {
  if constexpr (std::integral<T> && sizeof(T) == 8)
    value = static_cast<T>(in.integer());
  else
    value = static_cast<T>(in.number());
}
inline void read(Reader& in, std::string& value) { value = in.string(); }
inline void read(Reader& in, std::vector<std::uint8_t>& value) { value = in.bytes(); }
inline void read(Reader& in, Duration& value) { value = Duration(std::llround(in.number() * kNanosecondsPerMillisecond)); }
inline void read(Reader& in, Time& value) { value = Time(std::chrono::milliseconds(std::llround(in.number()))); }
template <class T>
requires std::is_enum_v<T>
void read(Reader& in, T& value) { value = static_cast<T>(static_cast<std::int32_t>(in.number())); }
template <class T>
void read(Reader& in, std::optional<T>& value) {
  value.reset();
  if (in.number() != 0) read(in, value.emplace());
}
template <class T>
void read(Reader& in, std::vector<T>& value) {
  value.clear();
  for (std::size_t left = in.count(); left > 0; --left) read(in, value.emplace_back());
}
inline void read(Reader& in, std::map<std::string, std::string>& value) {
  value.clear();
  for (std::size_t left = in.count(); left > 0; --left) {
    std::string key = in.string();
    value.insert_or_assign(std::move(key), in.string());
  }
}

template <class T>
requires std::is_arithmetic_v<T>
void write(Writer& out, T value) {
  if constexpr (std::integral<T> && sizeof(T) == 8)
    out.integer(static_cast<std::int64_t>(value));
  else
    out.number(static_cast<double>(value));
}
inline void write(Writer& out, const std::string& value) { out.string(value); }
inline void write(Writer& out, const std::vector<std::uint8_t>& value) { out.bytes(value.data(), value.size()); }
inline void write(Writer& out, Duration value) { out.number(static_cast<double>(value.count()) / kNanosecondsPerMillisecond); }
inline void write(Writer& out, Time value) {
  out.number(static_cast<double>(std::chrono::floor<std::chrono::milliseconds>(value).time_since_epoch().count()));
}
template <class T>
requires std::is_enum_v<T>
void write(Writer& out, T value) { out.number(static_cast<double>(static_cast<std::int32_t>(value))); }
template <class T>
void write(Writer& out, const std::optional<T>& value) {
  out.number(value ? 1 : 0);
  if (value) write(out, *value);
}
template <class T>
void write(Writer& out, const std::vector<T>& value) {
  out.number(static_cast<double>(value.size()));
  for (const T& element : value) write(out, element);
}
inline void write(Writer& out, const std::map<std::string, std::string>& value) {
  out.number(static_cast<double>(value.size()));
  for (const auto& [key, text] : value) {
    out.string(key);
    out.string(text);
  }
}
/// code, message, target, retryable, retryAfterMs?, providerCode, serviceCode, details.
void read(Reader& in, Error& error);
/// The same.
void write(Writer& out, const Error& error);

}  // namespace trunkline::node
