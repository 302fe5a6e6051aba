// Memory for the C structs of one call. Hand-written, header-only, C++20.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <type_traits>

namespace trunkline::abi {

/// A bump allocator. What it gives out stays valid until reset() or destruction and is never moved. Not thread-safe.
///
/// Every piece lies between guard words, so that a peer which writes past an argument is found by intact(): a block is a chain
/// [guard|size] bytes [guard|size] bytes … [guard|end].
class Arena {
 public:
  Arena() { open(first_, sizeof first_); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { free_blocks(); }

  /// Room for n values, not initialised.
  template <class T>
  T* array(std::size_t n) {
    static_assert(alignof(T) <= 8 && std::is_trivially_copyable_v<T>);
    if (n > kMaxBytes / sizeof(T)) throw std::length_error("an argument is too large for one call");
    return reinterpret_cast<T*>(allocate((n * sizeof(T) + 7) & ~std::size_t{7}));
  }
  /// A copy of value.
  template <class T>
  const T* one(const T& value) {
    T* place = array<T>(1);
    std::memcpy(static_cast<void*>(place), &value, sizeof value);
    return place;
  }

  /// False: somebody wrote past a piece.
  bool intact() const noexcept {
    if (!intact(begin_, at_)) return false;
    for (const Block* block = blocks_; block; block = block->next)
      if (!intact(block->full_begin, block->full_end)) return false;
    return true;
  }
  /// Forgets everything and keeps only the memory inside the object.
  void reset() noexcept {
    if (blocks_) {
      free_blocks();
      blocks_ = nullptr;
      open(first_, sizeof first_);
    } else {
      at_ = begin_;
      put(at_, kEnd);
    }
  }

 private:
  // A block remembers the block that was filled before it.
  struct Block {
    Block* next;
    const char* full_begin;
    const char* full_end;
  };
  static constexpr std::uint64_t kGuard = 0x7ca11ab1'00000000u;
  static constexpr std::uint32_t kEnd = 0xffffffffu;
  static constexpr std::size_t kMaxBytes = 0xffffff00u;
  static constexpr std::size_t kWord = sizeof(std::uint64_t);

  static void put(char* at, std::uint32_t size) noexcept {
    const std::uint64_t word = kGuard | size;
    std::memcpy(at, &word, sizeof word);
  }
  static bool intact(const char* at, const char* end) noexcept {
    for (;;) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof word);
      if ((word & 0xffffffff'00000000u) != kGuard) return false;
      const auto size = static_cast<std::uint32_t>(word);
      if (at == end) return size == kEnd;
      if (size > static_cast<std::size_t>(end - at) - kWord) return false;
      at += kWord + size;
    }
  }

  void open(char* memory, std::size_t size) noexcept {
    begin_ = at_ = memory;
    end_ = memory + size;
    put(at_, kEnd);
  }
  char* allocate(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes + 2 * kWord) add_block(bytes);
    char* place = at_ + kWord;
    put(at_, static_cast<std::uint32_t>(bytes));
    at_ = place + bytes;
    put(at_, kEnd);
    return place;
  }
  void add_block(std::size_t bytes) {
    std::size_t size = sizeof(Block) + bytes + 2 * kWord;
    if (size < kBlockSize) size = kBlockSize;
    auto* block = static_cast<Block*>(::operator new(size));
    *block = {blocks_, begin_, at_};
    blocks_ = block;
    open(reinterpret_cast<char*>(block + 1), size - sizeof(Block));
  }
  void free_blocks() noexcept {
    for (Block* block = blocks_; block;) {
      Block* next = block->next;
      ::operator delete(block);
      block = next;
    }
  }

  static constexpr std::size_t kBlockSize = 8192;
  char* begin_;
  char* at_;
  char* end_;
  Block* blocks_ = nullptr;
  alignas(16) char first_[704];
};

}  // namespace trunkline::abi
