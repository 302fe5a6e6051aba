// What comes out of the process of a plugin, and what its host says to it. Any bytes give frames that lie inside them, or an
// error; a value that could be read can be written again.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "runtime/remote/frame.h"
#include "runtime/remote/peer.h"
#include "wire/codec.h"

namespace {

using namespace trunkline;

/// An end of a connection that serves nothing, which is all that fuzzed calls need: they are decoded before they are refused.
class Deaf final : public remote::Peer {
 public:
  Deaf() : Peer(abi::Errors()) {}

 private:
  void transmit(std::string_view) noexcept override {}
  void misused(std::string_view, std::string_view, std::string_view) noexcept override {}
  void control(remote::Frame&& frame) override {
    abi::Arena arena;
    wire::Reader reader(frame.body, arena);
    if (frame.head.type == remote::FrameType::kRefused) reader.error();
    reader.text();
  }
};

void write_again(const wire::Type& type, const void* value) {
  std::string out;
  wire::Writer(out).value(type, value, "value");
  abi::Arena arena;
  const void* const again = wire::Reader(out, arena).result(type);
  std::string twice;
  wire::Writer(twice).value(type, again, "value");
  if (out != twice) std::abort();
}

/// The first two bytes choose an operation; the rest is its arguments, and its result.
void read_values(const std::string& bytes) {
  const auto all = wire::interfaces();
  const wire::Interface& interface = *all[static_cast<std::uint8_t>(bytes[0]) % all.size()];
  const wire::Operation& operation = interface.operations[static_cast<std::uint8_t>(bytes[1]) % interface.operations.size()];
  const std::string_view rest = std::string_view(bytes).substr(2);
  try {
    abi::Arena arena;
    wire::Reader reader(rest, arena);
    tl_call call{};
    reader.call(call);
    const void* const* const arguments = reader.arguments(operation);
    for (std::size_t i = 0; i < operation.parameters.size(); ++i) write_again(operation.parameters[i].type, arguments[i]);
    if (!arena.intact()) std::abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::kDataLoss) std::abort();
  }
  if (operation.result.kind == wire::Kind::kVoid || operation.result.kind == wire::Kind::kStream) return;
  try {
    abi::Arena arena;
    write_again(operation.result, wire::Reader(rest, arena).result(operation.result));
    if (!arena.intact()) std::abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::kDataLoss) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size >= 2) read_values(bytes);
  // As a stream, a few bytes at a time.
  const auto peer = std::make_shared<Deaf>();
  remote::FrameBuffer buffer;
  std::size_t framed = 0;
  try {
    for (std::size_t at = 0; at < size;) {
      const std::size_t piece = std::min<std::size_t>(size - at, 1 + at % 61);
      std::memcpy(buffer.room(piece), data + at, piece);
      buffer.grew(piece);
      at += piece;
      remote::Frame frame;
      while (buffer.next(frame)) {
        framed += sizeof(remote::FrameHead) + frame.body.size();
        if (framed > at) std::abort();
        peer->receive(std::move(frame));
      }
    }
  } catch (const Error& error) {
    if (error.code != ErrorCode::kDataLoss) std::abort();
  }
  return 0;
}
