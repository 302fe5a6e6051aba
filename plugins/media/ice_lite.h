// The side of ICE that is asked and asks nobody (lite, RFC 8445), on a socket of its own.
#pragma once
#include <array>
#include <optional>
#include <string>

#include "media/stun.h"

namespace call_media {

/// Whoever knows the password may send from wherever a check of theirs came from; the address that they nominated last is where
/// everything goes. One thread. Nothing of it allocates but the library that signs, for the few checks in a second.
class IceLite {
 public:
  /// The user names are what the descriptions call ice-ufrag, the password is our ice-pwd.
  IceLite(std::string own_user, std::string own_password, std::string their_user);

  /// A packet that is STUN. Returns how many bytes there are to answer to `from`.
  std::size_t take(Bytes packet, const Endpoint& from, std::span<std::uint8_t, kStunMaxAnswer> out);
  /// A check came from there.
  bool knows(const Endpoint& address) const;
  const std::optional<Endpoint>& selected() const { return selected_; }

  /// Another frame has passed.
  void tick() { ++age_; }
  /// Frames since the last check: the far end's consent to be sent to (RFC 7675) is that old.
  std::uint32_t age() const { return age_; }

 private:
  static constexpr std::size_t kMaxAddresses = 16;

  const std::string user_name_;  // `own:their`
  const std::string password_;
  std::array<Endpoint, kMaxAddresses> known_{};
  std::size_t known_count_ = 0;
  std::size_t oldest_ = 0;
  std::optional<Endpoint> selected_;
  std::uint32_t age_ = 0;
};

}  // namespace call_media
