#include "media/tcp_path.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace call_media {

TcpPath::TcpPath(int fd, Endpoint peer, const FrameReader& reader, std::shared_ptr<std::atomic<std::size_t>> open)
    : fd_(fd), peer_(peer), reader_(reader), open_(std::move(open)) {
  ++*open_;
}

TcpPath::~TcpPath() {
  close();
  --*open_;
}

void TcpPath::close() {
  over_ = true;
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void TcpPath::read() {
  if (over_) return;
  if (reader_.broken()) return close();
  flush();
  const std::span<std::uint8_t> space = reader_.space();
  if (space.empty()) return;  // whole packets that nobody has taken yet
  const ssize_t got = ::recv(fd_, space.data(), space.size(), MSG_DONTWAIT);
  if (got > 0) {
    reader_.filled(static_cast<std::size_t>(got));
    reader_.front();
    if (reader_.broken()) close();
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    close();
  }
}

bool TcpPath::flush() {
  if (left_at_ == left_size_) return true;
  const ssize_t sent = ::send(fd_, left_.data() + left_at_, left_size_ - left_at_, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) left_at_ += static_cast<std::size_t>(sent);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) close();
  return left_at_ == left_size_;
}

void TcpPath::send(Bytes packet) {
  if (over_ || packet.empty() || packet.size() > FrameReader::kMaxPacket || !flush()) return;
  left_[0] = static_cast<std::uint8_t>(packet.size() >> 8);
  left_[1] = static_cast<std::uint8_t>(packet.size());
  std::copy(packet.begin(), packet.end(), left_.begin() + FrameReader::kLengthBytes);
  left_size_ = FrameReader::kLengthBytes + packet.size();
  const ssize_t sent = ::send(fd_, left_.data(), left_size_, MSG_DONTWAIT | MSG_NOSIGNAL);
  // Nothing of it has gone: it is lost. Some of it: the rest follows before anything else.
  left_at_ = sent > 0 ? static_cast<std::size_t>(sent) : left_size_;
  if (sent < 0 && errno != EAGAIN && errno != EINTR) close();
}

}  // namespace call_media
