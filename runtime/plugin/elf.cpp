#include "runtime/plugin/elf.h"

#include <elf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

#include "trunkline/error.hpp"

namespace trunkline::plugin {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t kMachine = EM_RISCV;
#else
#error "name this machine's ELF number here"
#endif

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "x86 (32 bit)";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "ARM (32 bit)";
    case EM_AARCH64:
      return "AArch64";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "PowerPC 64";
    case EM_S390:
      return "S/390";
    default:
      return "machine " + std::to_string(machine);
  }
}

std::string describe_start(const unsigned char* data, std::size_t size) {
  if (size == 0) return "an empty file";
  if (size >= 2 && data[0] == 'M' && data[1] == 'Z') return "a Windows library";
  static constexpr unsigned char kMachO[] = {0xcf, 0xfa, 0xed, 0xfe}, kFat[] = {0xca, 0xfe, 0xba, 0xbe};
  if (size >= 4 && (std::memcmp(data, kMachO, 4) == 0 || std::memcmp(data, kFat, 4) == 0)) return "a macOS library";
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "a file that begins with";
  for (std::size_t i = 0; i < size && i < 4; ++i) out += std::string(" ") + kHex[data[i] >> 4] + kHex[data[i] & 15];
  return out;
}

}  // namespace

void check_shared_library(const std::filesystem::path& path) {
  const std::string what = "plugin library " + path.string();
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    throw Error(ErrorCode::kNotFound, what + ": found no file", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kPermissionDenied, what + ": found a file that cannot be read", path.string());
  std::array<unsigned char, sizeof(Elf64_Ehdr)> head{};
  file.read(reinterpret_cast<char*>(head.data()), head.size());
  const auto size = static_cast<std::size_t>(file.gcount());
  const auto fail = [&](const std::string& found, const std::string& wanted) {
    throw Error(ErrorCode::kFailedPrecondition, what + ": found " + found + ", wanted " + wanted, path.string());
  };

  if (size < SELFMAG || std::memcmp(head.data(), ELFMAG, SELFMAG) != 0)
    fail(describe_start(head.data(), size), "an ELF shared library");
  if (size < head.size())
    fail("an ELF header cut off after " + std::to_string(size) + " bytes", std::to_string(head.size()) + " bytes");
  const bool big = head[EI_DATA] == ELFDATA2MSB;
  const auto u16 = [&](std::size_t at) {
    return static_cast<std::uint16_t>(big ? head[at] << 8 | head[at + 1] : head[at + 1] << 8 | head[at]);
  };
  const std::uint16_t type = u16(offsetof(Elf64_Ehdr, e_type)), machine = u16(offsetof(Elf64_Ehdr, e_machine));
  const std::string found = machine_name(machine) + (head[EI_CLASS] == ELFCLASS64 ? ", 64 bit" : ", 32 bit") +
                            (big ? ", big endian" : ", little endian");
  if (machine != kMachine || head[EI_CLASS] != ELFCLASS64 || big) fail(found, machine_name(kMachine) + ", 64 bit, little endian");
  if (type != ET_DYN)
    fail(type == ET_REL    ? "an object file"
         : type == ET_EXEC ? "a program"
                           : "ELF type " + std::to_string(type),
         "a shared library (ELF type ET_DYN)");
}

}  // namespace trunkline::plugin
