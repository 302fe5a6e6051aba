// What the generated tables are made of: how the structs and calls of the ABI become bytes. Hand-written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "trunkline/abi.h"

namespace trunkline::wire {

enum class Kind : std::uint8_t { kVoid, kBool, kWord32, kWord64, kText, kBytes, kList, kMap, kAggregate, kStream };

/// Flags of a Type. A scalar that is optional is a tl_opt_*; everything else is absent when its pointer is null.
inline constexpr std::uint8_t kOptional = 1;
/// An aggregate that is not there itself but behind a pointer.
inline constexpr std::uint8_t kPointer = 2;

struct Aggregate;
struct Type {
  Kind kind;
  std::uint8_t flags;
  const Type* of;              // of a list or stream
  const Aggregate* aggregate;  // of kAggregate
};

struct Field {
  const char* name;
  std::uint32_t offset;
  Type type;
};

/// kStruct begins with its struct_size and may grow; the fields of a kUnion are its variants, whose kinds count from 1.
enum class Shape : std::uint8_t { kStruct, kFrozen, kUnion };
struct Aggregate {
  const char* name;
  Shape shape;
  std::uint32_t size;      // as we know it
  std::uint32_t min_size;  // of the first version
  std::span<const Field> fields;
};

/// A `done` whose type only its operation knows.
using AnyDone = void (*)();

struct Operation {
  const char* name;
  std::uint32_t index;
  std::uint32_t slot;  // offset in the vtable
  bool sync;
  std::span<const Field> parameters;  // without offsets
  Type result;
  /// Calls the slot of `vtbl`. arguments[i] points at the i-th parameter; the call ends in complete().
  void (*invoke)(const void* vtbl, void* self, const tl_call* call, const void* const* arguments, void* user);
  /// Calls `done` of the operation. `result`: a value of its C type.
  void (*finish)(AnyDone done, void* user, const void* result, tl_error* error);
};

struct Interface {
  const char* id;
  const void* vtbl;  // whose functions are those of a Caller
  std::uint32_t vtbl_size;
  std::uint32_t min_size;
  std::span<const Operation> operations;
};

/// What `self` is for the generated vtables.
class Caller {
 public:
  /// arguments[i] points at the i-th parameter. [any-thread]
  virtual void begin(const Operation& operation, const tl_call* call, const void* const* arguments, AnyDone done,
                     void* user) noexcept = 0;

 protected:
  ~Caller() = default;
};

/// Where calls end that were begun by Operation::invoke. Defined by whoever links the tables.
void complete(const Operation& operation, void* user, const void* result, tl_error* error) noexcept;

/// Every interface between a plugin and its host.
std::span<const Interface* const> interfaces();
/// Of the tables: two programs understand each other when it is the same.
extern const std::uint64_t kFingerprint;

inline const Interface* find_interface(std::string_view id) {
  for (const Interface* interface : interfaces())
    if (id == interface->id) return interface;
  return nullptr;
}

}  // namespace trunkline::wire
