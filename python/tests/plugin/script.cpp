// A provider for the tests of the language bindings: the text of a message says how the call ends.
//   hang     only when the caller cancels; capabilities() counts such calls: begun in max_segments, cancelled in max_recipients
//   pool     on a thread of the host
//   refuse   with an error that has every member
//   other    at once
#include <atomic>
#include <memory>
#include <utility>

#include "trunkline/plugin.hpp"
#include "trunkline/sms_provider.hpp"

namespace {

using namespace trunkline;
using Results = std::vector<sms::SmsSendResult>;

Results accept(const sms::SmsSendRequest& request) {
  Results results;
  for (const sms::Recipient& recipient : request.recipients) {
    sms::SmsSendResult result;
    result.message_id = recipient.message_id;
    result.accepted = true;
    result.provider_message_id = "script-" + recipient.to;
    results.push_back(std::move(result));
  }
  return results;
}

/// A call that waits for its caller to give up. Frees itself once it was told so and start() is through.
class Hanging {
 public:
  static void start(const Call& call, Completion<Results> done, std::atomic<int>& cancelled, Host host) {
    auto* self = new Hanging(std::move(done));
    self->subscription_ = call.on_cancel([self, &cancelled, host] {
      cancelled.fetch_add(1);
      // Not from inside the subscription that it ends.
      host.executor().start_yield({}, [self](const Result<void>&) {
        if (self->meet_.arrive_done()) self->finish();
      });
    });
    if (!self->meet_.arrive_waiting()) self->finish();
  }

 private:
  explicit Hanging(Completion<Results> done) : done_(std::move(done)) {}
  void finish() {
    const std::unique_ptr<Hanging> owned(this);
    subscription_.reset();
    done_.reject(Error(ErrorCode::kCancelled, "the caller gave up"));
  }
  Completion<Results> done_;
  CancelSubscription subscription_;
  detail::Rendezvous meet_;
};

class Script final : public sms::SmsProvider {
 public:
  Script(Host host, std::string_view) : host_(host) {}

  void start_send(const Call& call, sms::SmsSendRequestView request, Completion<Results> done) override {
    if (request.text() == "hang") {
      Hanging::start(call, std::move(done), cancelled_, host_);
      hanging_.fetch_add(1);
      return;
    }
    if (request.text() == "refuse")
      throw Error(ErrorCode::kResourceExhausted, "too fast", "text")
          .with_provider_code("429")
          .with_retry(std::chrono::milliseconds(1500));
    sms::SmsProvider::start_send(call, request, std::move(done));
  }
  Task<Results> send(Call, sms::SmsSendRequest request) override {
    if (request.text == "pool") co_await host_.executor().yield();
    co_return accept(request);
  }
  sms::SmsCapabilities capabilities(const Call&) override {
    sms::SmsCapabilities capabilities;
    capabilities.max_segments = hanging_.load();
    capabilities.max_recipients = cancelled_.load();
    capabilities.countries = {"US", "GB"};
    return capabilities;
  }

 private:
  Host host_;
  std::atomic<int> hanging_{0};
  std::atomic<int> cancelled_{0};
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Script)
