#include "carrier.h"

#include <pthread.h>

#include <boost/asio/post.hpp>

namespace sms_smpp {

using trunkline::Call;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::sms::SmsCapabilities;
using trunkline::sms::SmsQuery;
using trunkline::sms::SmsQueryResult;
using trunkline::sms::SmsSendRequest;
using trunkline::sms::SmsSendResult;

namespace {
constexpr std::size_t kMaxRecipients = 100;
}

Carrier::Carrier(trunkline::Host host, std::string_view config_json)
    : settings_(parse_settings(config_json)), work_(io_.get_executor()) {
  core_ = std::make_unique<Core>(io_, settings_, host);
  boost::asio::post(io_, [this] { core_->start(); });
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "tl-smpp");
    for (;;) try {
        io_.run();
        return;
      } catch (const std::exception&) {  // a host that has gone answers nothing; what was under way ends with it
      }
  });
}

Carrier::~Carrier() {
  work_.reset();
  io_.stop();
  thread_.join();
}

Task<void> Carrier::stop() {
  co_await trunkline::from_callback<void>([this](auto done) {
    boost::asio::post(io_, [this, done]() mutable { core_->stop([done]() mutable { done(Result<void>{}); }); });
  });
}

Task<std::vector<SmsSendResult>> Carrier::send(Call call, SmsSendRequest request) {
  if (request.from.empty()) throw Error(ErrorCode::kInvalidArgument, "from: found nothing, wanted a sender", "from");
  if (request.recipients.empty() || request.recipients.size() > kMaxRecipients)
    throw Error(
        ErrorCode::kInvalidArgument,
        "recipients: found " + std::to_string(request.recipients.size()) + ", wanted 1 to " + std::to_string(kMaxRecipients),
        "recipients");
  if (settings_.bind == BindKind::kReceiver)
    throw Error(ErrorCode::kFailedPrecondition, "bind: a receiver sends nothing", "bind");
  std::string resource(call.resource());
  const auto deadline = call.deadline();
  auto results = co_await trunkline::from_callback<std::vector<SmsSendResult>>([&](auto done) {
    boost::asio::post(io_, [this, done, request = std::move(request), resource = std::move(resource), deadline]() mutable {
      core_->send(std::move(request), std::move(resource), deadline, std::move(done));
    });
  });
  co_return results;
}

SmsCapabilities Carrier::capabilities(const Call&) {
  SmsCapabilities capabilities;
  capabilities.delivery_reports = settings_.receipts != Receipts::kNone && settings_.bind != BindKind::kTransmitter;
  capabilities.inbound = settings_.bind != BindKind::kTransmitter;
  capabilities.alphanumeric_sender = true;
  // What was handed over is on disk, so that a call which comes again after a crash sends nothing twice.
  capabilities.idempotent = settings_.journal > Duration{0};
  capabilities.max_recipients = kMaxRecipients;
  capabilities.max_segments = settings_.max_segments;
  return capabilities;
}

Task<SmsQueryResult> Carrier::query(Call, SmsQuery query) {
  auto result = co_await trunkline::from_callback<SmsQueryResult>([&](auto done) {
    boost::asio::post(io_, [this, done, query = std::move(query)]() mutable { core_->query(std::move(query), std::move(done)); });
  });
  co_return result;
}

}  // namespace sms_smpp
