// Mail through a whole runtime, on the sandbox mail carrier.
#pragma once
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/services/email_service.h"
#include "runtime/services/sandbox_mail_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {

class EmailOnSandbox : public RuntimeTest {
 protected:
  static constexpr const char* kMailReport = "Microsoft.Communication.EmailDeliveryReportReceived";
  static constexpr const char* kEngagement = "Microsoft.Communication.EmailEngagementTrackingReportReceived";
  static constexpr const char* kReceived = "Trunkline.EmailReceived";
  static constexpr const char* kSender = "support@mail.world.test";

  static std::string config(const std::string& providers = "[{name: mail, plugin: email-sandbox}]",
                            const std::string& more = "") {
    return test_config(providers, "[]",
                       "    email_domains:\n"
                       "      - domain: mail.world.test\n"
                       "        senders: [{username: support, display_name: World Support}]\n"
                       "        engagement_tracking: true\n" +
                           more);
  }
  void SetUp() override { open(config()); }
  EmailService& email() { return runtime_->email(); }

  static service::EmailMessage message(const std::vector<std::string>& to = {"ann@example.com"}) {
    service::EmailMessage m;
    m.sender_address = kSender;
    m.subject = "Hello";
    m.plain_text = "plain";
    for (const std::string& address : to) {
      email::Mailbox box;
      box.address = address;
      m.to.push_back(std::move(box));
    }
    return m;
  }
  service::EmailOperation send(service::EmailMessage m) {
    EmailSubmission submission;
    submission.message = std::move(m);
    return sync_wait(email().send(resource_, std::move(submission)));
  }
  service::EmailOperation get(const service::EmailOperation& operation) {
    return email().get(*resource_, operation.operation_id);
  }
  void add_rule(const std::string& match, email::EmailState outcome, bool refuse = false, bool temporary = false, int times = 0) {
    sandbox::MailRule rule;
    rule.match = match;
    rule.outcome = outcome;
    rule.refuse = refuse;
    rule.temporary = temporary;
    rule.times = times;
    sync_wait(runtime_->sandbox_mail().add_rule(resource_, std::move(rule)));
  }
  std::vector<sandbox::CapturedMail> mails(const std::string& address = "") {
    return sync_wait(runtime_->sandbox_mail().mails(resource_, address));
  }
  std::string raw(const std::string& id) {
    const Bytes bytes = sync_wait(runtime_->sandbox_mail().raw(resource_, id));
    return {bytes.begin(), bytes.end()};
  }
  std::vector<nlohmann::json> data_of(const char* type) {
    std::vector<nlohmann::json> all;
    for (const Event& event : events(type)) all.push_back(nlohmann::json::parse(event.data));
    return all;
  }
};

}  // namespace trunkline
