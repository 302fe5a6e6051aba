// One call on its way: how it was made, and where its outcome goes.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "support/dispatcher.hpp"
#include "support/object.hpp"
#include "support/wire.hpp"
#include "trunkline/call.hpp"
#include "trunkline/callback.hpp"

namespace trunkline::node {

/// Takes the outcome of one call on any thread and writes it right there, so that the environment's thread has little left to
/// do. Copies share the call; the client calls one of them once.
class Reply {
 public:
  /// `owner`: of an object that the call makes.
  Reply(std::shared_ptr<Dispatcher> dispatcher, std::uint32_t call, Handle owner)
      : dispatcher_(std::move(dispatcher)), call_(call), owner_(owner) {}

  template <class T>
  void operator()(Result<T> result) const {
    Packet packet = begin(result.ok());
    if (!result.ok())
      write(packet.payload, result.error());
    else if constexpr (!std::is_void_v<T>)
      write(packet.payload, result.value());
    dispatcher_->post(std::move(packet));
  }
  void object(std::unique_ptr<Object> made) const {
    Packet packet = begin(true);
    packet.object = std::move(made);
    packet.owner = owner_;
    dispatcher_->post(std::move(packet));
  }
  void fail(const Error& error) const {
    Packet packet = begin(false);
    write(packet.payload, error);
    dispatcher_->post(std::move(packet));
  }

 private:
  Packet begin(bool ok) const {
    Packet packet;
    packet.call = call_;
    packet.kind = ok ? PacketKind::kResult : PacketKind::kError;
    return packet;
  }

  std::shared_ptr<Dispatcher> dispatcher_;
  std::uint32_t call_;
  Handle owner_;
};

/// A reply, or what stands for one, as the callback of a call: all calls with the same result share their code.
template <class R, class To>
class ReplyReceiver final : public abi::Receiver<R> {
 public:
  explicit ReplyReceiver(To to) : to_(std::move(to)) {}
  void complete(Result<R> result) noexcept override {
    const std::unique_ptr<ReplyReceiver> self(this);
    to_(std::move(result));
  }

 private:
  To to_;
};
/// `to` is called once; the callback owns it until then.
template <class R, class To>
abi::Callback<R> answer(To to) {
  return abi::Callback<R>(*new ReplyReceiver<R, To>(std::move(to)));
}

struct Request {
  Reply reply;
  CallOptions options;
};

}  // namespace trunkline::node
