// Loops that several threads share.
#include "media/crew.h"

#include <gtest/gtest.h>

#include <numeric>

#include "media/news_ring.h"

namespace call_media {
namespace {

class EveryCrew : public ::testing::TestWithParam<std::size_t> {};

TEST_P(EveryCrew, DoesEachPartOnceAndReturnsWhenAllAreDone) {
  Crew crew;
  crew.start(GetParam());
  std::vector<std::uint32_t> done(100);
  for (std::uint32_t loop = 1; loop <= 5000; ++loop) {
    const std::size_t count = loop % (done.size() + 1);
    crew.each(count, [&](std::size_t i) { done[i] += loop; });
    // Plain memory: what another thread has written is seen once each() has returned.
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(std::exchange(done[i], 0u), loop) << i << " of " << count;
    for (std::size_t i = count; i < done.size(); ++i) ASSERT_EQ(done[i], 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Helpers, EveryCrew, ::testing::Values(0, 1, 3));

TEST(Crew, MoreThanTheWordHoldsIsDoneAlone) {
  Crew crew;
  crew.start(1);
  std::vector<std::uint8_t> done(Crew::kMost + 5);
  crew.each(done.size(), [&](std::size_t i) { ++done[i]; });
  EXPECT_EQ(std::accumulate(done.begin(), done.end(), std::size_t{0}), done.size());
}

TEST(NewsRing, OfSeveralThreadsComesInTheOrderOfEach) {
  constexpr std::uint64_t kThreads = 3, kEach = 20'000;
  NewsRing ring(64);
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> put{0};
  for (std::uint64_t leg = 0; leg < kThreads; ++leg)
    threads.emplace_back([&, leg] {
      for (std::uint64_t i = 0; i < kEach;) {
        const bool taken = ring.put([&](MediaNews& news) {
          news.leg = leg;
          news.position = static_cast<std::int64_t>(i);
        });
        if (!taken) {
          std::this_thread::yield();
          continue;
        }
        ++i;
        ++put;
      }
    });
  std::array<std::int64_t, kThreads> next{};
  for (std::uint64_t taken = 0; taken < kThreads * kEach;) {
    const MediaNews* news = ring.begin_take();
    if (!news) {
      std::this_thread::yield();
      continue;
    }
    EXPECT_EQ(news->position, next[news->leg]++);
    ring.end_take();
    ++taken;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(put, kThreads * kEach);
  EXPECT_EQ(ring.begin_take(), nullptr);
}

TEST(NewsRing, WhatThereIsNoRoomForIsLostAndCounted) {
  NewsRing ring(4);
  const auto put = [&](char digit) { return ring.put([&](MediaNews& news) { news.digit = digit; }); };
  for (const char digit : {'1', '2', '3', '4'}) EXPECT_TRUE(put(digit));
  EXPECT_FALSE(put('5'));
  EXPECT_EQ(ring.lost(), 1u);
  for (const char digit : {'1', '2', '3', '4'}) {
    ASSERT_TRUE(ring.begin_take());
    EXPECT_EQ(ring.begin_take()->digit, digit);
    ring.end_take();
  }
  EXPECT_EQ(ring.begin_take(), nullptr);
  EXPECT_TRUE(put('6'));
  EXPECT_EQ(ring.begin_take()->digit, '6');
}

}  // namespace
}  // namespace call_media
