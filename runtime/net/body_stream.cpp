#include "runtime/net/body_stream.h"

#include <algorithm>
#include <charconv>

#include <boost/asio/post.hpp>

namespace trunkline::net {
namespace {

/// A peer that sends this much while it is being answered has something else in mind.
constexpr std::size_t kMaxIgnored = 64 * 1024;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

BodyStream::BodyStream(std::shared_ptr<Connection> connection, StreamOptions options, bool chunked)
    : Duplex(std::move(connection), options.queue_bytes),
      options_(std::move(options)),
      chunked_(chunked),
      keep_alive_(share(options_.keep_alive)) {
  written_ = now();
}

Duplex::Piece BodyStream::chunk(SharedBytes bytes) const {
  Piece piece;
  if (chunked_) {
    char* const end = std::to_chars(piece.head.data(), piece.head.data() + 16, bytes->size(), 16).ptr;
    end[0] = '\r';
    end[1] = '\n';
    piece.head_size = static_cast<std::uint8_t>(end + 2 - piece.head.data());
    piece.tail = "\r\n";
  }
  piece.body = std::move(bytes);
  return piece;
}

Task<bool> BodyStream::write(SharedBytes bytes) {
  if (bytes->empty()) co_return !sealed();  // an empty chunk would be the last
  Piece piece = chunk(std::move(bytes));
  co_return co_await push(std::move(piece));
}

bool BodyStream::try_write(SharedBytes bytes) {
  if (bytes->empty()) return !sealed();
  return push_now(chunk(std::move(bytes))) == Pushed::kTaken;
}

void BodyStream::complete() {
  Piece last;
  if (chunked_) last.tail = kLastChunk;
  finish(std::move(last));
  tell();
}

void BodyStream::fail() {
  boost::asio::post(strand_, [self = shared_from_this()] { static_cast<BodyStream&>(*self).cut(); });
}

void BodyStream::on_closed(UniqueFunction<void()> fn) {
  {
    const std::lock_guard lock(state_mutex_);
    if (!told_) {
      on_closed_.push_back(std::move(fn));
      return;
    }
  }
  fn();
}

void BodyStream::tell() {
  std::vector<UniqueFunction<void()>> listeners;
  {
    const std::lock_guard lock(state_mutex_);
    if (std::exchange(told_, true)) return;
    listeners.swap(on_closed_);
  }
  for (auto& fn : listeners) fn();
}

// Reading only tells us when the peer leaves.
bool BodyStream::on_bytes(std::string_view bytes) {
  ignored_ += bytes.size();
  if (ignored_ <= kMaxIgnored) return true;
  cut();
  return false;
}

Time BodyStream::on_tick(Time at) {
  if (options_.keep_alive.empty() || options_.keep_alive_interval <= Duration::zero()) return at + std::chrono::hours{24};
  if (written_ + options_.keep_alive_interval <= at) {
    if (queued() == 0) push_now(chunk(keep_alive_));
    written_ = at;
  }
  return written_ + options_.keep_alive_interval;
}

}  // namespace trunkline::net
