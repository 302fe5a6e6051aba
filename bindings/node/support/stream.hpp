// Streams: what an operation opened, as an object whose operation 0 pulls the next items.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "support/call.hpp"
#include "support/object.hpp"
#include "trunkline/stream_client.hpp"

namespace trunkline::node {

/// Destroying it closes the stream, which also ends a pull that is pending.
template <class T>
class StreamObject final : public Object {
 public:
  explicit StreamObject(StreamClient<T> stream) : stream_(std::move(stream)) {}

  void start(std::uint32_t, Reader& in, Request request) override {
    const auto most = static_cast<std::uint32_t>(in.number());
    stream_.start_next(most, std::move(request.reply));
  }

 private:
  StreamClient<T> stream_;
};

/// Completes a call that opens a stream.
struct OpenStream {
  Reply reply;

  template <class T>
  void operator()(Result<StreamClient<T>> result) const {
    if (!result.ok()) return reply.fail(result.error());
    reply.object(std::make_unique<StreamObject<T>>(std::move(result).value()));
  }
};
inline OpenStream open_stream(Reply reply) { return {std::move(reply)}; }

}  // namespace trunkline::node
