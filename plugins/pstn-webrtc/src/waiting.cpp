#include "waiting.h"

#include <vector>

namespace pstn_webrtc {

void Waiting::add(std::uint64_t ticket, std::string topic, Render render, Answer answer) {
  by_topic_.emplace(topic, ticket);
  requests_.emplace(ticket, Request{std::move(topic), std::move(render), std::move(answer)});
}

void Waiting::expire(std::uint64_t ticket) {
  const auto found = requests_.find(ticket);
  if (found == requests_.end()) return;
  const Request request = std::move(found->second);
  requests_.erase(found);
  const auto [first, last] = by_topic_.equal_range(request.topic);
  for (auto own = first; own != last; ++own)
    if (own->second == ticket) {
      by_topic_.erase(own);
      break;
    }
  request.answer(request.render());
}

void Waiting::changed(const std::string& topic) {
  std::vector<std::uint64_t> tickets;
  const auto [first, last] = by_topic_.equal_range(topic);
  for (auto own = first; own != last; ++own) tickets.push_back(own->second);
  for (const std::uint64_t ticket : tickets) expire(ticket);
}

void Waiting::expire_all() {
  while (!requests_.empty()) expire(requests_.begin()->first);
}

}  // namespace pstn_webrtc
