// Internal to runtime/net: a streamed body over a Duplex, in chunks unless the peer speaks HTTP/1.0.
#pragma once
#include "runtime/net/duplex.h"

namespace trunkline::net {

class BodyStream final : public BodyWriter, public Duplex {
 public:
  BodyStream(std::shared_ptr<Connection> connection, StreamOptions options, bool chunked);

  Task<bool> write(SharedBytes bytes) override;
  bool try_write(SharedBytes bytes) override;
  bool closed() const override { return sealed(); }
  void on_closed(UniqueFunction<void()> fn) override;
  std::size_t queued_bytes() const override { return queued(); }

  /// The handler is done: the last chunk.
  void complete();
  /// The handler failed: no last chunk.
  void fail();

 private:
  bool on_bytes(std::string_view bytes) override;
  void on_gone() override { tell(); }
  void on_drain() override { complete(); }
  Time on_tick(Time now) override;
  void on_written() override { written_ = now(); }

  Piece chunk(SharedBytes bytes) const;
  void tell();

  const StreamOptions options_;
  const bool chunked_;
  const SharedBytes keep_alive_;
  Time written_{};           // [strand]
  std::size_t ignored_ = 0;  // [strand]

  std::mutex state_mutex_;
  bool told_ = false;
  std::vector<UniqueFunction<void()>> on_closed_;
};

}  // namespace trunkline::net
