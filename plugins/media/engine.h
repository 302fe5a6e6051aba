// The media threads: every 20 ms they take in, mix and send the sound of all legs.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "media/bridge.h"
#include "media/crew.h"

namespace call_media {

/// Legs of one bridge hear all the others of it. [any-thread] but for what is marked.
class MediaEngine {
 public:
  struct Counts {
    std::uint64_t frames = 0;
    std::uint64_t late = 0;  // frames that began more than 20 ms after their time
    std::uint64_t news_lost = 0;
  };

  /// Many legs are taken in and answered by several threads, the first of which is the media thread: what one leg needs is done
  /// by one of them at a time.
  struct Split {
    static std::size_t other_cores();  // three at most
    std::size_t helpers = other_cores();
    std::size_t least_legs = 128;  // fewer are left to the media thread
  };

  /// `woken` is called on the media thread, at most once a frame, when there is news; it must not block. Of more
  /// legs in a bridge than `loudest` those are mixed; 0: all, whatever it costs.
  explicit MediaEngine(std::function<void()> woken, std::size_t loudest = kMixLoudest)
      : MediaEngine(std::move(woken), loudest, Split()) {}
  MediaEngine(std::function<void()> woken, std::size_t loudest, Split split);
  ~MediaEngine();
  MediaEngine(const MediaEngine&) = delete;

  /// Throws std::system_error when the process may have no timer more.
  void start();
  /// Waits for the thread. Idempotent.
  void stop();

  MediaLegPtr make_leg(std::uint64_t number, std::unique_ptr<RtpSockets> sockets);
  /// Does something to a leg on the media thread before the next frame; in the order in which it was asked. Must not throw.
  void change(const MediaLegPtr& leg, std::function<void(MediaLeg&)> what);
  /// Its sockets close once the media thread has let go of it.
  void remove(const MediaLegPtr& leg);
  /// What there is to tell, oldest first. One thread only.
  NewsRing& news() { return news_; }
  /// Of SrtpSession::initialise().
  bool fast_srtp() const { return fast_srtp_; }
  Counts counts() const;

  /// One frame of everything. [media thread; for tests and benchmarks: any, while it is not started]
  void run_frame();

 private:
  void run(int timer);
  void run_commands();
  /// Legs have changed: who is in which bridge. Allocates.
  void arrange();
  template <class Fn>
  void each_leg(Fn&& fn);
  void hear(MediaLeg& leg);

  const std::function<void()> woken_;
  const std::size_t loudest_;
  const Split split_;
  const bool fast_srtp_;
  NewsRing news_;
  std::thread thread_;  // NOLINT(trunkline-thread): of a plugin whose manifest says that it has threads
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  // guards commands_; taken by the media thread only when pending_ says so
  std::vector<std::function<void()>> commands_;
  std::atomic<bool> pending_{false};

  // Media thread.
  std::vector<MediaLegPtr> legs_;
  std::map<std::string, Bridge> bridges_;
  Crew crew_;  // none before there were many legs
  bool arrange_ = false;

  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> late_{0};
};

}  // namespace call_media
