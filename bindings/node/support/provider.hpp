// Objects of JavaScript as providers: one object behind the C vtables of its interfaces. Hand-written; the generated offer_*.cpp
// add a class for each interface.
//
// Threads. Everything JavaScript does happens on its environment's thread. Threads of the host write the arguments of a call
// where they are and post a packet; they wait for JavaScript in `create` alone, which is [lifecycle] and never on the
// environment's thread.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/dispatcher.hpp"
#include "support/object.hpp"
#include "support/wire.hpp"
#include "trunkline/app_plugin.h"
#include "trunkline/call_table.hpp"
#include "trunkline/completion.hpp"

namespace trunkline::node {

/// An operation that JavaScript was asked for. Destroyed without having been completed it fails with "the operation was dropped".
class ProviderCall {
 public:
  ProviderCall() = default;
  ProviderCall(const ProviderCall&) = delete;
  virtual ~ProviderCall() = default;
  /// Reads the result and hands it over. Once.
  virtual void complete(Reader& in) = 0;
  virtual void fail(const Error& error) = 0;

  CancelSubscription cancellation;  // ends before the completion
};

template <class R>
class ProviderCallOf final : public ProviderCall {
 public:
  explicit ProviderCallOf(Completion<R> done) : done_(std::move(done)) {}
  void complete([[maybe_unused]] Reader& in) override {
    if constexpr (std::is_void_v<R>) {
      done_.resolve();
    } else {
      R value{};
      try {
        read(in, value);
      } catch (...) {
        return done_.reject(current_error());
      }
      done_.resolve(std::move(value));
    }
  }
  void fail(const Error& error) override { done_.reject(error); }

 private:
  Completion<R> done_;
};

class ProviderObject;

/// What the providers of one environment share. [any thread] but for what is marked.
class ProviderHub : public std::enable_shared_from_this<ProviderHub> {
 public:
  explicit ProviderHub(std::shared_ptr<Dispatcher> dispatcher) : dispatcher_(std::move(dispatcher)) {}

  /// Posts a packet that JavaScript answers by number.
  void tell(PacketKind kind, std::uint32_t call, std::uint32_t handle, Writer payload = {});
  /// Keeps the call and gives it a number; 0 when the environment is gone, and then the call has failed.
  std::uint32_t keep(std::unique_ptr<ProviderCall> call);
  /// Null when it has been answered.
  std::unique_ptr<ProviderCall> take(std::uint32_t number);
  void subscribe(std::uint32_t number, const Call& call);

  std::uint32_t add(std::shared_ptr<ProviderObject> object);
  std::shared_ptr<ProviderObject> find(std::uint32_t instance);
  void remove(std::uint32_t instance);
  /// What to tell the instance's host; until remove().
  void watch(std::uint32_t instance, tl_iface work);
  /// The environment ends: what is under way fails, and what waits is woken. [environment's thread]
  void close();
  // While something is on its way to JavaScript, or JavaScript has not come to rest after it, the hosts of the instances wait.
  void posted();
  /// So many packets were handed over. [environment's thread]
  void delivered(std::size_t count);
  /// Nothing is left to do until something comes from outside. [environment's thread]
  void idle();
  bool closed() const { return closed_.load(std::memory_order_acquire); }

 private:
  const std::shared_ptr<Dispatcher> dispatcher_;
  std::atomic<bool> closed_{false};
  std::mutex mutex_;  // guards what follows
  std::uint32_t last_call_ = 0, last_instance_ = 0;
  std::unordered_map<std::uint32_t, std::unique_ptr<ProviderCall>> calls_;
  std::unordered_map<std::uint32_t, std::shared_ptr<ProviderObject>> instances_;

  std::mutex work_mutex_;  // guards what follows; taken after mutex_, never before
  std::uint64_t posted_ = 0, delivered_ = 0;
  bool busy_ = false;
  std::unordered_map<std::uint32_t, tl_iface> works_;  // of instances
  void set_busy(bool busy);
};

/// One instance. Shared by the host, which stops it, and by the hub, which forgets it when JavaScript has.
class ProviderObject final : public Implementation {
 public:
  ProviderObject(std::shared_ptr<ProviderHub> hub, const tl_host* host, const std::string& plugin_id);

  /// Asks JavaScript for the instance and waits. Throws what it said.
  void open(std::uint32_t plugin, std::string_view config_json);
  /// The answer to that: the interfaces with what their @sync operations give, or why not. [environment's thread]
  void opened(Reader& in);
  void refused(Error error);

  /// Index of the part that is being made.
  std::uint32_t next_part() const { return static_cast<std::uint32_t>(parts_.size()); }
  /// `packet`: what write_call wrote, and the arguments.
  void begin(const Call& call, std::unique_ptr<ProviderCall> pending, Writer packet);
  void begin_stop(void (*done)(void*), void* user);
  /// The stop hook has run. [environment's thread]
  void drained();
  /// Nothing of the host may be used from now on.
  void end();
  void environment_closed();

  /// A service or event interface of the host; null when it offers none. [environment's thread]
  std::unique_ptr<Object> client(const std::shared_ptr<ProviderObject>& self, std::string_view interface_id);
  /// While one lives the host is not freed. Throws kFailedPrecondition once it is gone.
  class HostUse {
   public:
    explicit HostUse(ProviderObject& object);
    HostUse(const HostUse&) = delete;
    ~HostUse();

   private:
    ProviderObject& object_;
  };

  std::uint32_t instance = 0;  // set by open

 private:
  void settle_open(std::unique_ptr<Error> error);

  const std::shared_ptr<ProviderHub> hub_;
  const tl_host* const host_;
  CallTable calls_;  // to the host
  std::vector<std::unique_ptr<Implementation>> parts_;
  std::atomic<bool> ended_{false};
  std::atomic<int> uses_{0};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool answered_ = false;
  std::unique_ptr<Error> refusal_;
  void (*stopped_)(void*) = nullptr;
  void* stopped_user_ = nullptr;
};

/// part, operation, deadline?, idempotency key, traceparent, resource.
void write_call(Writer& out, std::uint32_t part, std::uint32_t operation, const Call& call);
/// What the generated classes do with each operation.
template <class R, class... Args>
void begin(ProviderObject& object, std::uint32_t part, std::uint32_t operation, const Call& call, Completion<R> done,
           const Args&... args) {
  Writer packet;
  write_call(packet, part, operation, call);
  (write(packet, args), ...);
  object.begin(call, std::make_unique<ProviderCallOf<R>>(std::move(done)), std::move(packet));
}

/// A plugin of the application whose object JavaScript knows by `plugin`.
tl_app_plugin app_plugin(std::shared_ptr<ProviderHub> hub, std::uint32_t plugin, std::string id, std::string_view manifest);

/// (report as JSON, as text, as JUnit). Blocks: not on the environment's thread. Throws Error.
std::vector<std::string> run_conformance(const tl_app_plugin& plugin, std::string_view options_json);

}  // namespace trunkline::node
