#include <gtest/gtest.h>

#include "runtime/realtime/trouter_sessions.h"

namespace trunkline::realtime {
namespace {

const Time kNow{std::chrono::seconds{1'767'225'600}};

TEST(TrouterSession, WhatWasNotAnsweredIsToldAgain) {
  TrouterSession session("id", Secret("s"), std::make_shared<Resource>(), "8:acs:r_a");
  EXPECT_EQ(session.resume(), std::nullopt);
  session.skip(10);
  EXPECT_EQ(session.next(12), 1);
  EXPECT_EQ(session.next(15), 2);
  EXPECT_EQ(session.next(16), 3);
  session.answered(1);
  session.answered(3);
  session.answered(99);
  EXPECT_EQ(session.resume(), 12);  // 15 is told again, and 16 with it
  EXPECT_EQ(session.next(15), 4);
  EXPECT_EQ(session.next(16), 5);
  session.answered(5);
  session.answered(4);
  EXPECT_EQ(session.resume(), 16);
  session.skip(20);
  EXPECT_EQ(session.resume(), 20);
}

TEST(TrouterSession, AClientThatNeverAnswersCostsLittle) {
  TrouterSession session("id", Secret("s"), std::make_shared<Resource>(), "8:acs:r_a");
  for (int i = 1; i <= 5000; ++i) session.next(i);
  EXPECT_EQ(session.resume(), 5000 - 1024);
}

TEST(TrouterSessions, AreFoundByWhoKnowsTheSignature) {
  TrouterSessions sessions;
  const auto session = sessions.create(std::make_shared<Resource>(), "8:acs:r_a", kNow);
  EXPECT_EQ(sessions.find(session->id, session->signature.reveal()), session);
  EXPECT_EQ(sessions.find(session->id, "wrong"), nullptr);
  EXPECT_EQ(sessions.find("wrong", session->signature.reveal()), nullptr);
  EXPECT_EQ(sessions.find_path("8:acs:r_a", "https://h" + session->path()), session);
  EXPECT_EQ(sessions.find_path("8:acs:r_b", "https://h" + session->path()), nullptr);
  session->set_registration("r", true);
  EXPECT_EQ(sessions.find_registration("8:acs:r_a", "r"), session);
  EXPECT_FALSE(session->muted());
  session->set_registration("r", false);
  EXPECT_TRUE(session->muted());
}

TEST(TrouterSessions, ForgetsThoseWhoStayAway) {
  TrouterSessions sessions;
  for (int i = 0; i < 200; ++i) sessions.create(std::make_shared<Resource>(), "8:acs:r_a", kNow);
  sessions.create(std::make_shared<Resource>(), "8:acs:r_a", kNow + std::chrono::hours{2});
  for (int i = 0; i < 64; ++i) sessions.create(std::make_shared<Resource>(), "8:acs:r_a", kNow + std::chrono::hours{2});
  EXPECT_LT(sessions.size(), 100u);
}

TEST(TrouterSession, EndsWithItsTokenUntilThereIsANewOne) {
  Executor executor(2);
  Clock clock(executor, Clock::Mode::kVirtual, kNow);
  TokenWatch watch;
  const auto session = std::make_shared<TrouterSession>("id", Secret("s"), std::make_shared<Resource>(), "8:acs:r_a");
  const auto life = [&](std::optional<Time> at) {
    return std::make_unique<TokenLife>(clock, watch, 1, "8:acs:r_a", at, [session] { session->end(); });
  };
  session->set_life(life(kNow + std::chrono::hours{1}));
  clock.advance(std::chrono::minutes{59});
  EXPECT_FALSE(session->ended());
  clock.advance(std::chrono::minutes{1});
  EXPECT_TRUE(session->ended());
  session->set_life(life(std::nullopt));
  EXPECT_FALSE(session->ended());
  watch.ended(1, "8:acs:r_b");
  watch.ended(2, "8:acs:r_a");
  EXPECT_FALSE(session->ended());
  watch.ended(1, "8:acs:r_a");
  EXPECT_TRUE(session->ended());
  session->set_life(nullptr);
}

}  // namespace
}  // namespace trunkline::realtime
