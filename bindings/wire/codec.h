// Values of the ABI as bytes and back, by the generated tables. Both ends are programs of one build on one machine: words are of
// this machine's byte order, and what differs between versions of a struct is told by its struct_size. Still nothing that comes
// in is believed: every size is checked, and what is wrong ends in an Error.
#pragma once
#include <cstring>
#include <string>
#include <string_view>

#include "trunkline/arena.hpp"
#include "trunkline/error.hpp"
#include "wire/table.h"

namespace trunkline::wire {

/// Bytes of one encoded call or result.
inline constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
/// Memory that the structs of one call or result may take when they are read.
inline constexpr std::size_t kMaxDecodedBytes = std::size_t{256} << 20;
/// Structs within structs.
inline constexpr int kMaxDepth = 32;

inline constexpr std::uint8_t kCallPresent = 1, kCallTimed = 2, kCallCancellable = 4;

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value);
  /// A value of this type at `at`. Throws kInvalidArgument, naming `what` or the field within, for a struct that breaks the ABI,
  /// and kResourceExhausted for one that is too large.
  void value(const Type& type, const void* at, const char* what, int depth = 0);
  void arguments(const Operation& operation, const void* const* arguments);
  /// What is not said by the call itself: its cancel token.
  void call(const tl_call* call);
  void error(const Error& error);

 private:
  void blob(const void* data, std::size_t size, const char* what);
  void aggregate(const Aggregate& aggregate, const void* at, const char* what, int depth);
  void check_room(std::size_t more) const;

  std::string& out_;
};

class Reader {
 public:
  /// Texts and bytes of what is read lie in `in`; structs and lists in `arena`. Both must live as long as the values.
  Reader(std::string_view in, abi::Arena& arena) : in_(in), arena_(arena) {}

  /// These throw kDataLoss for bytes that no Writer has written.
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  std::string_view text();
  void value(const Type& type, void* at, int depth = 0);
  /// Room for a value of this type, filled.
  const void* result(const Type& type);
  /// Pointers as Operation::invoke wants them.
  const void* const* arguments(const Operation& operation);
  /// kCallPresent: there is one at all. kCallCancellable: its caller can cancel it; call.cancel is left alone.
  std::uint8_t call(tl_call& call);
  Error error();
  void end() const;

 private:
  const char* take(std::size_t size);
  void* room(std::size_t bytes);
  void aggregate(const Aggregate& aggregate, void* at, int depth);
  [[noreturn]] static void bad(const std::string& what);

  std::string_view in_;
  abi::Arena& arena_;
  std::size_t taken_ = 0;  // of the arena
};

/// Bytes that a value of this type takes in memory.
std::size_t size_of(const Type& type);

}  // namespace trunkline::wire
