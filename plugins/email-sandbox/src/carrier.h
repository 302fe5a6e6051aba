// The sandbox mail carrier: the plugin's class.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pending.h"
#include "settings.h"
#include "trunkline/email_provider.hpp"
#include "trunkline/plugin.hpp"
#include "trunkline/sandbox_provider.hpp"
#include "world.h"

namespace email_sandbox {

class SmtpDoor;
struct SmtpMail;

/// A mail carrier whose mailboxes are all here. It answers sends at once; what happens afterwards happens on the host's clock, so
/// a virtual clock drives it. [any-thread]
class Carrier final : public trunkline::email::EmailProvider, public trunkline::sandbox::SandboxMailProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  Carrier(trunkline::Host host, std::string_view config_json);
  ~Carrier() override;
  /// Mails that still wait are dropped, as if the carrier had gone. [lifecycle]
  Task<void> stop();

  // trunkline.email/1
  Task<std::vector<trunkline::email::EmailSendResult>> send(Call call, trunkline::email::EmailSendRequest request) override;
  trunkline::email::EmailCapabilities capabilities(const Call& call) override;

  // trunkline.sandboxmail/1
  Task<std::vector<trunkline::sandbox::CapturedMailbox>> mailboxes(Call call) override;
  Task<std::vector<trunkline::sandbox::CapturedMail>> mails(Call call, std::string address) override;
  Task<trunkline::sandbox::CapturedMail> mail(Call call, std::string mail_id) override;
  Task<trunkline::Bytes> raw_mail(Call call, std::string mail_id) override;
  Task<std::string> receive(Call call, std::string from, std::vector<std::string> to, trunkline::Bytes mime) override;
  Task<void> complain(Call call, std::string mail_id, std::string recipient) override;
  Task<void> add_rule(Call call, trunkline::sandbox::MailRule rule) override;
  Task<std::vector<trunkline::sandbox::MailRule>> rules(Call call) override;
  Task<void> reset(Call call) override;
  std::string smtp_address(const Call& call) override;
  Task<std::int64_t> changes(Call call, std::int64_t since) override;

 private:
  struct Delivery;

  std::shared_ptr<World> world(std::string_view resource);
  Task<void> deliver(std::shared_ptr<Delivery> delivery);
  Task<void> tell(std::shared_ptr<Delivery> delivery);
  Task<void> tell_by_mail(std::shared_ptr<Delivery> delivery);
  Task<void> take_smtp(std::shared_ptr<SmtpMail> mail);
  Task<void> hand_in(std::string resource, std::string mail_id, std::string from, std::vector<std::string> to, std::string raw);

  const Settings settings_;
  const trunkline::host::ClockClient clock_;
  const trunkline::host::LogClient log_;
  const trunkline::host::StatusClient status_;
  const trunkline::host::ExecutorClient executor_;
  const trunkline::email::EmailEventsClient events_;
  const std::uint64_t salt_;
  Pending pending_;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<World>, std::less<>> worlds_;
  std::unique_ptr<SmtpDoor> door_;
  bool stopped_ = false;
};

}  // namespace email_sandbox
