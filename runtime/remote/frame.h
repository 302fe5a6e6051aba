// What a host and the process of a plugin say to each other over a socket: frames of a head and a body. Both are programs of one
// build (the greeting compares), so words are of this machine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace trunkline::remote {

enum class FrameType : std::uint8_t {
  kCreate = 1,  // host: {fingerprint u64, settings as texts}
  kCreated,     // plugin's process: what it offers
  kRefused,     // plugin's process: an error; it ends
  kCall,        // {call, arguments}; head: target and operation
  kReply,       // head: operation 0: {result}, 1: {error}, 2: nothing was given
  kCancel,
  kNext,    // {stream u64, max u32}; answered by kReply
  kClose,   // head: id is the stream's
  kAck,     // head: operation is how many frames were dealt with since the last one
  kNotice,  // {kind, operation, detail as texts}: something the plugin did that the ABI forbids
  kStop,
  kStopped,
};

struct FrameHead {
  std::uint32_t size;  // of the body
  FrameType type;
  std::uint8_t reserved[3];
  std::uint64_t id;  // of the call, which whoever begins it chooses
  std::uint32_t target;
  std::uint32_t operation;
};
static_assert(sizeof(FrameHead) == 24);

/// Bytes of a body: the largest value and what stands around it.
inline constexpr std::size_t kMaxBody = (std::size_t{64} << 20) + (std::size_t{1} << 20);

inline constexpr std::uint32_t kReplyResult = 0, kReplyError = 1, kReplyNothing = 2;

/// Room for the head at the beginning of `out`, which end_frame fills in.
inline void begin_frame(std::string& out) { out.assign(sizeof(FrameHead), '\0'); }
inline void end_frame(std::string& out, FrameType type, std::uint64_t id = 0, std::uint32_t target = 0,
                      std::uint32_t operation = 0) {
  const FrameHead head{static_cast<std::uint32_t>(out.size() - sizeof(FrameHead)), type, {}, id, target, operation};
  std::memcpy(out.data(), &head, sizeof head);
}
inline std::string bare_frame(FrameType type, std::uint64_t id = 0, std::uint32_t operation = 0) {
  std::string out;
  begin_frame(out);
  end_frame(out, type, id, 0, operation);
  return out;
}

/// Of a string that is used again and again: what a large frame needed is not kept for small ones. Not `= {}`, which keeps it.
inline constexpr std::size_t kKeptRoom = std::size_t{1} << 20;
inline void give_back(std::string& text, std::size_t kept = kKeptRoom) {
  if (text.capacity() > kept) std::string().swap(text);
}

/// Moves what is to be sent from `out` to `chunk`; `out` is empty then and has the room that `chunk` had, unless that was large.
inline void swap_room(std::string& chunk, std::string& out) {
  give_back(chunk);
  chunk.clear();
  chunk.swap(out);
}

/// Room to write a frame in, of this thread: frames come and go by the thousand, and each would grow a string of its own.
class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  ~Scratch();
  std::string& text() { return text_; }

 private:
  std::string text_;
};

struct Frame {
  FrameHead head{};
  std::string body;
};

/// Cuts a stream of bytes into frames. Not thread-safe.
class FrameBuffer {
 public:
  /// Room for more bytes; say with grew() how many came.
  char* room(std::size_t size);
  void grew(std::size_t size) { end_ += size; }
  /// The next whole frame. False: there is none yet. Throws kDataLoss for a head that no peer of ours has written.
  bool next(Frame& out);
  std::size_t pending() const { return end_ - begin_; }
  /// Bytes that the frame under way still wants; 0: unknown.
  std::size_t wanted() const;

 private:
  std::string bytes_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace trunkline::remote
