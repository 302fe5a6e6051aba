// Who listens to calls: recordings and media sockets.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/calls/sound.h"

namespace trunkline::calls {

struct Call;
struct Participant;
struct Party;

/// Something that sounds in a call from now on.
struct Sounding {
  std::uint64_t id = 0;
  const Call* call = nullptr;
  /// Whose voice it is; null: a prompt of an application.
  const Participant* who = nullptr;
  Sound sound;
  std::string_view text;  // of speech; empty: none
  char tone = 0;          // a key; 0: none
  /// Who hears it; null: everybody else.
  const std::vector<Party>* only = nullptr;
  /// A participant that learns of it in another way; 0: none.
  std::int64_t not_for = 0;
  /// When it began; absent: now. A piece of what somebody says into a phone right now: it follows the piece before.
  std::optional<Time> live_at;
};

/// All calls with CallCore::mutex held.
class SoundTap {
 public:
  virtual void began(const Sounding& sounding) = 0;
  /// It stops before its end.
  virtual void cut(std::uint64_t id) = 0;
  /// Whether it wants to hear what is said in the call.
  virtual bool listens(const Call&) const { return false; }
  /// Who is in the call, who hears whom, or who listens, has changed.
  virtual void rearranged(Call&) {}

 protected:
  ~SoundTap() = default;
};

class SoundTaps {
 public:
  /// Lives as long as this. [lifecycle]
  void add(SoundTap& tap) { taps_.push_back(&tap); }
  std::uint64_t begin(Sounding sounding) {
    sounding.id = ++last_;
    for (SoundTap* tap : taps_) tap->began(sounding);
    return sounding.id;
  }
  std::uint64_t begin(const Call& call, const Participant* who, Sound sound, std::string_view text = {}, char tone = 0) {
    Sounding sounding;
    sounding.call = &call;
    sounding.who = who;
    sounding.sound = std::move(sound);
    sounding.text = text;
    sounding.tone = tone;
    return begin(std::move(sounding));
  }
  void cut(std::uint64_t id) {
    if (id == 0) return;
    for (SoundTap* tap : taps_) tap->cut(id);
  }
  bool listens(const Call& call) const {
    for (const SoundTap* tap : taps_)
      if (tap->listens(call)) return true;
    return false;
  }
  void rearranged(Call& call) {
    for (SoundTap* tap : taps_) tap->rearranged(call);
  }

 private:
  std::vector<SoundTap*> taps_;
  std::uint64_t last_ = 0;
};

}  // namespace trunkline::calls
