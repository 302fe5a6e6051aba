// Who listens to calls: recordings and media sockets.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/calls/sound.h"

namespace trunkline::calls {

struct Call;
struct Participant;

/// Something that sounds in a call from now on.
struct Sounding {
  std::uint64_t id = 0;
  const Call* call = nullptr;
  /// Whose voice it is; null: a prompt of an application.
  const Participant* who = nullptr;
  Sound sound;
  std::string_view text;  // of speech; empty: none
  char tone = 0;          // a key; 0: none
};

/// All calls with CallCore::mutex held.
class SoundTap {
 public:
  virtual void began(const Sounding& sounding) = 0;
  /// It stops before its end.
  virtual void cut(std::uint64_t id) = 0;

 protected:
  ~SoundTap() = default;
};

class SoundTaps {
 public:
  /// Lives as long as this. [lifecycle]
  void add(SoundTap& tap) { taps_.push_back(&tap); }
  std::uint64_t begin(const Call& call, const Participant* who, Sound sound, std::string_view text = {}, char tone = 0) {
    Sounding sounding;
    sounding.id = ++last_;
    sounding.call = &call;
    sounding.who = who;
    sounding.sound = std::move(sound);
    sounding.text = text;
    sounding.tone = tone;
    for (SoundTap* tap : taps_) tap->began(sounding);
    return sounding.id;
  }
  void cut(std::uint64_t id) {
    if (id == 0) return;
    for (SoundTap* tap : taps_) tap->cut(id);
  }

 private:
  std::vector<SoundTap*> taps_;
  std::uint64_t last_ = 0;
};

}  // namespace trunkline::calls
