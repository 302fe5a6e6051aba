// A connection over which the sound of one leg goes (RFC 6544), where UDP does not get through.
#pragma once
#include <atomic>
#include <memory>

#include "media/endpoint.h"
#include "media/framing.h"
#include "media/rtp.h"

namespace call_media {

/// Media thread alone, once it has been handed over. Never blocks and allocates nothing.
class TcpPath {
 public:
  /// Takes the connection, and what has come over it already. `peer` has the number of a stream that no other has. `open` counts
  /// the paths that there are.
  TcpPath(int fd, Endpoint peer, const FrameReader& reader, std::shared_ptr<std::atomic<std::size_t>> open);
  ~TcpPath();
  TcpPath(const TcpPath&) = delete;

  /// Once a frame, before front(): takes in what has come, a few packets at most.
  void read();
  std::optional<std::span<std::uint8_t>> front() { return over_ ? std::nullopt : reader_.front(); }
  void pop() { reader_.pop(); }
  /// One that finds no room is lost, as it is with UDP.
  void send(Bytes packet);
  const Endpoint& peer() const { return peer_; }
  /// Closed by whichever side, or nonsense came.
  bool over() const { return over_; }

 private:
  /// Whether nothing is left of the packet before.
  bool flush();
  void close();

  int fd_;
  const Endpoint peer_;
  FrameReader reader_;
  const std::shared_ptr<std::atomic<std::size_t>> open_;
  std::array<std::uint8_t, FrameReader::kLengthBytes + FrameReader::kMaxPacket> left_{};  // of a packet that has begun to go
  std::size_t left_at_ = 0;
  std::size_t left_size_ = 0;
  bool over_ = false;
};

}  // namespace call_media
