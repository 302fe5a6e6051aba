// Who can be added to threads of a resource.
#include "runtime/services/chat_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline {
namespace {

using ::testing::SizeIs;

std::vector<chat::Participant> people(const std::vector<std::string>& ids) {
  std::vector<chat::Participant> participants;
  for (const std::string& id : ids) participants.emplace_back().id = id;
  return participants;
}

TEST(ChatRules, StrangersAreTakenOut) {
  Resource resource;
  resource.id = "11111111-2222-4333-8444-555555555555";
  const std::string ours = "8:acs:" + resource.id + "_alice", other = "8:acs:21111111-2222-4333-8444-555555555555_bob";
  const std::vector<std::string> all = {ours, other, "matrix:@carol:example.org", "matrix:@a b:c", "8:acs:short"};
  auto participants = people(all);
  EXPECT_THAT(chat_rules::remove_strangers(resource, participants, false), SizeIs(4));
  EXPECT_EQ(participants, people({ours}));
  participants = people(all);
  const auto invalid = chat_rules::remove_strangers(resource, participants, true);
  ASSERT_THAT(invalid, SizeIs(3)) << "another resource's, one that is no id, one that is malformed";
  EXPECT_EQ(invalid[0].id, other);
  EXPECT_EQ(participants, people({ours, "matrix:@carol:example.org"}));
}

}  // namespace
}  // namespace trunkline
