// What the configuration says about providers in processes of their own.
#include <gmock/gmock.h>

#include "runtime/config/config.h"

namespace trunkline {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string isolation_problem(const std::string& provider) {
  try {
    parse_config("providers: [{name: a, plugin: p, " + provider + "}]");
  } catch (const Error& error) {
    return error.message;
  }
  return "";
}

TEST(IsolationConfig, OneLineIsEnough) {
  const Config config = parse_config("providers: [{name: a, plugin: p, isolation: process}, {name: b, plugin: p}]");
  EXPECT_EQ(config.providers[0].isolation.mode, IsolationConfig::Mode::kProcess);
  EXPECT_EQ(config.providers[0].isolation.memory_mib, 1024u);
  EXPECT_EQ(config.providers[1].isolation.mode, IsolationConfig::Mode::kNone);
}

TEST(IsolationConfig, Limits) {
  const Config config = parse_config(
      "providers: [{name: a, plugin: p, isolation: process, isolation_limits: {memory_mib: 64, open_files: 99, hang_after: 2s, "
      "restart_after: 3s, restart_at_most: 4s, quarantine_after: 6, quarantine_within: 7m}}]");
  const IsolationConfig& isolation = config.providers[0].isolation;
  EXPECT_EQ(isolation.memory_mib, 64u);
  EXPECT_EQ(isolation.open_files, 99u);
  EXPECT_EQ(isolation.hang_after, std::chrono::seconds(2));
  EXPECT_EQ(isolation.restart_after, std::chrono::seconds(3));
  EXPECT_EQ(isolation.restart_at_most, std::chrono::seconds(4));
  EXPECT_EQ(isolation.quarantine_after, 6u);
  EXPECT_EQ(isolation.quarantine_within, std::chrono::minutes(7));
}

TEST(IsolationConfig, WhatIsWrongIsNamed) {
  EXPECT_THAT(isolation_problem("isolation: container"), AllOf(HasSubstr("providers[0].isolation"), HasSubstr("process")));
  EXPECT_THAT(isolation_problem("isolation_limits: {memory_mib: 1}"), HasSubstr("providers[0].isolation_limits.memory_mib"));
  EXPECT_THAT(isolation_problem("isolation_limits: {hang_after: 1ms}"), HasSubstr("hang_after: must be at least 10ms"));
  EXPECT_THAT(isolation_problem("isolation_limits: {restart_after: 2m}"),
              HasSubstr("restart_at_most: must not be shorter than restart_after"));
  EXPECT_THAT(isolation_problem("isolation_limits: {quarantine_after: 0}"), HasSubstr("quarantine_after"));
  EXPECT_THAT(isolation_problem("isolation_limits: {memory: 1}"), HasSubstr("unknown key"));
}

}  // namespace
}  // namespace trunkline
