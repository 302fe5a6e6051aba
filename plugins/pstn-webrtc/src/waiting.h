// Requests of pages that are answered once something happens.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "trunkline/host.hpp"

namespace pstn_webrtc {

using Answer = std::function<void(trunkline::Result<trunkline::host::HttpResponse>)>;

/// Control thread alone. What is answered is asked for only then, and each request is answered once.
class Waiting {
 public:
  using Render = std::function<trunkline::host::HttpResponse()>;

  /// `ticket` is the request's own, `topic` what it waits for news of.
  void add(std::uint64_t ticket, std::string topic, Render render, Answer answer);
  /// There is news: everybody who waits for it is answered.
  void changed(const std::string& topic);
  /// It has waited for long enough, or is not wanted any more.
  void expire(std::uint64_t ticket);
  void expire_all();
  bool anybody(const std::string& topic) const { return by_topic_.contains(topic); }
  std::size_t size() const { return requests_.size(); }

 private:
  struct Request {
    std::string topic;
    Render render;
    Answer answer;
  };
  std::map<std::uint64_t, Request> requests_;
  std::multimap<std::string, std::uint64_t> by_topic_;
};

}  // namespace pstn_webrtc
