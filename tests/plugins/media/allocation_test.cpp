// A frame takes no memory and gives none back, whatever happens in it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/plugins/media/engines.h"

// Sanitizers have operators of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {
std::atomic<bool> counts{false};
std::atomic<std::size_t> counted{0};

void* take(std::size_t size) {
  if (counts.load(std::memory_order_relaxed)) ++counted;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void give(void* memory) noexcept {
  if (memory && counts.load(std::memory_order_relaxed)) ++counted;
  std::free(memory);
}
}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void operator delete(void* memory) noexcept { give(memory); }
void operator delete[](void* memory) noexcept { give(memory); }
void operator delete(void* memory, std::size_t) noexcept { give(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give(memory); }

namespace call_media {
namespace {

class Allocation : public Engines, public ::testing::WithParamInterface<CodecId> {
 protected:
  Allocation() : Engines(3) {}

  std::size_t of_frames(int count) {
    counted = 0;
    for (int i = 0; i < count; ++i) {
      phones_.run_frame();
      counts = true;
      ours_.run_frame();
      counts = false;
      take(ours_, heard_, pressed_);
      take(phones_, phone_heard_, phone_pressed_);
    }
    return counted;
  }
};

TEST_P(Allocation, NoneInACrowdThatSpeaksAndPressesKeys) {
  StreamSettings settings;
  settings.codec = GetParam();
  settings.payload_type = info_of(GetParam()).payload_type;
  settings.send_key = settings.receive_key = std::string(30, 'k');
  settings.inband_dtmf = GetParam() == CodecId::kPcmu;
  std::vector<Line> lines;
  for (int i = 0; i < 12; ++i) {
    lines.push_back(line(settings));
    ours_.change(lines.back().ours, [](MediaLeg& leg) { leg.bridge = "room"; });
    phones_.change(lines.back().phone, [](MediaLeg& leg) { leg.tapped = false; });
  }
  lines.push_back(line());  // by itself
  frames(120);
  phones_.change(lines[7].phone, [](MediaLeg& leg) { leg.stream.send_digits("5#"); });
  for (const int who : {2, 5, 7, 9})
    phones_.change(lines[static_cast<std::size_t>(who)].phone,
                   [=](MediaLeg& leg) { leg.player.add(1, tone(400 + 100 * who, 60, 4000 + 500 * who)); });
  ours_.change(lines[3].ours, [](MediaLeg& leg) { leg.player.add(1, tone(1000, 30)); });
  frames(1);  // which takes what was asked in
  EXPECT_EQ(of_frames(300), 0u) << "they begin, take each other's places, and stop; reports are sent";
  EXPECT_EQ(pressed_, "5#");
}

INSTANTIATE_TEST_SUITE_P(Codecs, Allocation, ::testing::Values(CodecId::kPcmu, CodecId::kG722, CodecId::kOpus));

}  // namespace
}  // namespace call_media
#endif
