#include "reassembly.h"

namespace smpp {

std::string Fragment::key() const {
  return source.digits + "/" + destination.digits + "/" + std::to_string(concatenation.reference) +
         (concatenation.wide ? "w" : "n") + std::to_string(concatenation.total);
}

Fragment read_fragment(const Message& message) {
  Fragment fragment;
  fragment.source = message.source;
  fragment.destination = message.destination;
  fragment.data_coding = message.data_coding;
  fragment.registered_delivery = message.registered_delivery;
  std::string_view octets = message.content();
  if (message.esm_class & kEsmUdhi) fragment.header = read_user_data_header(octets);
  octets.remove_prefix(fragment.header.octets);
  fragment.octets = octets;
  fragment.concatenation = concatenation_of(message, fragment.header).value_or(Concatenation{});
  return fragment;
}

std::string join(const TextCoder& coder, const std::vector<Fragment>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size();) {
    // Parts in one coding are decoded as one: some peers cut a character in two.
    const Fragment& first = parts[i];
    std::string octets;
    std::size_t end = i;
    const bool ucs2 = first.data_coding == 0x08;
    for (; end < parts.size() && parts[end].data_coding == first.data_coding && (end == i || ucs2); ++end)
      octets += parts[end].octets;
    text += coder.decode(first.data_coding, first.header, octets);
    i = end;
  }
  return text;
}

std::vector<Fragment> Reassembly::in_order(Text text) {
  std::vector<Fragment> parts;
  for (auto& [number, part] : text.parts) parts.push_back(std::move(part));
  return parts;
}

std::optional<std::vector<Fragment>> Reassembly::add(Fragment fragment, trunkline::Time now) {
  const std::string key = fragment.key();
  const std::uint8_t total = fragment.concatenation.total, number = fragment.concatenation.number;
  auto found = texts_.find(key);
  if (found == texts_.end()) {
    found = texts_.emplace(key, Text{now + patience_, {}}).first;
    order_.emplace_back(now + patience_, key);
  }
  found->second.parts.insert_or_assign(number, std::move(fragment));
  if (found->second.parts.size() < total) return std::nullopt;
  std::vector<Fragment> whole = in_order(std::move(found->second));
  texts_.erase(found);
  return whole;
}

std::optional<std::vector<Fragment>> Reassembly::take(const std::string& key) {
  const auto found = texts_.find(key);
  if (found == texts_.end()) return std::nullopt;
  std::vector<Fragment> parts = in_order(std::move(found->second));
  texts_.erase(found);
  return parts;
}

std::optional<std::vector<Fragment>> Reassembly::overdue(trunkline::Time now) {
  while (!order_.empty()) {
    const auto found = texts_.find(order_.front().second);
    if (found == texts_.end() || found->second.due != order_.front().first) {  // whole, or a later text with the same key
      order_.pop_front();
      continue;
    }
    if (found->second.due > now && texts_.size() <= max_texts_) return std::nullopt;
    std::vector<Fragment> parts = in_order(std::move(found->second));
    texts_.erase(found);
    order_.pop_front();
    return parts;
  }
  return std::nullopt;
}

std::optional<trunkline::Time> Reassembly::next_due() const {
  if (texts_.empty() || order_.empty()) return std::nullopt;
  return order_.front().first;
}

}  // namespace smpp
