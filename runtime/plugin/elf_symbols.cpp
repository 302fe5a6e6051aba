#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

#include "runtime/plugin/elf.h"
#include "trunkline/error.hpp"

namespace trunkline::plugin {
namespace {

constexpr std::size_t kMaxLibraryBytes = std::size_t{1} << 30;

/// The bytes of a file, read at offsets that the file itself gives.
class Image {
 public:
  explicit Image(const std::filesystem::path& path) : path_(path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error || size > kMaxLibraryBytes) fail("a file that cannot be read");
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  template <class T>
  T at(std::size_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) fail("a table that ends behind the file");
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  std::string text(std::size_t offset, std::size_t end) const {
    if (offset >= end || end > bytes_.size()) fail("a name that lies outside of its table");
    return bytes_.substr(offset, std::min(bytes_.find('\0', offset), end) - offset);
  }
  [[noreturn]] void fail(const std::string& found) const {
    throw Error(ErrorCode::kFailedPrecondition, "plugin library " + path_.string() + ": found " + found + ", wanted ELF tables",
                path_.string());
  }

 private:
  const std::filesystem::path path_;
  std::string bytes_;
};

struct Sections {
  const Image& image;
  Elf64_Ehdr head;

  Elf64_Shdr operator[](std::size_t index) const {
    if (index >= head.e_shnum) image.fail("a section number of " + std::to_string(index));
    return image.at<Elf64_Shdr>(head.e_shoff + index * head.e_shentsize);
  }
};

void read_dynamic_symbols(const Image& image, const Sections& sections, const Elf64_Shdr& table, LibrarySymbols& out) {
  const Elf64_Shdr names = sections[table.sh_link];
  for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size; at += sizeof(Elf64_Sym)) {
    const auto symbol = image.at<Elf64_Sym>(table.sh_offset + at);
    const auto binding = ELF64_ST_BIND(symbol.st_info);
    const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    if (symbol.st_shndx == SHN_UNDEF || (binding != STB_GLOBAL && binding != STB_WEAK && binding != STB_GNU_UNIQUE)) continue;
    if (visibility == STV_HIDDEN || visibility == STV_INTERNAL || symbol.st_shndx == SHN_ABS) continue;
    out.exported.push_back(image.text(names.sh_offset + symbol.st_name, names.sh_offset + names.sh_size));
  }
}

void read_needed(const Image& image, const Sections& sections, const Elf64_Shdr& table, LibrarySymbols& out) {
  const Elf64_Shdr names = sections[table.sh_link];
  for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= table.sh_size; at += sizeof(Elf64_Dyn)) {
    const auto entry = image.at<Elf64_Dyn>(table.sh_offset + at);
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_NEEDED)
      out.needed.push_back(image.text(names.sh_offset + entry.d_un.d_val, names.sh_offset + names.sh_size));
  }
}

}  // namespace

LibrarySymbols read_symbols(const std::filesystem::path& path) {
  const Image image(path);
  const Sections sections{image, image.at<Elf64_Ehdr>(0)};
  LibrarySymbols out;
  for (std::size_t i = 0; i < sections.head.e_shnum; ++i) {
    const Elf64_Shdr section = sections[i];
    if (section.sh_type == SHT_DYNSYM) read_dynamic_symbols(image, sections, section, out);
    if (section.sh_type == SHT_DYNAMIC) read_needed(image, sections, section, out);
  }
  std::sort(out.exported.begin(), out.exported.end());
  return out;
}

}  // namespace trunkline::plugin
