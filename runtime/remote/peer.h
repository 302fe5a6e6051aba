// One end of a connection between a host and the process of a plugin: calls that go out, calls that come in.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/remote/frame.h"
#include "runtime/remote/incoming.h"
#include "trunkline/abi.h"
#include "trunkline/errors.hpp"
#include "wire/table.h"

namespace trunkline::remote {

/// A call to the other side that has not completed.
struct Outgoing;

/// Knows nothing of sockets, threads and processes: whoever derives from it moves the frames. The same on both sides. Members are
/// [any-thread] unless they say otherwise; `done` of what goes out runs on the thread that receives, without a lock.
class Peer : public std::enable_shared_from_this<Peer> {
 public:
  /// Calls that may be under way in one direction, and streams that may be open.
  static constexpr std::size_t kMaxCalls = 65'536;
  static constexpr std::size_t kMaxStreams = 1'024;

  /// `errors`: how errors are made and read on this side.
  explicit Peer(abi::Errors errors);
  Peer(const Peer&) = delete;
  virtual ~Peer();

  /// What the other side may call as `target`, an index into wire::interfaces(). Before the other side can know of it.
  /// [lifecycle]
  void offer(std::size_t target, tl_iface object);
  /// Calls the other side's object. Completes at once when that is not possible.
  void begin(std::size_t target, const wire::Operation& operation, const tl_call* call, const void* const* arguments,
             wire::AnyDone done, void* user) noexcept;
  /// Deals with a frame of the other side. Throws kDataLoss for one that it cannot have meant; nothing can be believed after
  /// that. One thread at a time, but for completions of @sync calls, which only wake whoever waits.
  void receive(Frame&& frame);
  /// True: somebody waits for this frame who must not be kept waiting by what is before it.
  bool wakes(const FrameHead& head) const;
  /// Every call under way ends in what `why` says of its operation and id, and so do later ones at once. What the other side
  /// still waits for is answered nowhere. Idempotent; the first reason stays.
  using Reason = std::function<Error(std::string_view operation, std::uint64_t id)>;
  void close(Reason why);
  bool closed() const { return closed_.load(std::memory_order_acquire); }
  std::size_t pending() const;

  const abi::Errors& errors() const { return errors_; }
  /// A call has come to its end here, see IncomingPool.
  void answer(Incoming& call, const void* result, tl_error* error);
  /// Whom to tell that something was completed which is not under way.
  static void set_stray_listener(Peer* peer);
  static Peer* stray_listener();
  void stray(std::string_view operation) noexcept { misused("second_done", operation, {}); }

 protected:
  friend struct RemoteStream;
  /// Sends a whole frame, soon. Must not throw, nor call back.
  virtual void transmit(std::string_view frame) noexcept = 0;
  /// Something that the ABI forbids: kinds as in CallIncident.
  virtual void misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept = 0;
  /// A frame that is not about calls.
  virtual void control(Frame&& frame) = 0;
  /// Around what may take long: code that is not ours runs. `call`: 0 for a completion.
  virtual void entering(const FrameHead& head) noexcept { (void)head; }
  virtual void left() noexcept {}
  /// Returns when a @sync call has been answered.
  virtual void await(const std::atomic<bool>& answered);
  virtual void notify_answered() {}
  /// What is still served for the other side when the connection is closed is asked to stop: nobody waits for it.
  bool cancels_when_closed_ = false;
  /// Whose operations are served here, for messages.
  std::string who_ = "the plugin";

 private:
  void serve(Frame&& frame);
  void serve_next(const Frame& frame);
  void take_reply(Frame&& frame);
  void finish(Outgoing& call, const FrameHead& head, const std::string& body);
  void put_back(const std::shared_ptr<Outgoing>& call);
  void fail(Outgoing& call, const Error& error) noexcept;
  void refuse(std::uint64_t id, const Error& error);
  std::optional<Error> start(const std::shared_ptr<Outgoing>& call);
  static void forget_cancel(Outgoing& call);
  void begin_next(std::uint64_t stream, const wire::Type* item, std::uint32_t max,
                  void (*done)(void* user, const tl_list* items, tl_error* error), void* user) noexcept;
  static void cancel_outgoing(void* call);

  const abi::Errors errors_;
  std::vector<tl_iface> offered_;         // by target
  std::atomic<std::uint32_t> offers_{0};  // orders what offer() wrote before what serve() reads
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> next_id_{1};
  mutable std::mutex mutex_;  // guards what follows
  Reason why_closed_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Outgoing>> outgoing_;
  std::unordered_map<std::uint64_t, void*> cancellable_;  // calls served, by id
  struct Served {
    tl_stream stream;
    const wire::Type* item;
  };
  std::unordered_map<std::uint64_t, Served> streams_;
  std::uint64_t next_stream_ = 1;
};

}  // namespace trunkline::remote
