// The last requests that were turned away, for whoever wonders why.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::server {

/// What the wire does not say: which header, hash, date or key was wrong. Holds no secret, so that it may be shown.
struct Rejection {
  std::uint64_t sequence = 0;  // rises by one
  Time at;
  int status = 401;
  std::string method;
  std::string path;
  std::string remote;
  std::string reason;
  std::string found;
  std::string wanted;
};

/// Bounded: the oldest goes. [any-thread]
class Rejections {
 public:
  static constexpr std::size_t kKept = 100;
  static constexpr std::size_t kMaxText = 1024;

  void add(Rejection rejection) {
    for (std::string* text : {&rejection.path, &rejection.reason, &rejection.found, &rejection.wanted})
      if (text->size() > kMaxText) text->resize(kMaxText);
    const std::lock_guard lock(mutex_);
    rejection.sequence = ++last_;
    kept_.push_back(std::move(rejection));
    if (kept_.size() > kKept) kept_.pop_front();
  }
  /// The newest first.
  std::vector<Rejection> list() const {
    const std::lock_guard lock(mutex_);
    return {kept_.rbegin(), kept_.rend()};
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Rejection> kept_;
  std::uint64_t last_ = 0;
};

}  // namespace trunkline::server
