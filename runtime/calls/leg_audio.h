// Real sound of phones: what legs hear, and what is heard of them.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/calls/call_core.h"

namespace trunkline::calls {

/// For legs whose provider carries sound (trunkline.pstn.audio/1); of others it knows nothing. Legs of one provider hear each
/// other there, without us; what comes from elsewhere is played to them. What is marked is called with the mutex held.
class LegAudio final : public SoundTap {
 public:
  explicit LegAudio(CallCore& core) : core_(core) {}

  /// A frame of a leg that we listen to; `position` counts its samples. Takes the mutex.
  void heard(std::string_view leg_id, std::int64_t position, std::span<const std::uint8_t> samples);

  // [mutex held]
  void forget(std::string_view leg_id);
  void began(const Sounding& sounding) override;
  void cut(std::uint64_t id) override;
  bool listens(const Call& call) const override;
  void rearranged(Call& call) override;

 private:
  struct Line {
    std::string server_call_id;  // the bridge, too
    std::int64_t participant_id = 0;
    pstn::LegFlow flow;
    std::optional<Time> origin;             // when position 0 was
    std::map<std::int64_t, Time> live_end;  // of what is played of others, by participant
  };
  bool hears(const Sounding& sounding, const Participant& participant) const;
  void play_live(Line& line, const std::string& leg_id, const Sounding& sounding);

  CallCore& core_;
  std::map<std::string, Line, std::less<>> lines_;
  std::map<std::uint64_t, std::vector<std::string>> playing_;  // legs, by what they hear
};

}  // namespace trunkline::calls
