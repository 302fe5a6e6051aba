// A carrier behind HTTP, as its description says.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "description.h"
#include "trunkline/custody.hpp"
#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"
#include "trunkline/sms_client.hpp"
#include "trunkline/sms_provider.hpp"

namespace http_carrier {

/// What a description cannot say, for carriers with plugins of their own. All may be empty.
struct Hooks {
  /// Before a request goes out: signatures.
  std::function<void(trunkline::host::HttpRequest& request)> sign;
  /// In place of the description's verification. Throws kUnauthenticated.
  std::function<void(const trunkline::host::HttpRequest& request)> verify;
  /// What a request is filled with, before it is.
  std::function<void(Variables& variables)> prepare;
  /// The code of a receipt as `errors` has it, where receipts and answers number differently.
  std::function<std::string(const CallbackMap& map, const std::string& code)> code;
  /// Callbacks that are neither receipts nor texts; an answer ends them.
  std::function<std::optional<trunkline::host::HttpResponse>(const json& document)> special;
};

/// [any-thread]
class Engine : public trunkline::sms::SmsProvider,
               public trunkline::sms::SmsQueryProvider,
               public trunkline::host::WebhookReceiver {
 public:
  template <class T>
  using Task = trunkline::Task<T>;

  /// `callback_url`: how the carrier reaches /_webhooks/<provider> here; may be empty. `keep`: how long it is remembered over a
  /// restart what was handed to the carrier.
  Engine(trunkline::Host host, Description description, std::string callback_url, trunkline::Duration keep, Hooks hooks = {});
  /// The setting that `keep` comes from.
  static trunkline::Duration journal_of(const json& config) {
    return std::chrono::minutes(config.value("journal_minutes", kJournalMinutes));
  }

  Task<std::vector<trunkline::sms::SmsSendResult>> send(trunkline::Call call, trunkline::sms::SmsSendRequest request) override;
  trunkline::sms::SmsCapabilities capabilities(const trunkline::Call& call) override;
  Task<trunkline::sms::SmsQueryResult> query(trunkline::Call call, trunkline::sms::SmsQuery query) override;
  Task<trunkline::host::HttpResponse> receive(trunkline::Call call, trunkline::host::HttpRequest request) override;

 protected:
  std::string secret(const std::string& name) const { return secrets_.get(name); }
  trunkline::Time now() const { return clock_.now(); }

 private:
  enum class Fate { kTaken, kRefused, kUnsent, kLost };
  struct Batch;
  static constexpr std::int64_t kJournalMinutes = 1440;
  static constexpr std::size_t kMaxCode = 256;  // of what a carrier says
  Task<void> work(Batch* batch);
  Task<Fate> send_one(const Batch& batch, std::size_t index, trunkline::sms::SmsSendResult& result);
  Variables variables_of(const trunkline::sms::SmsSendRequest& request, const trunkline::sms::Recipient& recipient) const;
  trunkline::host::HttpRequest fill(const Request& request, const Variables& variables) const;
  Fate read_result(const trunkline::host::HttpResponse& response, trunkline::sms::SmsSendResult& result) const;
  Meaning meaning(int status, const std::optional<std::string>& code) const;
  /// `ours`: the message that the callback's URL names; may be empty.
  Task<void> take_receipt(const trunkline::Call& call, const CallbackMap& map, const json& one, std::string ours);
  Task<void> take_text(const trunkline::Call& call, const CallbackMap& map, const json& one);
  json document_of(const trunkline::host::HttpRequest& request) const;

  const Description description_;
  const std::string callback_url_;
  const Hooks hooks_;
  const trunkline::host::ClockClient clock_;
  const trunkline::host::LogClient log_;
  const trunkline::host::HttpClient http_;
  const trunkline::host::SecretsClient secrets_;
  const trunkline::sms::SmsEventsClient events_;
  const SecretOf secret_of_;
  trunkline::CustodyBook custody_;
};

}  // namespace http_carrier
