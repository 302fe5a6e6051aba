// `trunkline.service.email/1` and `trunkline.service.sandbox_mail/1`.
#pragma once
#include "runtime/core/object_scope.h"
#include "trunkline/service_provider.hpp"

namespace trunkline {

/// [any-thread]
class EmailObject final : public service::EmailService {
 public:
  explicit EmailObject(const Scope& scope) : scope_(scope) {}

  Task<service::EmailOperation> send(Call call, service::EmailMessage message) override;
  Task<service::EmailOperation> get(Call, std::string operation_id) override;
  Task<service::EmailPage> list(Call, std::int32_t limit, std::optional<std::string> continuation) override;
  Task<DecisionRecord> explain(Call, std::string operation_id) override;
  Task<std::vector<service::Suppression>> suppressions(Call) override;
  Task<void> suppress(Call, std::string address, std::string sender_address, std::string note) override;
  Task<void> lift(Call, std::string address) override;
  Task<std::vector<service::ReceivedEmail>> received_mails(Call, std::int32_t limit) override;
  Task<service::ReceivedEmail> received(Call, std::string message_id) override;

 private:
  const Scope& scope_;
};

/// [any-thread]
class SandboxMailObject final : public service::SandboxMailService {
 public:
  explicit SandboxMailObject(const Scope& scope) : scope_(scope) {}

  Task<std::vector<sandbox::CapturedMailbox>> mailboxes(Call) override;
  Task<std::vector<sandbox::CapturedMail>> mails(Call, std::string address) override;
  Task<sandbox::CapturedMail> mail(Call, std::string mail_id) override;
  Task<Bytes> raw_mail(Call, std::string mail_id) override;
  Task<std::string> receive(Call, std::string from, std::vector<std::string> to, Bytes mime) override;
  Task<void> complain(Call, std::string mail_id, std::string recipient) override;
  Task<void> add_rule(Call, sandbox::MailRule rule) override;
  Task<std::vector<sandbox::MailRule>> rules(Call) override;
  Task<void> reset(Call) override;
  Task<std::string> smtp_address(Call) override;

 private:
  const Scope& scope_;
};

}  // namespace trunkline
