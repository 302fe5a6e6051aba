// Where pages connect that cannot send UDP (ICE over TCP, RFC 6544): one port for all of them.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "media/tcp_path.h"
#include "settings.h"

namespace pstn_webrtc {

/// Takes connections and finds out, by the first packet, which session each belongs to: it has to be a check of ICE with the name
/// and the password of one. What says nothing of the kind within some seconds is closed. [any-thread]
class TcpGate {
 public:
  using Path = std::shared_ptr<std::unique_ptr<TcpPath>>;  // to be taken out by whoever gets it
  using Taken = std::function<void(Path)>;

  static constexpr std::size_t kMaxUnknown = 64;  // that have not said yet whose they are: the oldest gives way
  static constexpr int kPatienceSeconds = 5;

  /// Listens at all of them. `most`: connections that belong to sessions. Where somebody else listens, such as the instance that
  /// this one follows, it tries again every second. Throws kUnavailable.
  TcpGate(const std::vector<std::string>& addresses, std::uint16_t port, std::size_t most);
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;

  /// Whoever knows the password is let in from now on. `taken` is called on the gate's thread, and must not block.
  void admit(const std::string& user, std::string password, Taken taken);
  void forget(const std::string& user);
  /// Somebody else had a port when this began.
  bool had_to_wait() const { return had_to_wait_; }

 private:
  struct Session {
    std::string password;
    Taken taken;
  };
  struct Unknown {
    int fd = -1;
    Endpoint peer;
    FrameReader reader;
    int age = 0;  // seconds
  };

  void listen(bool again);
  void run();
  void accept_from(int listener);
  /// False: it is known now, or gone.
  bool hear(Unknown& one);
  bool identify(Unknown& one, Bytes packet);
  void close_all();

  const std::uint16_t port_;
  const std::size_t most_;
  std::vector<std::string> wanted_;  // addresses where nobody of ours listens yet; the gate's thread
  bool had_to_wait_ = false;
  std::vector<int> listeners_;
  bool resting_ = false;  // nobody is accepted until the next second; the gate's thread
  int wake_ = -1;
  int timer_ = -1;
  const std::shared_ptr<std::atomic<std::size_t>> open_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::vector<std::unique_ptr<Unknown>> unknown_;  // oldest first; the gate's thread
  std::uint32_t last_stream_ = 0;
  std::mutex mutex_;  // guards sessions_
  std::map<std::string, Session, std::less<>> sessions_;
  std::thread thread_;  // NOLINT(trunkline-thread): of a plugin whose manifest says that it has threads
};

}  // namespace pstn_webrtc
