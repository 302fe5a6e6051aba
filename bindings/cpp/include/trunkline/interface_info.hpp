// What is known about an interface without an object that offers it. Hand-written; interfaces.hpp is generated.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace trunkline::abi {

enum class InterfaceKind { kProvider, kEvents, kHostService, kService };

struct SlotInfo {
  std::string_view name;
  std::size_t offset;
  /// It was there from the first version of the interface: a vtable without it is broken, not old.
  bool required;
};

struct InterfaceInfo {
  std::string_view id;
  std::string_view name;
  InterfaceKind kind;
  bool draft;
  /// Size of the vtable today, and least size that an implementation may have.
  std::uint32_t struct_size;
  std::uint32_t min_size;
  std::span<const SlotInfo> slots;
};

/// Name of the first required slot that a vtable lacks; empty: complete. vtbl must not be NULL.
inline std::string_view missing_slot(const InterfaceInfo& interface, const void* vtbl) {
  const auto* bytes = static_cast<const char*>(vtbl);
  const std::uint32_t size = *static_cast<const std::uint32_t*>(vtbl);
  for (const SlotInfo& slot : interface.slots) {
    if (!slot.required) continue;
    if (slot.offset + sizeof(void*) > size || *reinterpret_cast<void* const*>(bytes + slot.offset) == nullptr) return slot.name;
  }
  return {};
}

}  // namespace trunkline::abi
