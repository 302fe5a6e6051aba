#include "runtime/core/email_objects.h"

#include "runtime/services/email_service.h"
#include "runtime/services/sandbox_mail_service.h"

namespace trunkline {

Task<service::EmailOperation> EmailObject::send(Call call, service::EmailMessage message) {
  EmailSubmission submission;
  submission.message = std::move(message);
  submission.traceparent = call.traceparent();
  if (!submission.message.operation_id && !call.idempotency_key().empty())
    submission.message.operation_id = std::string(call.idempotency_key());
  co_return co_await scope_.runtime().email().send(scope_.resource(), std::move(submission));
}
Task<service::EmailOperation> EmailObject::get(Call, std::string operation_id) {
  co_return scope_.runtime().email().get(*scope_.resource(), operation_id);
}
Task<service::EmailPage> EmailObject::list(Call, std::int32_t limit, std::optional<std::string> continuation) {
  co_return scope_.runtime().email().list(*scope_.resource(), limit, continuation);
}
Task<DecisionRecord> EmailObject::explain(Call, std::string operation_id) {
  co_return scope_.runtime().email().explain(*scope_.resource(), operation_id);
}
Task<std::vector<service::Suppression>> EmailObject::suppressions(Call) {
  co_return scope_.runtime().email().suppressions(*scope_.resource());
}
Task<void> EmailObject::suppress(Call, std::string address, std::string sender_address, std::string note) {
  co_await scope_.runtime().email().suppress(scope_.resource(), std::move(address), std::move(sender_address), std::move(note));
}
Task<void> EmailObject::lift(Call, std::string address) {
  co_await scope_.runtime().email().lift(scope_.resource(), std::move(address));
}
Task<std::vector<service::ReceivedEmail>> EmailObject::received_mails(Call, std::int32_t limit) {
  co_return scope_.runtime().email().received_mails(*scope_.resource(), limit);
}
Task<service::ReceivedEmail> EmailObject::received(Call, std::string message_id) {
  co_return scope_.runtime().email().received(*scope_.resource(), message_id);
}

Task<std::vector<sandbox::CapturedMailbox>> SandboxMailObject::mailboxes(Call) {
  co_return co_await scope_.runtime().sandbox_mail().mailboxes(scope_.resource());
}
Task<std::vector<sandbox::CapturedMail>> SandboxMailObject::mails(Call, std::string address) {
  co_return co_await scope_.runtime().sandbox_mail().mails(scope_.resource(), std::move(address));
}
Task<sandbox::CapturedMail> SandboxMailObject::mail(Call, std::string mail_id) {
  co_return co_await scope_.runtime().sandbox_mail().mail(scope_.resource(), std::move(mail_id));
}
Task<Bytes> SandboxMailObject::raw_mail(Call, std::string mail_id) {
  co_return co_await scope_.runtime().sandbox_mail().raw(scope_.resource(), std::move(mail_id));
}
Task<std::string> SandboxMailObject::receive(Call, std::string from, std::vector<std::string> to, Bytes mime) {
  co_return co_await scope_.runtime().sandbox_mail().receive(scope_.resource(), std::move(from), std::move(to), std::move(mime));
}
Task<void> SandboxMailObject::complain(Call, std::string mail_id, std::string recipient) {
  co_await scope_.runtime().sandbox_mail().complain(scope_.resource(), std::move(mail_id), std::move(recipient));
}
Task<void> SandboxMailObject::add_rule(Call, sandbox::MailRule rule) {
  co_await scope_.runtime().sandbox_mail().add_rule(scope_.resource(), std::move(rule));
}
Task<std::vector<sandbox::MailRule>> SandboxMailObject::rules(Call) {
  co_return co_await scope_.runtime().sandbox_mail().rules(scope_.resource());
}
Task<void> SandboxMailObject::reset(Call) { co_await scope_.runtime().sandbox_mail().reset(scope_.resource()); }
Task<std::string> SandboxMailObject::smtp_address(Call) { co_return scope_.runtime().sandbox_mail().smtp_address(); }

}  // namespace trunkline
