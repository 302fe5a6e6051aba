#include "media/ice_lite.h"

#include <algorithm>

namespace call_media {
IceLite::IceLite(std::string own_user, std::string own_password, std::string their_user)
    : user_name_(std::move(own_user) + ":" + std::move(their_user)), password_(std::move(own_password)) {}

std::size_t IceLite::take(Bytes packet, const Endpoint& from, std::span<std::uint8_t, kStunMaxAnswer> out) {
  // What is not signed gets no answer: it would go to whatever address somebody has made up.
  const std::optional<StunCheck> check = parse_check(packet, password_);
  if (!check || check->username != user_name_) return 0;
  if (check->unknown == 0) {
    age_ = 0;
    if (!knows(from)) {
      // More addresses than one host has: the oldest goes, unless it is the one in use.
      if (known_count_ < kMaxAddresses) {
        known_[known_count_++] = from;
      } else {
        if (selected_ && known_[oldest_] == *selected_) oldest_ = (oldest_ + 1) % kMaxAddresses;
        known_[oldest_] = from;
        oldest_ = (oldest_ + 1) % kMaxAddresses;
      }
    }
    if (check->nominates) selected_ = from;
  }
  return write_answer(out, *check, from, password_);
}

bool IceLite::knows(const Endpoint& address) const {
  const auto end = known_.begin() + static_cast<std::ptrdiff_t>(known_count_);
  return std::find(known_.begin(), end, address) != end;
}

}  // namespace call_media
