#include "runtime/connectors/connector.h"

#include <gmock/gmock.h>

#include <set>

namespace trunkline::connectors {
namespace {

using testing::ElementsAre;

ConnectorMatch match(std::string_view connector, std::string_view method, std::string_view path) {
  const Connector* found = find_connector(connector);
  return found == nullptr ? ConnectorMatch() : match_operation(*found, method, path);
}

TEST(Connector, IsFoundWithoutRegardToCase) {
  EXPECT_NE(find_connector("AzureCommunicationServicesSMS"), nullptr);
  EXPECT_NE(find_connector("acschat"), nullptr);
  EXPECT_NE(find_connector("smtp"), nullptr);
  EXPECT_EQ(find_connector("servicebus"), nullptr);
}

TEST(Connector, IsFoundWithTheNumberOfAFurtherConnection) {
  EXPECT_EQ(find_connector("acsemail-1"), find_connector("acsemail"));
  EXPECT_EQ(find_connector("AcsChat-12"), find_connector("acschat"));
  EXPECT_EQ(find_connector("acsemail-"), nullptr);
  EXPECT_EQ(find_connector("acsemail-b"), nullptr);
}

TEST(Connector, OperationsAreFoundByMethodAndPath) {
  EXPECT_NE(match("azurecommunicationservicessms", "post", "/v2/sms").operation, nullptr);
  EXPECT_NE(match("acsemail", "post", "/emails:sendGAVersion").operation, nullptr);
  EXPECT_NE(match("smtp", "POST", "/SendEmailV3").operation, nullptr);
  EXPECT_NE(match("smtp", kProviderMethod, "sendEmail").operation, nullptr);
  EXPECT_EQ(match("smtp", "POST", "sendEmail").operation->path, "/SendEmail") << "the managed connector's, not the built-in's";
  EXPECT_THAT(match("acsemail", "get", "/emails/operations/5f%2D1").arguments, ElementsAre("5f-1"));
  EXPECT_EQ(match("acsemail", "get", "/emails:sendGAVersion").operation, nullptr);
  EXPECT_EQ(match("acsidentity", "post", "/identities/x/y/z").operation, nullptr);
}

TEST(Connector, WhatStandsInAPathIsDecodedOnceOrTwice) {
  EXPECT_THAT(match("acschat", "post", "/chat/threads/19%3Aabc%40thread.v2/messages").arguments, ElementsAre("19:abc@thread.v2"));
  EXPECT_THAT(match("acschat", "get", "/chat/threads/19%253Aabc/participants").arguments, ElementsAre("19:abc"));
  EXPECT_THAT(match("acsidentity", "delete", "/identities/8:acs:a_b").arguments, ElementsAre("8:acs:a_b"));
}

TEST(Connector, CallsAreOperationsOfTheirRestApi) {
  EXPECT_NE(match("acscallautomation", "post", "/calling/callConnections").operation, nullptr);
  EXPECT_NE(match("acscallautomation", "post", "/calling/callConnections:answer").operation, nullptr);
  const ConnectorMatch play = match("ACSCallAutomation", "POST", "/calling/callConnections/5f-1:play");
  ASSERT_NE(play.operation, nullptr);
  EXPECT_EQ(play.operation->path, "/calling/callConnections/{callConnectionId}:play");
  EXPECT_THAT(play.arguments, ElementsAre("5f-1"));
  EXPECT_THAT(match("acscallautomation", "get", "/calling/callConnections/5f-1/participants/4%3A%2B14255550123").arguments,
              ElementsAre("5f-1", "4:+14255550123"));
  EXPECT_EQ(match("acscallautomation", "delete", "/calling/recordings/r1").operation->path, "/calling/recordings/{recordingId}");
  EXPECT_EQ(match("acscallautomation", "post", "/calling/callConnections/5f-1:whisper").operation, nullptr);
  EXPECT_EQ(match("acscallautomation", "post", "/calling/callConnections/:play").operation, nullptr);
}

TEST(Connector, OnlyWhatHasAKeyOrChangesNothingRepeatsSafely) {
  EXPECT_TRUE(match("azurecommunicationservicessms", "post", "/v2/sms").operation->repeats_safely);
  EXPECT_FALSE(match("acschat", "post", "/chat/threads/x/messages").operation->repeats_safely);
  EXPECT_FALSE(match("acsidentity", "post", "/identities").operation->repeats_safely);
  EXPECT_FALSE(match("acscallautomation", "post", "/calling/callConnections").operation->repeats_safely);
  EXPECT_TRUE(match("acscallautomation", "post", "/calling/callConnections/x:terminate").operation->repeats_safely);
}

TEST(Connector, NamesAndOperationsAreThereOnce) {
  std::set<std::string_view> names;
  for (const Connector& connector : managed_connectors()) {
    std::set<std::pair<std::string_view, std::string_view>> operations;
    for (const std::string_view name : connector.names) EXPECT_TRUE(names.insert(name).second) << name;
    for (const ConnectorOperation& operation : connector.operations) {
      EXPECT_TRUE(operations.insert({operation.method, operation.path}).second) << operation.path;
      EXPECT_NE(operation.handler, nullptr);
    }
  }
}

}  // namespace
}  // namespace trunkline::connectors
