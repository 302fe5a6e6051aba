#include "runtime/remote/peer.h"

#include <optional>

#include "wire/codec.h"

namespace trunkline::remote {
namespace {

using NextDone = void (*)(void* user, const tl_list* items, tl_error* error);

/// What a stream's next() is in tables.
constexpr wire::Operation kNext = {"next", 0, 0, false, {}, {wire::Kind::kList, 0, nullptr, nullptr}, nullptr, nullptr};

void next_done(void* user, const tl_list* items, tl_error* error) { wire::complete(kNext, user, items, error); }

std::atomic<Peer*> g_stray_listener{nullptr};

[[noreturn]] void broken(const std::string& what) { throw Error(ErrorCode::kDataLoss, what); }

}  // namespace

struct Outgoing {
  std::shared_ptr<Peer> peer;
  std::uint64_t id = 0;
  const wire::Operation* operation = nullptr;
  wire::Type result{};
  wire::AnyDone done = nullptr;
  NextDone next = nullptr;  // instead of `done`
  void* user = nullptr;
  const tl_cancel* cancel = nullptr;
  std::uint64_t cookie = 0;
  std::atomic<bool> sent{false}, cancelled{false};
  // Of a @sync call.
  bool sync = false;
  std::atomic<bool> answered{false};
  std::optional<Error> failed;
  Frame reply;

  void tell(const void* value, tl_error* error) const {
    if (next)
      next(user, static_cast<const tl_list*>(value), error);
    else
      operation->finish(done, user, value, error);
  }
};

/// The other side's stream as it is seen here.
struct RemoteStream {
  std::shared_ptr<Peer> peer;
  std::uint64_t id;
  const wire::Type* item;

  static void next(void* self, std::uint32_t max, NextDone done, void* user) {
    auto& stream = *static_cast<RemoteStream*>(self);
    const std::shared_ptr<Peer> peer = stream.peer;
    peer->begin_next(stream.id, stream.item, max, done, user);
  }
  static void close(void* self) {
    const std::unique_ptr<RemoteStream> stream(static_cast<RemoteStream*>(self));
    if (!stream->peer->closed()) stream->peer->transmit(bare_frame(FrameType::kClose, stream->id));
  }
  static constexpr tl_stream_vtbl kVtbl{sizeof(tl_stream_vtbl), 0, &next, &close};
};

Peer::Peer(abi::Errors errors) : errors_(errors), offered_(wire::interfaces().size()) {}

Peer::~Peer() {
  for (const auto& [id, served] : streams_)
    if (served.stream.vtbl) served.stream.vtbl->close(served.stream.self);
}

void Peer::set_stray_listener(Peer* peer) { g_stray_listener = peer; }
Peer* Peer::stray_listener() { return g_stray_listener; }

void Peer::offer(std::size_t target, tl_iface object) {
  offered_[target] = object;
  offers_.fetch_add(1, std::memory_order_release);
}

void Peer::await(const std::atomic<bool>& answered) { answered.wait(false, std::memory_order_acquire); }

std::size_t Peer::pending() const {
  const std::lock_guard lock(mutex_);
  return outgoing_.size();
}

// ---- going out ----

void Peer::fail(Outgoing& call, const Error& error) noexcept { call.tell(nullptr, errors_.make(error)); }

// Why not; nothing: it is under way.
std::optional<Error> Peer::start(const std::shared_ptr<Outgoing>& call) {
  Reason why;
  {
    const std::lock_guard lock(mutex_);
    if (why_closed_) {
      why = why_closed_;
    } else if (outgoing_.size() < kMaxCalls) {
      outgoing_.emplace(call->id, call);
      return std::nullopt;
    }
  }
  if (why) return why(call->operation->name, 0);
  return std::move(Error(ErrorCode::kResourceExhausted, "too many calls are under way")).with_retry();
}

// Whoever ends a call has it alone: it is no longer among those under way.
void Peer::forget_cancel(Outgoing& call) {
  if (call.cookie) call.cancel->unsubscribe(call.cancel->ctx, std::exchange(call.cookie, 0));
}

void Peer::cancel_outgoing(void* argument) {
  auto& call = *static_cast<Outgoing*>(argument);
  call.cancelled = true;
  if (call.sent) call.peer->transmit(bare_frame(FrameType::kCancel, call.id));
}

void Peer::begin(std::size_t target, const wire::Operation& operation, const tl_call* call, const void* const* arguments,
                 wire::AnyDone done, void* user) noexcept {
  auto out = std::make_shared<Outgoing>();
  out->peer = shared_from_this();
  out->id = next_id_.fetch_add(1, std::memory_order_relaxed);
  out->operation = &operation;
  out->result = operation.result;
  out->done = done;
  out->user = user;
  out->sync = operation.sync;
  Scratch scratch;
  std::string& frame = scratch.text();
  try {
    begin_frame(frame);
    wire::Writer writer(frame);
    writer.call(call);
    writer.arguments(operation, arguments);
    end_frame(frame, FrameType::kCall, out->id, static_cast<std::uint32_t>(target), operation.index);
  } catch (...) {
    return fail(*out, current_error());
  }
  const tl_cancel* const cancel = !out->sync && call && TL_HAS(call, cancel) ? call->cancel : nullptr;
  if (cancel) {
    out->cancel = cancel;
    out->cookie = cancel->subscribe(cancel->ctx, &cancel_outgoing, out.get());
  }
  // Not before: from now on others may end it.
  if (const std::optional<Error> why = start(out)) {
    forget_cancel(*out);
    return fail(*out, *why);
  }
  transmit(frame);
  out->sent = true;
  if (out->cancelled) transmit(bare_frame(FrameType::kCancel, out->id));
  if (!out->sync) return;
  await(out->answered);
  if (out->failed) return fail(*out, *out->failed);
  try {
    finish(*out, out->reply.head, out->reply.body);
  } catch (const Error& error) {
    fail(*out, error);
  }
}

void Peer::begin_next(std::uint64_t stream, const wire::Type* item, std::uint32_t max, NextDone done, void* user) noexcept {
  auto out = std::make_shared<Outgoing>();
  out->peer = shared_from_this();
  out->id = next_id_.fetch_add(1, std::memory_order_relaxed);
  out->operation = &kNext;
  out->result = {wire::Kind::kList, 0, item, nullptr};
  out->next = done;
  out->user = user;
  if (const std::optional<Error> why = start(out)) return fail(*out, *why);
  Scratch scratch;
  std::string& frame = scratch.text();
  begin_frame(frame);
  wire::Writer writer(frame);
  writer.number(stream);
  writer.number(max);
  end_frame(frame, FrameType::kNext, out->id);
  transmit(frame);
}

bool Peer::wakes(const FrameHead& head) const {
  if (head.type != FrameType::kReply) return false;
  const std::lock_guard lock(mutex_);
  const auto found = outgoing_.find(head.id);
  return found != outgoing_.end() && found->second->sync;
}

void Peer::take_reply(Frame&& frame) {
  std::shared_ptr<Outgoing> call;
  {
    const std::lock_guard lock(mutex_);
    const auto found = outgoing_.find(frame.head.id);
    if (found == outgoing_.end()) broken("a reply to a call that is not under way");
    call = std::move(found->second);
    outgoing_.erase(found);
  }
  if (!call->sync) {
    try {
      return finish(*call, frame.head, frame.body);
    } catch (...) {
      // finish() throws only for what cannot be read: the call is still under way, for close() to end.
      put_back(call);
      throw;
    }
  }
  call->reply = std::move(frame);
  call->answered.store(true, std::memory_order_release);
  call->answered.notify_all();
  notify_answered();
}

void Peer::put_back(const std::shared_ptr<Outgoing>& call) {
  Reason why;
  {
    const std::lock_guard lock(mutex_);
    why = why_closed_;
    if (!why) outgoing_.emplace(call->id, call);
  }
  if (!why) return;
  forget_cancel(*call);
  fail(*call, why(call->operation->name, call->id));
}

void Peer::finish(Outgoing& call, const FrameHead& head, const std::string& body) {
  abi::Arena arena;
  wire::Reader reader(body, arena);
  const void* value = nullptr;
  std::optional<Error> error;
  tl_stream stream{};
  std::uint64_t stream_id = 0;
  if (head.operation == kReplyError) {
    error = reader.error();
  } else if (head.operation == kReplyResult) {
    if (call.result.kind == wire::Kind::kStream) {
      stream_id = reader.number<std::uint64_t>();
      value = &stream;
    } else if (call.result.kind != wire::Kind::kVoid) {
      value = reader.result(call.result);
    }
  } else if (head.operation != kReplyNothing) {
    broken("a reply of an unknown form");
  }
  reader.end();
  if (value == &stream) stream = {new RemoteStream{shared_from_this(), stream_id, call.result.of}, &RemoteStream::kVtbl};
  forget_cancel(call);
  // A thread that waits for a @sync call is inside already, wherever it came from.
  if (call.sync) return call.tell(value, error ? errors_.make(*error) : nullptr);
  entering(head);
  call.tell(value, error ? errors_.make(*error) : nullptr);
  left();
}

void Peer::close(Reason why) {
  std::unordered_map<std::uint64_t, std::shared_ptr<Outgoing>> open;
  std::unordered_map<std::uint64_t, void*> served;
  {
    const std::lock_guard lock(mutex_);
    if (why_closed_) return;
    why_closed_ = why;
    closed_.store(true, std::memory_order_release);
    open.swap(outgoing_);
    served.swap(cancellable_);
  }
  if (cancels_when_closed_)
    for (const auto& [id, handle] : served) IncomingPool::instance().cancel(handle);
  for (const auto& [id, call] : open) {
    const Error error = why(call->operation->name, id);
    if (call->sync) {
      call->failed = error;
      call->answered.store(true, std::memory_order_release);
      call->answered.notify_all();
      notify_answered();
      continue;
    }
    forget_cancel(*call);
    fail(*call, error);
  }
}

// ---- coming in ----

void Peer::receive(Frame&& frame) {
  switch (frame.head.type) {
    case FrameType::kCall:
      return serve(std::move(frame));
    case FrameType::kNext:
      return serve_next(frame);
    case FrameType::kReply:
      return take_reply(std::move(frame));
    case FrameType::kCancel: {
      void* handle = nullptr;
      {
        const std::lock_guard lock(mutex_);
        if (const auto found = cancellable_.find(frame.head.id); found != cancellable_.end()) handle = found->second;
      }
      if (handle) IncomingPool::instance().cancel(handle);
      return;
    }
    case FrameType::kClose: {
      Served served{};
      {
        const std::lock_guard lock(mutex_);
        const auto found = streams_.find(frame.head.id);
        if (found == streams_.end()) broken("the end of a stream that is not open");
        served = found->second;
        streams_.erase(found);
      }
      served.stream.vtbl->close(served.stream.self);
      return;
    }
    default:
      return control(std::move(frame));
  }
}

void Peer::refuse(std::uint64_t id, const Error& error) {
  std::string frame;
  begin_frame(frame);
  wire::Writer(frame).error(error);
  end_frame(frame, FrameType::kReply, id, 0, kReplyError);
  transmit(frame);
}

void Peer::serve(Frame&& frame) {
  const FrameHead head = frame.head;
  const auto all = wire::interfaces();
  if (head.target >= all.size()) broken("a call of an unknown interface");
  const wire::Interface& interface = *all[head.target];
  if (head.operation >= interface.operations.size()) broken("a call of an unknown operation of " + std::string(interface.id));
  const wire::Operation& operation = interface.operations[head.operation];
  const tl_iface object = offers_.load(std::memory_order_acquire) > 0 ? offered_[head.target] : tl_iface{};
  const auto offers_slot = [&] {
    std::uint32_t size = 0;
    std::memcpy(&size, object.vtbl, sizeof size);
    void* slot = nullptr;
    if (size >= operation.slot + sizeof slot)
      std::memcpy(&slot, static_cast<const char*>(object.vtbl) + operation.slot, sizeof slot);
    return slot != nullptr;
  };
  if (!object.vtbl || !offers_slot())
    return refuse(head.id, Error(ErrorCode::kUnimplemented, std::string(operation.name) + " is not offered"));
  IncomingPool& pool = IncomingPool::instance();
  if (pool.live() >= kMaxCalls)
    return refuse(head.id, std::move(Error(ErrorCode::kResourceExhausted, "too many calls are under way")).with_retry());
  Incoming& call = pool.acquire();
  call.peer = shared_from_this();
  call.id = head.id;
  call.operation = &operation;
  call.body.swap(frame.body);  // and the next frame has the room of an earlier one
  void* const handle = IncomingPool::handle(call);
  const void* const* arguments = nullptr;
  std::uint8_t shape = 0;
  try {
    wire::Reader reader(call.body, call.arena);
    shape = reader.call(call.call);
    arguments = reader.arguments(operation);
    reader.end();
  } catch (...) {
    if (Incoming* const claimed = pool.claim(handle, &operation)) pool.release(*claimed);
    throw;
  }
  if ((shape & wire::kCallCancellable) || (cancels_when_closed_ && !operation.sync)) {
    call.make_cancellable();
    shape |= wire::kCallPresent;
    const std::lock_guard lock(mutex_);
    cancellable_.emplace(head.id, handle);
  }
  entering(head);
  try {
    operation.invoke(object.vtbl, object.self, shape & wire::kCallPresent ? &call.call : nullptr, arguments, handle);
  } catch (...) {
    const std::string why = current_error().message;
    misused("exception", operation.name, why);
    if (Incoming* const claimed = pool.claim(handle, &operation))
      answer(*claimed, nullptr,
             errors_.make(
                 Error(ErrorCode::kInternal, who_ + " let an exception out of " + std::string(operation.name) + ": " + why)));
  }
  left();
}

void Peer::serve_next(const Frame& frame) {
  abi::Arena arena;
  wire::Reader reader(frame.body, arena);
  const auto id = reader.number<std::uint64_t>();
  const auto max = reader.number<std::uint32_t>();
  reader.end();
  Served served{};
  {
    const std::lock_guard lock(mutex_);
    const auto found = streams_.find(id);
    if (found == streams_.end()) broken("a read of a stream that is not open");
    served = found->second;
  }
  Incoming& call = IncomingPool::instance().acquire();
  call.peer = shared_from_this();
  call.id = frame.head.id;
  call.operation = &kNext;
  call.item = served.item;
  entering(frame.head);
  served.stream.vtbl->next(served.stream.self, max, &next_done, IncomingPool::handle(call));
  left();
}

void Peer::answer(Incoming& call, const void* result, tl_error* error) {
  const std::shared_ptr<Peer> self = call.peer;
  const wire::Operation& operation = *call.operation;
  if (!call.arena.intact()) misused("overrun", operation.name, "memory around the arguments was overwritten");
  wire::Type type = operation.result;
  if (call.item) type.of = call.item;
  Scratch scratch;
  std::string& frame = scratch.text();
  begin_frame(frame);
  std::uint32_t form = kReplyResult;
  try {
    wire::Writer writer(frame);
    if (error) {
      form = kReplyError;
      writer.error(errors_.take(error));
    } else if (type.kind == wire::Kind::kStream && result) {
      const tl_stream& stream = *static_cast<const tl_stream*>(result);
      if (!stream.vtbl || !stream.vtbl->next || !stream.vtbl->close)
        throw Error(ErrorCode::kInvalidArgument, "a stream without functions");
      const std::lock_guard lock(mutex_);
      if (streams_.size() >= kMaxStreams) throw Error(ErrorCode::kResourceExhausted, "too many streams are open");
      streams_.emplace(next_stream_, Served{stream, type.of});
      writer.number(next_stream_++);
    } else if (type.kind != wire::Kind::kVoid) {
      if (result)
        writer.value(type, result, "result");
      else
        form = kReplyNothing;
    }
  } catch (...) {
    Error why = current_error();
    if (why.code == ErrorCode::kInvalidArgument) {
      misused("bad_result", operation.name, why.message);
      why = Error(ErrorCode::kInternal,
                  who_ + " completed " + operation.name + " with a result that cannot be read: " + why.message);
    }
    begin_frame(frame);
    wire::Writer(frame).error(why);
    form = kReplyError;
  }
  end_frame(frame, FrameType::kReply, call.id, 0, form);
  if (call.call.cancel) {
    const std::lock_guard lock(mutex_);
    cancellable_.erase(call.id);
  }
  IncomingPool::instance().release(call);
  if (!closed()) transmit(frame);
}

}  // namespace trunkline::remote

void trunkline::wire::complete(const Operation& operation, void* user, const void* result, tl_error* error) noexcept {
  using namespace trunkline::remote;
  if (Incoming* const call = IncomingPool::instance().claim(user, &operation)) {
    const std::shared_ptr<Peer> peer = call->peer;
    return peer->answer(*call, result, error);
  }
  Peer* const listener = Peer::stray_listener();
  if (!listener) return;
  if (error) listener->errors().free(error);
  listener->stray(operation.name);
}
