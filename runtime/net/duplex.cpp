#include "runtime/net/duplex.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "runtime/net/connection.h"

namespace trunkline::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kBatchPieces = 64;
constexpr std::size_t kBatchBytes = 64 * 1024;
constexpr std::size_t kSmallRead = 2 * 1024;
constexpr std::size_t kLargeRead = 32 * 1024;
constexpr std::size_t kMaxDiscarded = 1024 * 1024;
constexpr Duration kWindDown = std::chrono::seconds{2};

}  // namespace

Duplex::Duplex(std::shared_ptr<Connection> connection, std::size_t queue_bytes)
    : connection_(std::move(connection)),
      strand_(asio::make_strand(connection_->core_->executor.context())),
      queue_bytes_(queue_bytes) {}

Duplex::~Duplex() = default;

Time Duplex::now() const { return connection_->core_->clock.now(); }
Log& Duplex::log() const { return connection_->core_->log; }

void Duplex::begin(std::string head, std::string early) {
  {
    const std::lock_guard lock(mutex_);
    Piece first;
    first.body = share(std::move(head));
    queued_bytes_ += first.size();
    queue_.push_front(std::move(first));
    pump_scheduled_ = true;
  }
  asio::post(strand_, [self = shared_from_this(), early = std::move(early)] {
    self->progress_ = self->now();
    self->pump();
    self->run_tick();
    if (!early.empty() && !self->on_bytes(early)) return;
    self->read();
  });
}

void Duplex::tick() {
  asio::post(strand_, [self = shared_from_this()] { self->run_tick(); });
}

void Duplex::quiesce() {
  asio::post(strand_, [self = shared_from_this()] { self->on_drain(); });
}

void Duplex::run_tick() {
  Time due;
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    due = now() + std::chrono::hours{24};
    if (queued_bytes_ > 0) due = progress_ + connection_->core_->options.timeouts.write;
    if (winding_down_) due = std::min(due, wind_down_due_);
  }
  const Time at = now();
  if (due <= at) return cut();  // it does not read, or does not go
  due = std::min(due, on_tick(at));
  tick_by(due);
}

void Duplex::tick_by(Time due) {
  connection_->set_deadline(std::chrono::duration_cast<std::chrono::microseconds>(due.time_since_epoch()).count());
}

Duplex::Pushed Duplex::push_now(Piece piece, bool urgent) {
  const std::lock_guard lock(mutex_);
  if (gone_ || sealed_) return Pushed::kClosed;
  if (!urgent && queued_bytes_ >= queue_bytes_) return Pushed::kFull;
  queued_bytes_ += piece.size();
  queue_.push_back(std::move(piece));
  schedule_pump();
  return Pushed::kTaken;
}

Task<bool> Duplex::push(Piece piece) {
  const auto self = shared_from_this();
  for (;;) {
    const Pushed pushed = push_now(piece);
    if (pushed != Pushed::kFull) co_return pushed == Pushed::kTaken;
    auto room = from_callback<void>([self](auto done) {
      {
        const std::lock_guard lock(self->mutex_);
        if (!self->gone_ && !self->sealed_ && self->queued_bytes_ >= self->queue_bytes_) {
          self->waiting_for_room_.push_back([done]() mutable { done(Result<void>{}); });
          return;
        }
      }
      done(Result<void>{});
    });
    co_await room;
  }
}

void Duplex::finish(Piece last) {
  std::vector<UniqueFunction<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || finishing_) return;
    finishing_ = true;
    if (!sealed_ && last.size() > 0) {
      queued_bytes_ += last.size();
      queue_.push_back(std::move(last));
    }
    sealed_ = true;
    waiting.swap(waiting_for_room_);
    schedule_pump();
  }
  for (auto& go : waiting) go();
}

void Duplex::seal(Piece last) {
  std::vector<UniqueFunction<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || sealed_) return;
    sealed_ = true;
    queued_bytes_ += last.size();
    queue_.push_back(std::move(last));
    waiting.swap(waiting_for_room_);
    schedule_pump();
  }
  for (auto& go : waiting) go();
}

bool Duplex::sealed() const {
  const std::lock_guard lock(mutex_);
  return gone_ || sealed_;
}

std::size_t Duplex::queued() const {
  const std::lock_guard lock(mutex_);
  return queued_bytes_;
}

void Duplex::schedule_pump() {
  if (pump_scheduled_ || writing_) return;
  pump_scheduled_ = true;
  asio::post(strand_, [self = shared_from_this()] {
    self->progress_ = self->now();
    self->pump();
  });
}

// What waits, up to a batch. False: there is nothing to write now.
bool Duplex::gather() {
  bool done = false;
  {
    const std::lock_guard lock(mutex_);
    pump_scheduled_ = false;
    if (writing_ || gone_) return false;
    in_flight_.clear();
    flight_bytes_ = flight_written_ = 0;
    while (!queue_.empty() && in_flight_.size() < kBatchPieces && flight_bytes_ < kBatchBytes) {
      flight_bytes_ += queue_.front().size();
      in_flight_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    writing_ = !in_flight_.empty();
    done = !writing_ && finishing_;
  }
  if (done) wind_down();
  return !in_flight_.empty();
}

void Duplex::pump() {
  while (gather()) {
    if (connection_->tls_) return write_tls();
    if (!write_plain()) return;
    written();
  }
}

// True: all of it has gone. Otherwise it waits for room in the socket, or the connection has ended.
bool Duplex::write_plain() {
  for (;;) {
    std::array<iovec, kBatchPieces * 4> parts;
    std::size_t count = 0;
    std::size_t skip = flight_written_;
    const auto add = [&](const char* data, std::size_t size) {
      if (skip >= size) {
        skip -= size;
        return;
      }
      parts[count++] = {const_cast<char*>(data) + skip, size - skip};
      skip = 0;
    };
    for (const Piece& piece : in_flight_) {
      add(piece.head.data(), piece.head_size);
      add(piece.own.data(), piece.own.size());
      if (piece.body) add(piece.body->data(), piece.body->size());
      add(piece.tail.data(), piece.tail.size());
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t n = count == 0 ? 0 : ::sendmsg(connection_->socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      if (n > 0) progress_ = now();
      flight_written_ += static_cast<std::size_t>(n);
      if (flight_written_ == flight_bytes_) return true;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      cut();
      return false;
    }
    tick_by(progress_ + connection_->core_->options.timeouts.write);
    connection_->socket_.async_wait(Connection::tcp::socket::wait_write,
                                    asio::bind_executor(strand_, [self = shared_from_this()](const error_code& ec) {
                                      if (ec) return self->cut();
                                      if (!self->write_plain()) return;
                                      self->written();
                                      self->pump();
                                    }));
    return false;
  }
}

// One buffer, so that it becomes as few records as possible.
void Duplex::write_tls() {
  tls_out_.clear();
  for (const Piece& piece : in_flight_) {
    tls_out_.append(piece.head.data(), piece.head_size);
    tls_out_.append(piece.own);
    if (piece.body) tls_out_.append(*piece.body);
    tls_out_.append(piece.tail);
  }
  tick_by(progress_ + connection_->core_->options.timeouts.write);
  asio::async_write(*connection_->tls_, asio::buffer(tls_out_),
                    asio::bind_executor(strand_, [self = shared_from_this()](const error_code& ec, std::size_t) {
                      if (ec) return self->cut();
                      self->progress_ = self->now();
                      self->written();
                      self->pump();
                    }));
}

void Duplex::written() {
  std::vector<UniqueFunction<void()>> waiting;
  in_flight_.clear();
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    queued_bytes_ -= std::min(queued_bytes_, flight_bytes_);  // abandon() has counted it already
    flight_bytes_ = 0;
    if (queued_bytes_ < queue_bytes_) waiting.swap(waiting_for_room_);
  }
  on_written();
  for (auto& go : waiting) go();
}

// All is written and nothing will follow. The peer's end is awaited for a while, since closing a socket with unread input resets
// the connection and the peer may lose our last bytes.
void Duplex::wind_down() {
  if (std::exchange(winding_down_, true)) return;
  wind_down_due_ = now() + kWindDown;
  tick_by(wind_down_due_);
  if (connection_->tls_) {
    connection_->tls_->async_shutdown(
        asio::bind_executor(strand_, [self = shared_from_this()](const error_code&) { self->cut(); }));
    return;
  }
  error_code ec;
  connection_->socket_.shutdown(Connection::tcp::socket::shutdown_send, ec);
  if (ec) return cut();
  read();
}

void Duplex::cut() {
  abandon();
  connection_->close();
}

void Duplex::abandon() {
  std::vector<UniqueFunction<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(gone_, true)) return;
    sealed_ = true;
    queue_.clear();
    queued_bytes_ = 0;
    waiting.swap(waiting_for_room_);
  }
  on_gone();
  for (auto& go : waiting) go();
}

bool Duplex::go() {
  const std::lock_guard lock(mutex_);
  return !gone_;
}

void Duplex::resume_reading() {
  asio::post(strand_, [self = shared_from_this()] { self->read(); });
}

void Duplex::read() {
  if (reading_ || !go()) return;
  reading_ = true;
  if (!in_) {
    capacity_ = kSmallRead;
    in_.reset(new char[capacity_]);
  }
  const auto space = asio::buffer(in_.get(), capacity_);
  auto done =
      asio::bind_executor(strand_, [self = shared_from_this()](const error_code& ec, std::size_t n) { self->on_read(ec, n); });
  if (connection_->tls_)
    connection_->tls_->async_read_some(space, std::move(done));
  else
    connection_->socket_.async_read_some(space, std::move(done));
}

void Duplex::on_read(const error_code& ec, std::size_t bytes) {
  reading_ = false;
  if (ec || connection_->core_->stopped.load()) return cut();
  if (winding_down_) {
    discarded_ += bytes;
    if (discarded_ > kMaxDiscarded) return cut();
    return read();
  }
  const bool filled = bytes == capacity_;
  const bool more = on_bytes({in_.get(), bytes});
  if (filled && capacity_ < kLargeRead) {
    capacity_ = kLargeRead;
    in_.reset(new char[capacity_]);
  }
  if (more) read();
}

}  // namespace trunkline::net
