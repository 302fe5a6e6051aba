// Mail as it is written down.
#include "runtime/services/email_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::email_rules {
namespace {

using testing::ElementsAre;

service::EmailMessage mail() {
  service::EmailMessage m;
  m.sender_address = "a@b.test";
  m.subject = "Grüße";
  m.html = "<p>";
  for (auto* boxes : {&m.to, &m.cc, &m.bcc}) boxes->emplace_back().address = "one@c.test";
  m.to[0].display_name = "One";
  m.bcc.emplace_back().address = "Two@c.test";
  m.headers = Properties{{"X-A", "b"}};
  m.attachments.emplace_back();
  m.attachments[0].name = "n";
  m.attachments[0].content_type = "a/b";
  m.attachments[0].content = {0, 255, 7};
  m.unsubscribe = true;
  return m;
}

TEST(EmailRules, WhatIsWrittenDownReadsBackTheSame) {
  const service::EmailMessage m = mail();
  EXPECT_EQ(from_json(to_json(m)), m);
  service::EmailMessage other = m;
  other.attachments[0].content[0] = 1;
  EXPECT_NE(to_json(other), to_json(m));
}

TEST(EmailRules, EverybodyGetsOne) { EXPECT_THAT(recipients(mail()), ElementsAre("one@c.test", "Two@c.test")); }

}  // namespace
}  // namespace trunkline::email_rules
